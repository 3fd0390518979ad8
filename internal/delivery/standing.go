package delivery

import (
	"context"
	"fmt"
	"strings"
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
	tr.State, tr.Cause, tr.Reason = e.stateOf(p, runs)
	c := e.countOf(p.No)
	tr.Away, tr.Stuck, tr.Progress = max(0, tr.Owed-c.here), c.silent+c.refused, progressOf(*tr, c)
	for _, r := range runs {
		if in := e.runs[r.Session]; in != nil {
			return in
		}
	}
	return nil
}

// stateOf says where a transfer stands and why, as a code and in words; the lock is held.
func (e *Engine) stateOf(p schedule.Transfer, runs []schedule.Run) (groupcast.TransferState, groupcast.Cause, string) {
	c := e.countOf(p.No)
	furthest := furthestOf(runs)
	switch {
	case p.Held:
		return groupcast.TransferHeld, groupcast.CauseHeld, summary.Held
	case e.sched.Paused():
		return groupcast.TransferWaiting, groupcast.CauseUnconfirmed, ErrUnconfirmed.Message
	case p.Paused:
		return groupcast.TransferWaiting, groupcast.CausePaused, summary.Suspended
	case p.Waiting != "":
		return groupcast.TransferWaiting, groupcast.CauseSource, p.Waiting
	case furthest.Phase >= schedule.PhaseOpening:
		return groupcast.TransferSending, "", ""
	case c.fetching > 0:
		return groupcast.TransferSending, "", fmt.Sprintf("%d over HTTPS", c.fetching)
	case furthest.Phase == schedule.PhaseGathering:
		return groupcast.TransferGathering, groupcast.CauseGathering, e.whyWaiting(furthest)
	case p.Owed == 0:
		return groupcast.TransferWaiting, groupcast.CauseEmpty, "waits for first members, or for their first devices"
	case c.here == 0:
		return groupcast.TransferWaiting, groupcast.CauseAway, whoIsOff(p.Owed)
	case c.silent > 0:
		return groupcast.TransferWaiting, groupcast.CauseSilent, restsOn(c.silent, c.later)
	case c.later > 0:
		return groupcast.TransferWaiting, groupcast.CauseLater, restsOn(c.silent, c.later)
	}
	return groupcast.TransferWaiting, groupcast.CauseRefused, "the connected receivers that lack it cannot take it"
}

// whoIsOff says of so many deliveries that they wait for their receivers.
func whoIsOff(owed int) string {
	if owed == 1 {
		return "1 receiver is off and gets it when it is back"
	}
	return fmt.Sprintf("%d receivers are off and get it when they are back", owed)
}

// standing counts the devices that are owed a transfer and connected.
type standing struct {
	here, fetching, silent, later, refused int
	coming                                 int    // of those here: get it without help
	bytes                                  uint64 // that those have verified
}

// progressOf is how much has arrived, 0 to 1: bytes verified over bytes wanted, of the devices that have it and
// of those that are connected and get it without help.
func progressOf(tr groupcast.Transfer, c standing) float64 {
	all := tr.Verified + c.coming
	switch {
	case all == 0:
		return 0
	case tr.Bytes == 0:
		return float64(tr.Verified) / float64(all)
	}
	return (float64(tr.Verified) + float64(c.bytes)/float64(tr.Bytes)) / float64(all)
}

func (e *Engine) countOf(no protocol.TransferNo) (c standing) {
	for dev, d := range e.sched.Deliveries(no) {
		if !d.Active {
			continue
		}
		c.here++
		switch d.State {
		case schedule.StateRefused:
			c.refused++
			continue
		case schedule.StateSilent:
			c.silent++
			continue
		case schedule.StateLater:
			c.later++
			continue
		case schedule.StateHTTPS, schedule.StateStored:
			c.fetching++
		default: // on its way, or about to be
		}
		c.coming++
		if p := e.seen[deliveryKey{no, dev}]; p != nil {
			c.bytes += p.bytes
		}
	}
	return c
}

// furthestOf returns the site in which a transfer has progressed most.
func furthestOf(runs []schedule.Run) (out schedule.Run) {
	for i, r := range runs {
		if i == 0 || r.Phase > out.Phase {
			out = r
		}
	}
	return out
}

// restsOn says whom a transfer waits for though they are connected.
func restsOn(silent, later int) string {
	var parts []string
	if silent > 0 {
		parts = append(parts, fmt.Sprintf("%d connected but not answering", silent))
	}
	if later > 0 {
		parts = append(parts, fmt.Sprintf("%d put off until it is sent again", later))
	}
	return strings.Join(parts, ", ")
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
