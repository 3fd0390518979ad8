package delivery

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/summary"
)

// decorate adds what only the running server knows of a transfer: its state at this moment, the session,
// and how it stands in one sentence. Names of devices are in it while a session runs.
func (e *Engine) decorate(ctx context.Context, tr *groupcast.Transfer) {
	if r := e.look(tr); r != nil {
		tr.Summary = e.cachedSummary(ctx, r, *tr)
	} else {
		tr.Summary = summary.Of(*tr, nil)
	}
	*tr = tr.Stand()
}

// look adds the state of this moment and gives the session if one runs.
func (e *Engine) look(tr *groupcast.Transfer) *run {
	if !tr.State.Open() {
		return nil
	}
	tr.HTTPSBytes += e.uncounted(tr.No)
	tr.Hashing = e.hashing(tr.No)
	r := e.describe(tr)
	if r == nil {
		if tr.State == groupcast.TransferSending {
			tr.Estimates = e.estimate(*tr, 0)
		}
		return nil
	}
	st := r.sender.Status()
	tr.Estimates = e.estimate(*tr, st.Session.Rate/8)
	tr.WireBytes += st.Wire
	status := st.Session
	status.Devices = max(status.Devices, len(st.Devices))
	tr.Session = &status
	return r
}

// describe sets state and reason and gives the transfer's session if one runs.
func (e *Engine) describe(tr *groupcast.Transfer) *run {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, open := e.sched.Transfer(e.now(), tr.No)
	if !open {
		return nil
	}
	runs := e.sched.Runs(tr.No)
	c := e.countOf(p.No)
	tr.State, tr.Cause, tr.Reason = summary.StateOf(p, c, schedule.Furthest(runs), e.sched.Paused(), e.now())
	tr.Away, tr.Stuck, tr.Progress = max(0, tr.Owed-c.Here), c.Silent+c.Refused, c.Progress(*tr)
	for _, r := range runs {
		if in := e.runs[r.Session]; in != nil {
			return in
		}
	}
	return nil
}

func (e *Engine) countOf(no protocol.TransferNo) (c summary.Counts) {
	for dev, d := range e.sched.Deliveries(no) {
		if d.Active && c.Add(d.State) {
			bytes, _, _ := e.book.At(no, dev)
			c.Bytes += bytes
		}
	}
	return c
}

const summaryEvery = time.Second // a summary reads every delivery

func (e *Engine) cachedSummary(ctx context.Context, r *run, tr groupcast.Transfer) string {
	now := e.now()
	e.mu.Lock()
	text, fresh := r.summary, now.Sub(r.summedAt) < summaryEvery
	e.mu.Unlock()
	if fresh {
		return text
	}
	text = e.summary(ctx, tr)
	e.mu.Lock()
	r.summary, r.summedAt = text, now
	e.mu.Unlock()
	return text
}

// summary says in one sentence how a transfer stands and why, with the names of those it is about.
func (e *Engine) summary(ctx context.Context, tr groupcast.Transfer) string {
	page, err := e.store.Deliveries(ctx, tr.No, groupcast.Window{})
	if err != nil {
		return summary.Of(tr, nil)
	}
	for i := range page.Rows {
		e.Explain(&page.Rows[i])
	}
	return summary.Of(tr, page.Rows)
}
