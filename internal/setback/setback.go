// Package setback finds out that a server's state is an earlier one than it was: restored from a backup,
// or a copy of its home that was put back. It decides that, keeps it until an administrator has confirmed
// the memberships, and moves the numbers past those of the part that is lost.
package setback

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

// How far numbers move on once the server knows that it was set back: more than the lost part of
// its life drew, restarts included. Transfer numbers are typed by people and stay short.
const (
	far          = 1 << 40
	farTransfers = 100_000
)

// How far ahead of the server's own numbers a signed one may be. More than that cannot have been lost: it
// was signed by another holder of the key, and is ignored.
const (
	mostAhead          = 1 << 50
	mostTransfersAhead = 1 << 32
)

// Each start leaves out so many numbers of offers, at random: two lives that begin from one copy
// number their offers apart, and a device's offer says which of them it is of.
const (
	leastGap = 1 << 16
	mostGap  = 1 << 32
)

// So many editions of the pages of open transfers are left out, at random, once the server knows that it was set
// back: a device that has pages which the lost part of its life signed must never see others with their numbers.
const (
	leastEditions = 1 << 16
	mostEditions  = 1 << 24
)

// setting keeps a State until it is confirmed.
const setting = "restore.unconfirmed"

// Store is what is counted and kept (store.Store).
type Store interface {
	LastOffer(ctx context.Context) (protocol.OfferNo, error)
	LastTransferNo(ctx context.Context) (protocol.TransferNo, error)
	OfferLeftOut(ctx context.Context, number protocol.OfferNo) (bool, error)
	LeaveOutOffers(ctx context.Context, n uint64) error
	SkipOffersPast(ctx context.Context, number protocol.OfferNo) error
	SkipTransfersPast(ctx context.Context, number protocol.TransferNo) error
	SkipEditions(ctx context.Context, by uint32) error
	SkipSitesPast(ctx context.Context, epoch uint64) error
	Setting(ctx context.Context, name string) (string, error)
	SetSetting(ctx context.Context, name, value string) error
	Audit(ctx context.Context, f store.AuditFilter) ([]groupcast.AuditEntry, error)
}

// Config is what a Watch is made of.
type Config struct {
	Server    protocol.ServerID
	Key       seal.VerifyKey // of the server's offers
	Store     Store
	Witnesses []string                    // files that count along with the database
	Halt      func()                      // stops whatever is sent or was offered
	Moved     func(context.Context) error // takes the server's site anew: its epochs moved on
	Pause     func(bool)                  // says whether anything may be sent, at the start and after a confirmation
	Audit     func(ctx context.Context, action, object, detail string)
	Log       *slog.Logger
}

// State is what the server knows of being set back, as the setting keeps it until it is confirmed.
type State struct {
	How       groupcast.SetBack   `json:"how"`
	Detail    string              `json:"detail,omitempty"`
	Offers    protocol.OfferNo    `json:"offers,omitempty"` // the counters move past these
	Transfers protocol.TransferNo `json:"transfers,omitempty"`
}

// readState reads the setting. Earlier versions wrote a word, after a restore only.
func readState(value string) (b State, is bool) {
	if value == "" {
		return b, false
	}
	if json.Unmarshal([]byte(value), &b) != nil || b.How == "" {
		b = State{How: groupcast.SetBackRestored}
	}
	return b, true
}

// Watch is the one place where it is decided that a server was set back.
type Watch struct {
	cfg       Config
	witnesses witnesses

	mu      sync.Mutex // held over a whole decision
	pending *State     // it is so, and not on the disk yet
	forged  bool       // an offer from beyond was logged
}

// New makes a watch; Begin comes before the first offer.
func New(cfg Config) *Watch { return &Watch{cfg: cfg} }

// Restored is for the first start after a restore (O4): numbers that the lost part of the server's life
// may have used are never used again, and nothing is sent.
func (w *Watch) Restored(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	offers, transfers, err := w.numbers(ctx)
	if err != nil {
		return err
	}
	w.pending = &State{How: groupcast.SetBackRestored, Offers: offers + far, Transfers: transfers + farTransfers}
	if err := w.keep(ctx); err != nil {
		return err
	}
	w.cfg.Audit(ctx, "restore", "", "started from a backup")
	return nil
}

// Begin comes at each start, before the first offer: it looks at the witnesses and sets this life's
// numbers apart from those of any other.
func (w *Watch) Begin(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // a stop in the middle is no error
	w.mu.Lock()
	defer w.mu.Unlock()
	if b, is, err := w.unconfirmed(ctx); err != nil {
		return err
	} else if is {
		if err := w.movePast(ctx, b); err != nil { // a start before this one may not have come so far
			return err
		}
	}
	if err := w.askWitnesses(ctx); err != nil {
		return err
	}
	if err := w.cfg.Store.LeaveOutOffers(ctx, leastGap+rand.Uint64N(mostGap-leastGap)); err != nil {
		return err
	}
	return w.pause(ctx)
}

// pause stops sending if it was not confirmed yet.
func (w *Watch) pause(ctx context.Context) error {
	_, is, err := w.unconfirmed(ctx)
	if err != nil {
		return err
	}
	w.cfg.Pause(is || w.pending != nil)
	return nil
}

// Confirm lets sending begin again: an administrator has looked at the memberships.
func (w *Watch) Confirm(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.keep(ctx); err != nil { // the counters come first
		return err
	}
	if err := w.cfg.Store.SetSetting(ctx, setting, ""); err != nil {
		return err
	}
	return w.pause(ctx)
}

// Why says whether it waits for a confirmation, and why.
func (w *Watch) Why(ctx context.Context) (State, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, is, err := w.unconfirmed(ctx)
	if err == nil && !is && w.pending != nil {
		return *w.pending, true, nil
	}
	return b, is, err
}

// found stops everything first, then keeps why and moves the counters. If the disk does not take it,
// the server stays stopped, and it is tried again. The lock is held.
func (w *Watch) found(ctx context.Context, b State) error {
	ctx = context.WithoutCancel(ctx)
	w.pending = &b
	w.cfg.Halt()
	w.cfg.Log.Error("this server's home was set back to an earlier state; nothing is sent until an administrator "+
		"confirms the memberships", "how", b.How, "why", b.Detail)
	if err := w.keep(ctx); err != nil {
		return groupcast.Errorf(groupcast.EUnavailable, "the server found that it was set back and cannot note it").
			WithHint("it is tried again by itself").Wrap(err)
	}
	w.cfg.Audit(ctx, "setback", "", b.Detail)
	return nil
}

// keep writes down what is pending. The setting comes first, with the numbers in it: a start that
// finds it moves the counters again. What was known before stays the reason that is shown.
func (w *Watch) keep(ctx context.Context) error {
	if w.pending == nil {
		return nil
	}
	known, unconfirmed, err := w.unconfirmed(ctx)
	if err != nil {
		return err
	}
	next := *w.pending
	if unconfirmed {
		next.How, next.Detail = known.How, known.Detail
		next.Offers, next.Transfers = max(next.Offers, known.Offers), max(next.Transfers, known.Transfers)
	}
	value, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := w.cfg.Store.SetSetting(ctx, setting, string(value)); err != nil {
		return err
	}
	if err := w.movePast(ctx, next); err != nil {
		return err
	}
	w.pending = nil
	return nil
}

// movePast moves the counters; doing it twice does no harm.
func (w *Watch) movePast(ctx context.Context, b State) error {
	if err := w.cfg.Store.SkipOffersPast(ctx, b.Offers); err != nil {
		return err
	}
	if err := w.cfg.Store.SkipTransfersPast(ctx, b.Transfers); err != nil {
		return err
	}
	if err := w.cfg.Store.SkipEditions(ctx, leastEditions+rand.Uint32N(mostEditions-leastEditions)); err != nil {
		return err
	}
	// Devices take no offer of an epoch below one that they saw. A start makes an epoch, and numbers of offers are
	// left out at each: their count is far ahead of that of any life of the server.
	if err := w.cfg.Store.SkipSitesPast(ctx, uint64(b.Offers)); err != nil {
		return err
	}
	w.Counted(ctx)
	return w.cfg.Moved(ctx)
}

// unconfirmed reads whether an administrator has to confirm the memberships, and why.
func (w *Watch) unconfirmed(ctx context.Context) (State, bool, error) {
	v, err := w.cfg.Store.Setting(ctx, setting)
	if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		return State{}, false, err
	}
	b, is := readState(v)
	return b, is, nil
}

// numbers gives the last numbers that were drawn.
func (w *Watch) numbers(ctx context.Context) (protocol.OfferNo, protocol.TransferNo, error) {
	offers, err := w.cfg.Store.LastOffer(ctx)
	if err != nil {
		return 0, 0, err
	}
	transfers, err := w.cfg.Store.LastTransferNo(ctx)
	return offers, transfers, err
}
