package menu

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

// Bounds of a board.
const (
	maxOpen     = 1000                   // transfers that are open
	maxClosed   = 20                     // and the newest that are not
	lookPerUnit = 200 * time.Microsecond // more between two looks for every device that is listed
)

// board is how the transfers of a group, or of all groups, stand.
type board struct {
	group      string // "": all
	transfers  []groupcast.Transfer
	chosen     ui.Snapshot // one of them, with its deliveries
	lost       time.Time   // since when the server has not answered; zero: it does
	read       bool        // there was an answer once
	unreadable error       // what the server said instead
}

// arrange puts transfers in the order of a board, each once: as it was read last.
func arrange(all []groupcast.Transfer) []groupcast.Transfer {
	seen := map[protocol.TransferNo]bool{}
	slices.Reverse(all)
	all = slices.DeleteFunc(all, func(t groupcast.Transfer) bool {
		twice := seen[t.No]
		seen[t.No] = true
		return twice
	})
	slices.SortStableFunc(all, func(x, y groupcast.Transfer) int {
		newest := 1
		if x.Rank() == groupcast.RankClosed {
			newest = -1
		}
		return cmp.Or(x.Rank()-y.Rank(), newest*cmp.Compare(x.No, y.No))
	})
	return all
}

// index is the place of a transfer in the list; -1: it is not there.
func (b board) index(no protocol.TransferNo) int {
	return slices.IndexFunc(b.transfers, func(t groupcast.Transfer) bool { return t.No == no })
}

// gaze is which transfer somebody looks at; 0: whichever runs.
type gaze struct {
	no   atomic.Uint64
	poke chan struct{}
}

func newGaze() *gaze { return &gaze{poke: make(chan struct{}, 1)} }

func (g *gaze) at(no protocol.TransferNo) {
	g.no.Store(uint64(no))
	g.again()
}

// again has the server looked at without delay.
func (g *gaze) again() {
	select {
	case g.poke <- struct{}{}:
	default:
	}
}

// watcher keeps a board up to date.
type watcher struct {
	desk  *Desk
	b     board
	only  map[protocol.TransferNo]bool // of what is closed; nil: what was closed last
	gaze  *gaze
	stale bool      // the list has to be read again, not the chosen transfer alone
	since time.Time // when the list was read
	show  func(board)
}

func (d *Desk) newWatcher(group string, g *gaze, show func(board)) *watcher {
	return &watcher{desk: d, b: board{group: group}, gaze: g, stale: true, show: show}
}

// run shows the board whenever it changed, until ctx ends.
func (w *watcher) run(ctx context.Context) {
	follower{events: w.desk.Admin.Events, hear: w.hear, look: w.look, poke: w.gaze.poke}.run(ctx)
}

// hear takes what an event says of a transfer that runs; the rest is a hint.
func (w *watcher) hear(e groupcast.Event) bool {
	t, ok := e.Data.(groupcast.Transfer)
	if e.Kind != groupcast.EventProgress || !ok {
		w.stale = true
		return true
	}
	i := w.b.index(t.No)
	if i < 0 {
		return false // of another group
	}
	w.b.transfers[i] = t
	if t.No == w.b.chosen.Transfer.No {
		w.b.chosen.Transfer = t
	}
	w.tell()
	return t.No == w.b.chosen.Transfer.No
}

func (w *watcher) look(ctx context.Context) time.Duration {
	err := w.read(ctx)
	switch {
	case ctx.Err() != nil:
		return 0
	case err == nil:
		w.b.lost, w.b.unreadable, w.b.read = time.Time{}, nil, true
	case groupcast.ErrorCode(err) == groupcast.EUnavailable:
		if w.b.lost.IsZero() {
			w.b.lost = time.Now()
		}
		w.stale = true
	default:
		w.b.unreadable, w.stale = err, true
	}
	w.tell()
	return lookLeast + time.Duration(len(w.b.chosen.Deliveries))*lookPerUnit
}

// tell shows a copy: the watcher goes on with its own.
func (w *watcher) tell() {
	b := w.b
	b.transfers = slices.Clone(b.transfers)
	w.show(b)
}

// read asks for the list where it may have changed, and for the transfer looked at.
func (w *watcher) read(ctx context.Context) error {
	if w.stale || time.Since(w.since) >= lookDeaf {
		all, err := w.list(ctx)
		if err != nil {
			return err
		}
		w.b.transfers, w.stale, w.since = all, false, time.Now()
	}
	no := protocol.TransferNo(w.gaze.no.Load())
	if w.b.index(no) < 0 {
		no = w.nextToShow()
	}
	if no == 0 {
		w.b.chosen = ui.Snapshot{}
		return nil
	}
	// Deliveries first: what the transfer says is then the newer of the two.
	deliveries, err := w.desk.Admin.Deliveries(ctx, no)
	if err != nil {
		w.stale = true
		return err
	}
	t, err := w.desk.Admin.Transfer(ctx, no)
	if err != nil {
		w.stale = true
		return err
	}
	w.b.transfers[w.b.index(no)] = t
	w.b.chosen = ui.Snapshot{Transfer: t, Deliveries: deliveries}
	return nil
}

// nextToShow is what to look at when nobody has chosen: what runs, else what was shown before,
// else the first.
func (w *watcher) nextToShow() protocol.TransferNo {
	if len(w.b.transfers) == 0 {
		return 0
	}
	first, old := w.b.transfers[0], w.b.chosen.Transfer.No
	if i := w.b.index(old); i >= 0 && (first.Rank() > groupcast.RankRunning || w.b.transfers[i].Rank() == groupcast.RankRunning) {
		return old
	}
	return first.No
}

// list reads what is open and what was closed last.
func (w *watcher) list(ctx context.Context) ([]groupcast.Transfer, error) {
	open, err := w.desk.Admin.Transfers(ctx, groupcast.TransferFilter{Group: w.b.group, Open: true, Limit: maxOpen})
	if err != nil {
		return nil, err
	}
	if w.only == nil {
		newest, err := w.desk.Admin.Transfers(ctx, groupcast.TransferFilter{Group: w.b.group, Limit: maxClosed})
		return arrange(append(open, newest...)), err
	}
	for no := range w.only {
		if slices.ContainsFunc(open, func(t groupcast.Transfer) bool { return t.No == no }) {
			continue
		}
		t, err := w.desk.Admin.Transfer(ctx, no)
		if err != nil {
			return nil, err
		}
		open = append(open, t)
	}
	return arrange(open), nil
}
