package setback

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// A witness is a small file outside of the database with the same counters: one is next to it in the home,
// one in a folder that the system empties at its next boot. A database that is behind a witness is an
// earlier one (security.md O4). A witness may be behind, because it is not flushed to the disk; one that is
// missing or damaged is ignored.

// counts are the numbers that only rise, and are durable before anybody acts on them.
type counts struct {
	Offers    protocol.OfferNo
	Transfers protocol.TransferNo
	Audit     int64 // entries of the audit log, which every removal makes one of
}

const countsFormat = "groupcast %020d %020d %020d\n"

// beyond says whether c has counted further than known in anything.
func (c counts) beyond(known counts) bool {
	return c.Offers > known.Offers || c.Transfers > known.Transfers || c.Audit > known.Audit
}

type witnesses struct {
	mu    sync.Mutex
	files []*os.File
	wrote counts
}

// open opens the files, making those that are not there, and gives what they counted.
func (w *witnesses) open(paths []string, log *slog.Logger) (said []counts) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, path := range paths {
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		var f *os.File
		if err == nil {
			f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		}
		if err != nil {
			log.Warn("a witness of the server's counters cannot be kept", "err", err)
			continue
		}
		var c counts
		if _, err := fmt.Fscanf(f, countsFormat, &c.Offers, &c.Transfers, &c.Audit); err == nil {
			said = append(said, c)
		}
		w.files = append(w.files, f)
	}
	return said
}

// write notes counts in place: a reader sees the old or the new ones.
func (w *witnesses) write(c counts, log *slog.Logger) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c == w.wrote {
		return
	}
	text := fmt.Appendf(nil, countsFormat, c.Offers, c.Transfers, c.Audit)
	for _, f := range w.files {
		if _, err := f.WriteAt(text, 0); err != nil {
			log.Debug("a witness was not written", "err", err)
			return // it lags
		}
	}
	w.wrote = c
}

func (w *witnesses) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, f := range w.files {
		errs = append(errs, f.Close())
	}
	w.files = nil
	return errors.Join(errs...)
}

// counted reads what the database has counted.
func (w *Watch) counted(ctx context.Context) (c counts, err error) {
	if c.Offers, c.Transfers, err = w.numbers(ctx); err != nil {
		return c, err
	}
	last, err := w.cfg.Store.Audit(ctx, store.AuditFilter{Limit: 1})
	if err == nil && len(last) > 0 {
		c.Audit = last[0].ID
	}
	return c, err
}

// Counted writes the database's counters to the witnesses.
func (w *Watch) Counted(ctx context.Context) {
	if len(w.cfg.Witnesses) == 0 {
		return
	}
	c, err := w.counted(context.WithoutCancel(ctx))
	if err != nil {
		w.cfg.Log.Warn("the witnesses of the server's counters were not written", "err", err)
		return
	}
	w.witnesses.write(c, w.cfg.Log)
}

// Close closes the witnesses.
func (w *Watch) Close() error { return w.witnesses.close() }

// askWitnesses compares at the start. The lock is held.
func (w *Watch) askWitnesses(ctx context.Context) error {
	known, err := w.counted(ctx)
	if err != nil {
		return err
	}
	most, beyond := known, false
	for _, c := range w.witnesses.open(w.cfg.Witnesses, w.cfg.Log) {
		if !c.beyond(known) || c.Offers > known.Offers+mostAhead || c.Transfers > known.Transfers+mostTransfersAhead {
			continue
		}
		beyond = true
		most.Offers, most.Transfers = max(most.Offers, c.Offers), max(most.Transfers, c.Transfers)
	}
	if beyond {
		err := w.found(ctx, State{
			How:    groupcast.SetBackWitness,
			Detail: "this machine has seen a later state of this server than the one in its home",
			Offers: most.Offers + far, Transfers: most.Transfers + farTransfers,
		})
		if err != nil {
			return err
		}
	}
	w.Counted(ctx)
	return nil
}
