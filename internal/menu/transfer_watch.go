package menu

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

// Bounds of a list of transfers.
const (
	maxOpen     = 1000                   // transfers that are open
	maxClosed   = 20                     // and the newest that are not
	maxKnown    = 8                      // of the first ones, the deliveries are read, too
	lookPerUnit = 200 * time.Microsecond // more between two looks for every device that is listed
)

// Transfers is how the transfers of a group, or of all groups, stand.
type Transfers struct {
	Group      string // "": all
	All        []groupcast.Transfer
	Known      map[protocol.TransferNo][]groupcast.Delivery // of the first ones that are open
	Chosen     ui.Snapshot                                  // one of them, with its deliveries
	Lost       time.Time                                    // since when the server has not answered; zero: it does
	Read       bool                                         // there was an answer once
	Unreadable error                                        // what the server said instead
	Said       string                                       // what was done before they are shown
}

// arrange puts transfers in the order of a list, each once: as it was read last.
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

// Index is the place of a transfer in the list; -1: it is not there.
func (b Transfers) Index(no protocol.TransferNo) int {
	return slices.IndexFunc(b.All, func(t groupcast.Transfer) bool { return t.No == no })
}

// Selection is the transfer that is looked at; 0: one that runs.
type Selection struct {
	no   atomic.Uint64
	wake chan struct{}
}

// NewSelection has chosen nothing yet.
func NewSelection() *Selection { return &Selection{wake: make(chan struct{}, 1)} }

// No is the transfer that was chosen.
func (g *Selection) No() protocol.TransferNo { return protocol.TransferNo(g.no.Load()) }

// Choose looks at a transfer.
func (g *Selection) Choose(no protocol.TransferNo) {
	g.no.Store(uint64(no))
	g.Refresh()
}

// Refresh has the server looked at without delay.
func (g *Selection) Refresh() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// transferWatch keeps a list of transfers up to date.
type transferWatch struct {
	menu     *Menu
	b        Transfers
	only     map[protocol.TransferNo]bool // of what is closed; nil: what was closed last
	selected *Selection
	stale    bool      // the list has to be read again, not the chosen transfer alone
	since    time.Time // when the list was read
	show     func(Transfers)
}

func (m *Menu) watchTransfers(group string, g *Selection, show func(Transfers)) *transferWatch {
	return &transferWatch{menu: m, b: Transfers{Group: group}, selected: g, stale: true, show: show}
}

// run shows the transfers whenever they changed, until ctx ends.
func (w *transferWatch) run(ctx context.Context) {
	follower{events: w.menu.Admin.Events, take: w.take, look: w.look, wake: w.selected.wake}.run(ctx)
}

// take notes what an event says of a transfer that runs; the rest is a hint.
func (w *transferWatch) take(e groupcast.Event) bool {
	t, ok := e.Data.(groupcast.Transfer)
	if e.Kind != groupcast.EventProgress || !ok {
		w.stale = true
		return true
	}
	i := w.b.Index(t.No)
	if i < 0 {
		return false // of another group
	}
	w.b.All[i] = t
	if t.No == w.b.Chosen.Transfer.No {
		w.b.Chosen.Transfer = t
	}
	w.tell()
	return t.No == w.b.Chosen.Transfer.No
}

func (w *transferWatch) look(ctx context.Context) time.Duration {
	err := w.read(ctx)
	switch {
	case ctx.Err() != nil:
		return 0
	case err == nil:
		w.b.Lost, w.b.Unreadable, w.b.Read = time.Time{}, nil, true
	case groupcast.ErrorCode(err) == groupcast.EUnavailable:
		if w.b.Lost.IsZero() {
			w.b.Lost = time.Now()
		}
		w.stale = true
	default:
		w.b.Unreadable, w.stale = err, true
	}
	w.tell()
	devices := len(w.b.Chosen.Deliveries)
	for _, known := range w.b.Known {
		devices += len(known)
	}
	return lookLeast + time.Duration(devices)*lookPerUnit
}

// tell passes a copy on: the transferWatch continues with its own.
func (w *transferWatch) tell() {
	b := w.b
	b.All = slices.Clone(b.All)
	w.show(b)
}

// read asks for the list where it may have changed, and for the transfer looked at.
func (w *transferWatch) read(ctx context.Context) error {
	fresh := w.stale || time.Since(w.since) >= lookWithoutEvents
	if fresh {
		all, err := w.list(ctx)
		if err != nil {
			return err
		}
		w.b.All, w.stale, w.since = all, false, time.Now()
	}
	no := protocol.TransferNo(w.selected.no.Load())
	if w.b.Index(no) < 0 {
		no = w.nextToShow()
	}
	err := w.readOf(ctx, no, fresh)
	w.stale = w.stale || err != nil
	return err
}

// readOf reads the transfer looked at and, with the list, who is owed the first ones.
func (w *transferWatch) readOf(ctx context.Context, no protocol.TransferNo, fresh bool) error {
	if old := w.b.Chosen; old.Transfer.No != no && old.Deliveries != nil {
		w.b.Known = maps.Clone(w.b.Known) // what is shown already keeps its own
		w.b.Known[old.Transfer.No] = old.Deliveries
	}
	if fresh {
		if err := w.know(ctx, no); err != nil {
			return err
		}
	}
	if no == 0 {
		w.b.Chosen = ui.Snapshot{}
		return nil
	}
	// Deliveries first: what the transfer says is then the newer of the two.
	deliveries, err := w.menu.Admin.Deliveries(ctx, no)
	if err != nil {
		return err
	}
	t, err := w.menu.Admin.Transfer(ctx, no)
	if err != nil {
		return err
	}
	w.b.All[w.b.Index(no)] = t
	w.b.Chosen = ui.Snapshot{Transfer: t, Deliveries: deliveries}
	return nil
}

// know reads who is owed the first transfers, but for the one looked at.
func (w *transferWatch) know(ctx context.Context, but protocol.TransferNo) error {
	known := map[protocol.TransferNo][]groupcast.Delivery{}
	for _, t := range w.b.All[:min(len(w.b.All), maxKnown)] {
		if !t.State.Open() || t.No == but {
			continue
		}
		deliveries, err := w.menu.Admin.Deliveries(ctx, t.No)
		if err != nil {
			return err
		}
		known[t.No] = deliveries
	}
	w.b.Known = known
	return nil
}

// Snapshot is a transfer of the list with what is known of its deliveries.
func (b Transfers) Snapshot(t groupcast.Transfer) ui.Snapshot {
	if t.No == b.Chosen.Transfer.No && b.Chosen.Deliveries != nil {
		return b.Chosen
	}
	return ui.Snapshot{Transfer: t, Deliveries: b.Known[t.No]}
}

// nextToShow is what to look at if none was chosen: what runs, else what was shown before,
// else the first.
func (w *transferWatch) nextToShow() protocol.TransferNo {
	if len(w.b.All) == 0 {
		return 0
	}
	first, old := w.b.All[0], w.b.Chosen.Transfer.No
	i := w.b.Index(old)
	if i >= 0 && (first.Rank() > groupcast.RankRunning || w.b.All[i].Rank() == groupcast.RankRunning) {
		return old
	}
	return first.No
}

// list reads what is open and what was closed last.
func (w *transferWatch) list(ctx context.Context) ([]groupcast.Transfer, error) {
	open, err := w.menu.Admin.Transfers(ctx, groupcast.TransferFilter{Group: w.b.Group, Open: true, Limit: maxOpen})
	if err != nil {
		return nil, err
	}
	if w.only == nil {
		newest, err := w.menu.Admin.Transfers(ctx, groupcast.TransferFilter{Group: w.b.Group, Limit: maxClosed})
		return arrange(append(open, newest...)), err
	}
	for no := range w.only {
		if slices.ContainsFunc(open, func(t groupcast.Transfer) bool { return t.No == no }) {
			continue
		}
		t, err := w.menu.Admin.Transfer(ctx, no)
		if err != nil {
			return nil, err
		}
		open = append(open, t)
	}
	return arrange(open), nil
}
