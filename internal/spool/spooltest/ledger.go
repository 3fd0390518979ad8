package spooltest

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/groupcast/groupcast/internal/spool"
)

// Ledger is a ledger in memory that survives crashes of a Disk, as a database with a
// durable commit does. Its methods are safe for concurrent use.
type Ledger struct {
	Paths map[string]spool.Delivered
	Fail  error // what Record answers
	mu    sync.Mutex
}

// NewLedger makes an empty ledger.
func NewLedger() *Ledger { return &Ledger{Paths: map[string]spool.Delivered{}} }

// Lookup gives the entry of a path.
func (l *Ledger) Lookup(path string) (spool.Delivered, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, ok := l.Paths[path]
	return d, ok, nil
}

// LookupAll gives the entries of those paths that have one.
func (l *Ledger) LookupAll(paths []string) (map[string]spool.Delivered, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]spool.Delivered{}
	for _, p := range paths {
		if d, ok := l.Paths[p]; ok {
			out[p] = d
		}
	}
	return out, nil
}

// Each shows all entries.
func (l *Ledger) Each(ctx context.Context, show func(path string, d spool.Delivered) error) error {
	l.mu.Lock()
	all := maps.Clone(l.Paths)
	l.mu.Unlock()
	for p, d := range all {
		if err := errors.Join(ctx.Err(), show(p, d)); err != nil {
			return err
		}
	}
	return nil
}

// Record stores the outcomes that put a file onto the disk.
func (l *Ledger) Record(batch []spool.Outcome) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Fail != nil {
		return l.Fail
	}
	for _, o := range batch {
		if o.Foreign {
			continue
		}
		switch o.Result {
		case spool.Committed, spool.KeptBoth, spool.AlreadyHad:
			if have, ok := l.Paths[o.Path]; !ok || have.Transfer <= o.Transfer {
				l.Paths[o.Path] = spool.Delivered{
					Transfer: o.Transfer, Digest: o.Digest, BLAKE3: o.BLAKE3, Size: o.Size, MTime: o.MTime, Name: o.Name,
					Former: have.After(o.Path, o.Name),
				}
			}
		case spool.Superseded, spool.Rejected, spool.Void: // nothing of them lies there
		}
	}
	return nil
}
