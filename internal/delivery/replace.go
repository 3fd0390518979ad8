package delivery

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// replaces lists the open transfers of a group whose every path is one of a newer transfer, too.
func (e *Engine) replaces(ctx context.Context, newer store.Transfer) []protocol.TransferNo {
	if newer.Hold {
		return nil
	}
	return e.editions.Covered(ctx, newer, e.mayReplace(newer))
}

// WouldReplace lists the open transfers of a group that one with so many entries would replace, the oldest first; all:
// every one that may be was compared. covers says whether it has every path of some content, after how many entries.
func (e *Engine) WouldReplace(
	group protocol.GroupID, entries int, covers func(older string) (covers bool, read int, err error),
) (out []protocol.TransferNo, all bool) {
	newer := store.Transfer{Transfer: groupcast.Transfer{GroupID: group, Files: entries}}
	return e.editions.CoveredBy(covers, e.mayReplace(newer))
}

// Ahead is the transfer that a group runs now, which a new one comes after; 0: none.
func (e *Engine) Ahead(group protocol.GroupID) protocol.TransferNo {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sched.Busy(group)
}

// mayReplace lists the open transfers that a newer one may replace, by what is known without their lists.
func (e *Engine) mayReplace(newer store.Transfer) (out []store.Transfer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for no, tr := range e.infos {
		before := newer.No == 0 || no < newer.No
		if before && tr.GroupID == newer.GroupID && tr.Entries() <= newer.Entries() {
			out = append(out, tr)
		}
	}
	slices.SortFunc(out, func(a, b store.Transfer) int { return cmp.Compare(b.No, a.No) })
	return out
}

// replaced ends what goes on of transfers that a newer one has replaced, before that one is offered; owing is held.
func (e *Engine) replaced(ctx context.Context, by protocol.TransferNo, older []protocol.TransferNo) {
	ctx = context.WithoutCancel(ctx)
	for _, no := range older {
		tr, err := e.store.Transfer(ctx, no)
		switch {
		case err != nil:
			e.log.Error("a transfer that was replaced could not be read", "transfer", no, "err", err)
		case tr.ReplacedBy == by:
			end := &ended{no: no}
			e.takeOff(end)
			e.finishTransfer(ctx, end)
			e.tell(tr.Transfer, fmt.Sprintf("replaced by transfer %d", by))
		case tr.State.Open():
			e.replacedIn(ctx, no, by)
		}
	}
}

// replacedIn takes the deliveries that were replaced out of a transfer which is still owed to others.
func (e *Engine) replacedIn(ctx context.Context, no, by protocol.TransferNo) {
	all, err := e.store.Deliveries(ctx, no, groupcast.Window{})
	if err != nil {
		e.log.Error("what was replaced could not be read", "transfer", no, "err", err)
	}
	for _, d := range all.Rows {
		if d.ReplacedBy == by && d.Device != "" {
			e.takeBack(no, d.DeviceID, true)
			e.settle(no, d.DeviceID)
		}
	}
}

// keepApart lets no device work on two transfers at once of which one has replaced the other.
func (e *Engine) keepApart(ctx context.Context) {
	pairs, err := e.store.Replacements(ctx)
	if err != nil {
		e.log.Error("which transfers replaced others could not be read", "err", err)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for newer, older := range pairs {
		for _, no := range older {
			e.sched.SamePaths(newer, no)
		}
	}
}
