package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
)

// decorate adds what only the running server knows of a transfer: its state at this moment,
// the reason in words, the session.
func (s *Server) decorate(ctx context.Context, tr *groupcast.Transfer) {
	if !tr.State.Open() {
		return
	}
	r := s.live.describe(tr)
	if r == nil {
		if tr.State == groupcast.TransferSending {
			tr.Estimates = s.live.estimate(*tr, 0)
		}
		return
	}
	st := r.sender.Status()
	tr.Estimates = s.live.estimate(*tr, st.Session.Rate/8)
	tr.WireBytes += st.Wire
	status := st.Session
	status.Verdict = s.cachedVerdict(ctx, r, *tr)
	status.Devices = max(status.Devices, len(st.Devices))
	tr.Session = &status
}

// describe sets state and reason and gives the transfer's session if one runs.
func (l *live) describe(tr *groupcast.Transfer) *run {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, open := l.sched.Transfer(l.s.now(), tr.No)
	if !open {
		return nil
	}
	runs := l.sched.Runs(tr.No)
	tr.State, tr.Reason = l.stateOf(p, runs)
	for _, r := range runs {
		if in := l.runs[r.Session]; in != nil {
			return in
		}
	}
	return nil
}

// stateOf says where a transfer stands, and why in words; the lock is held.
func (l *live) stateOf(p schedule.Transfer, runs []schedule.Run) (groupcast.TransferState, string) {
	c := l.countOf(p.No)
	furthest := furthestOf(runs)
	switch {
	case p.Held:
		return groupcast.TransferHeld, "held: `groupcast pending send` lets it go"
	case l.sched.Paused():
		return groupcast.TransferWaiting, errUnconfirmed.Message
	case p.Waiting != "":
		return groupcast.TransferWaiting, p.Waiting
	case furthest.Phase >= schedule.PhaseOpening:
		return groupcast.TransferSending, ""
	case c.fetching > 0:
		return groupcast.TransferSending, fmt.Sprintf("%d over HTTPS", c.fetching)
	case furthest.Phase == schedule.PhaseGathering:
		return groupcast.TransferGathering, l.whyWaiting(furthest)
	case p.Owed == 0:
		return groupcast.TransferWaiting, "waits for the group's first members and their devices"
	case c.here == 0:
		return groupcast.TransferWaiting, "nobody who lacks it is active"
	case c.silent+c.later > 0:
		return groupcast.TransferWaiting, restsOn(c.silent, c.later)
	}
	return groupcast.TransferWaiting, "those who are active cannot take it"
}

// standing counts the devices that are owed a transfer and connected.
type standing struct{ here, fetching, silent, later int }

func (l *live) countOf(no protocol.TransferNo) (c standing) {
	for _, d := range l.sched.Deliveries(no) {
		if !d.Active {
			continue
		}
		c.here++
		switch d.State {
		case schedule.StateHTTPS, schedule.StateStored:
			c.fetching++
		case schedule.StateSilent:
			c.silent++
		case schedule.StateLater:
			c.later++
		}
	}
	return c
}

// furthestOf gives the site in which a transfer is furthest on its way.
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

const verdictEvery = time.Second // a verdict reads every delivery

func (s *Server) cachedVerdict(ctx context.Context, r *run, tr groupcast.Transfer) string {
	now := s.now()
	s.live.mu.Lock()
	text, fresh := r.verdict, now.Sub(r.judged) < verdictEvery
	s.live.mu.Unlock()
	if fresh {
		return text
	}
	text = s.verdict(ctx, tr)
	s.live.mu.Lock()
	r.verdict, r.judged = text, now
	s.live.mu.Unlock()
	return text
}

const maxNamed = 3 // devices named in a verdict

// verdict is one sentence: how it stands and why.
func (s *Server) verdict(ctx context.Context, tr groupcast.Transfer) string {
	page, err := s.store.Deliveries(ctx, tr.No, groupcast.Window{})
	if err != nil {
		return ""
	}
	all := page.Rows
	done, total := 0, 0
	var behind, refused, incomplete, silent, later, off []string
	name := namesIn(all)
	for i := range all {
		d := &all[i]
		s.explain(d)
		switch {
		case d.State == groupcast.DeliveryCancelled || d.State == groupcast.DeliveryExpired:
			continue // no longer promised
		case !d.State.Owed():
			if d.State.Delivered() {
				done++
			}
			if d.State == groupcast.DeliveryIncomplete {
				incomplete = append(incomplete, fmt.Sprintf("%s lacks %d of %d", name(d), d.Missing, d.Entries))
			}
		case d.State == groupcast.DeliveryRefused:
			refused = append(refused, name(d)+" refused: "+d.Reason)
		case !d.Active:
			off = append(off, name(d))
		case d.Cause == groupcast.CauseSilent:
			silent = append(silent, name(d))
		case d.Cause == groupcast.CauseLater:
			later = append(later, name(d))
		case s.live.isSticky(tr.No, d.DeviceID):
			behind = append(behind, name(d)+" behind: "+strings.TrimPrefix(d.Reason, "receives over HTTPS: ")+", by HTTPS")
		}
		total++
	}
	parts := []string{fmt.Sprintf("%d of %d done", done, total)}
	parts = append(parts, some(behind)...)
	parts = append(parts, some(refused)...)
	parts = append(parts, some(incomplete)...)
	for _, of := range []struct {
		names []string
		how   string
	}{{silent, "does not answer"}, {later, "put off"}, {off, "off"}} {
		if len(of.names) > 0 {
			parts = append(parts, strings.Join(some(of.names), ", ")+" "+of.how)
		}
	}
	return strings.Join(parts, "; ")
}

// namesIn calls a device by its name; where two have the same, by its user's, too.
func namesIn(all []groupcast.Delivery) func(*groupcast.Delivery) string {
	count := map[string]int{}
	for _, d := range all {
		count[d.Device]++
	}
	return func(d *groupcast.Delivery) string {
		switch {
		case d.Device == "":
			return d.User
		case count[d.Device] > 1:
			return d.User + "/" + d.Device
		}
		return d.Device
	}
}

// some names the first few and counts the rest.
func some(names []string) []string {
	slices.Sort(names)
	if len(names) <= maxNamed {
		return names
	}
	return append(names[:maxNamed:maxNamed], fmt.Sprintf("%d more", len(names)-maxNamed))
}

func (l *live) isSticky(no protocol.TransferNo, dev protocol.DeviceID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, _ := l.sched.Delivery(no, dev)
	return d.Sticky
}
