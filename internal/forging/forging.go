// Package forging follows what sessions know of packets that a member of the group forged: it is noted on the transfer,
// and from a few blocks on the group's paged sessions have a MAC in each packet (docs/format-2.md §6).
package forging

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	// Enough is how many blocks with a wrong digest make the sessions of a group have MACs …
	Enough = 3
	// Lasts is for how long, from the beginning of the last transfer with so many.
	Lasts = 7 * 24 * time.Hour
)

// Store keeps what is known of forged packets. Package store says what each does.
type Store interface {
	NoteForged(ctx context.Context, at store.SiteEpoch, no protocol.TransferNo, f groupcast.Forging) error
	ForgedLately(ctx context.Context, group protocol.GroupID, blocks int, since time.Time) (bool, error)
}

// Config is what a watch works with.
type Config struct {
	Store Store
	Site  func() store.SiteEpoch
	Now   func() time.Time
	Log   *slog.Logger
	Audit func(ctx context.Context, action, object, detail string) // nil: nobody reads it
}

// Session is the session that something is known of.
type Session struct {
	ID       protocol.SessionID
	Transfer protocol.TransferNo
	Group    string // its name
	Paged    bool
	MACs     bool
}

// Watch follows the sessions of a server. Its methods are safe for concurrent use.
type Watch struct {
	cfg Config

	mu    sync.Mutex // held while something is noted: it is enough once
	known map[protocol.SessionID]known
}

// known is what is known of a session.
type known struct {
	noted  groupcast.Forging // as it was noted last
	failed bool              // what came after could not be noted
}

// New makes a watch.
func New(cfg Config) *Watch {
	return &Watch{cfg: cfg, known: make(map[protocol.SessionID]known)}
}

// Note keeps what a session knows of packets that a member forged; nil: nothing. It stands on the transfer, also when
// that is over. It says whether the session is to begin anew, with MACs: once it is enough, and only what is noted
// counts. What could not be noted is noted with what is told next.
func (w *Watch) Note(ctx context.Context, s Session, f *groupcast.Forging) (anew bool) {
	if f == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.known[s.ID]
	before := k.noted
	if f.Devices <= before.Devices && f.Blocks <= before.Blocks {
		return false
	}
	if err := w.cfg.Store.NoteForged(ctx, w.cfg.Site(), s.Transfer, *f); err != nil {
		if ctx.Err() == nil && !k.failed {
			w.cfg.Log.Error("forged packets could not be noted", "transfer", s.Transfer, "err", err)
		}
		w.known[s.ID] = known{before, true}
		return false
	}
	w.known[s.ID] = known{noted: *f}
	if before.Devices == 0 {
		w.cfg.Log.Warn("a member of the group forges packets; which one cannot be determined",
			"transfer", s.Transfer, "session", s.ID)
	}
	if !s.Paged || s.MACs || before.Blocks >= Enough || f.Blocks < Enough {
		return false
	}
	w.tell(ctx, s, f.Blocks)
	return true
}

// tell says that a session begins anew.
func (w *Watch) tell(ctx context.Context, s Session, blocks int) {
	w.cfg.Log.Warn("the session begins anew with a code in each packet that members cannot forge", "transfer", s.Transfer)
	if w.cfg.Audit != nil {
		w.cfg.Audit(ctx, "group.forged", s.Group, fmt.Sprintf(
			"somebody in the group sends forged packets (transfer %d, %d blocks came wrong): for seven days packets "+
				"carry a code that members cannot forge, which takes 1 %% of the line and up to a second or two a transfer",
			s.Transfer, blocks))
	}
}

// Over forgets a session that has ended.
func (w *Watch) Over(id protocol.SessionID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.known, id)
}

// Flags are those that offers of the group's paged sessions have because of what was forged there: that of MACs, or
// none.
func (w *Watch) Flags(ctx context.Context, group protocol.GroupID) (format2.OfferFlags, error) {
	lately, err := w.cfg.Store.ForgedLately(ctx, group, Enough, w.cfg.Now().Add(-Lasts))
	if err != nil || !lately {
		return 0, err
	}
	return format2.OfferMACs, nil
}
