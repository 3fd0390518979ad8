package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/edition"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/reading"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
)

// sourceFault comes when content of a transfer cannot be read. Files that changed or are gone
// are taken out, and the others continue; what cannot be read now is tried again. Only a transfer
// of which nothing is left fails.
func (e *Engine) sourceFault(no protocol.TransferNo, id string, err error) {
	var lost *content.LostError
	switch {
	case errors.Is(err, reading.ErrOver): // of something that it does not hold any more
	case errors.Is(err, context.Canceled): // whoever asked is gone
	case errors.Is(err, pages.ErrChanged):
		e.log.Warn("files of a transfer changed", "transfer", no, "err", err)
		e.doubt(no, err)
		e.background(func(ctx context.Context) { e.replan(ctx, no, id, nil) })
	case errors.As(err, &lost):
		e.log.Warn("files of a transfer changed", "transfer", no, "err", err)
		e.background(func(ctx context.Context) { e.replan(ctx, no, id, lost.Lost) })
	case errors.Is(err, content.ErrContentGone):
		e.failTransfer(context.Background(), no, err)
	default:
		e.unavailable(no, err)
	}
}

func (e *Engine) unavailable(no protocol.TransferNo, err error) {
	e.log.Warn("a transfer cannot be read; it is tried again", "transfer", no, "err", err)
	reason := groupcast.Clip(reasonOf(err)) + "; it is tried again"
	e.change(func(sch *schedule.Scheduler, now time.Time) { sch.Hinder(now, no, reason) })
	e.setState(context.Background(), no, groupcast.TransferWaiting, reason)
}

// background runs f beside the loop, which ends it when the server goes down.
func (e *Engine) background(f func(ctx context.Context)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.base == nil || e.base.Err() != nil {
		return
	}
	ctx := e.base
	e.running.Go(func() { f(ctx) })
}

// replan gives a transfer new content without the files that are lost: a manifest of its own,
// under offers of their own. Devices keep what they have of it.
func (e *Engine) replan(ctx context.Context, no protocol.TransferNo, id string, lost []content.Lost) {
	if !e.startPlanning(no) {
		return // somebody else saw it first
	}
	defer e.donePlanning(no)
	tr, went, err := e.planned(ctx, no, id, lost)
	if err == nil && went > 0 {
		e.tell(tr.Transfer, lostText(went))
	}
	switch {
	case errors.Is(err, edition.ErrNothingLeft), errors.Is(err, content.ErrContentGone):
		e.failTransfer(context.WithoutCancel(ctx), no, err)
	case err == nil, ctx.Err() != nil, groupcast.ErrorCode(err) == groupcast.ENotFound,
		groupcast.ErrorCode(err) == groupcast.EConflict:
		e.change(func(sch *schedule.Scheduler, _ time.Time) { sch.Resumed(no) })
	default:
		e.unavailable(no, err)
	}
}

// planned gives a transfer that holds id other content, and says how many files it lost by that. What a paged one loses
// is known when its files are read again.
func (e *Engine) planned(
	ctx context.Context, no protocol.TransferNo, id string, lost []content.Lost,
) (tr store.Transfer, went int, err error) {
	if tr, err = e.store.Transfer(ctx, no); err != nil || contentOf(tr) != id {
		return tr, 0, err
	}
	if tr.Paged {
		if wait := edition.WaitFor(tr.Edition); wait > 0 {
			idle(ctx, wait)
		}
		tr, err = e.editions.Further(ctx, tr)
		return tr, 0, err
	}
	return e.editions.Without(ctx, no, id, lost)
}

// startPlanning stops a transfer for new content; false if that has begun already.
func (e *Engine) startPlanning(no protocol.TransferNo) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.planning[no] {
		return false
	}
	e.planning[no] = true
	e.sched.Replan(e.now(), no, "files changed at the server: what is left is planned anew")
	e.poke()
	return true
}

func (e *Engine) donePlanning(no protocol.TransferNo) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.planning, no)
}

// renewed takes over a transfer's new content: offers of the old one are void.
func (e *Engine) renewed(tr store.Transfer) {
	e.mu.Lock()
	_, open := e.infos[tr.No]
	if open {
		e.infos[tr.No] = tr
	}
	direct := e.direct.Take(tr.No)
	e.book.Renewed(tr.No)
	e.sched.Renewed(tr.No)
	e.sched.Unread(tr.No, unread(tr))
	e.mu.Unlock()
	e.closeOffers(direct...)
	if tr.Paged {
		e.sources.Drop(tr.No)
		if open {
			e.sources.Read(tr.No)
		}
	}
}

// lostText says to watchers how many files of a transfer cannot be delivered.
func lostText(n int) string {
	if n == 1 {
		return "1 file changed, went or cannot be read at the server"
	}
	return fmt.Sprintf("%d files changed, went or cannot be read at the server", n)
}
