package schedule

import (
	"bytes"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// maxFruitless is how many multicast runs a delivery may take part in without a new
// verified block before it is left to HTTPS (F4).
const maxFruitless = 3

// maxLapses is how many sessions a device may leave for silence and still be taken into another.
const maxLapses = 1

// maxPause is the longest pause between two tries of a device that gets nowhere.
const maxPause = 5 * time.Minute

// Scheduler holds the open transfers. It is not safe for concurrent use.
type Scheduler struct {
	t         Timing
	paused    bool // after a restore nothing is sent (O4)
	transfers map[protocol.TransferNo]*transfer
	order     []protocol.TransferNo // increasing
	active    map[protocol.DeviceID]bool
	sites     map[protocol.DeviceID]Site   // of those that are not at Here
	places    map[Site]place               // what was said of sites
	unfit     map[protocol.DeviceID]string // why those who are active and of another version get nothing
	tooOld    map[protocol.DeviceID]string // why those who are active cannot take the transfers that not everybody can
	prompt    map[protocol.DeviceID]bool   // who answered its last offer in time
	busy      map[line]protocol.TransferNo
	actions   []Action
	settled   time.Time // gather windows end no earlier
}

// line is where sessions go one after another.
type line struct {
	group protocol.GroupID
	site  Site
}

// New makes a schedule without transfers.
func New(t Timing) *Scheduler {
	return &Scheduler{
		t: t, transfers: map[protocol.TransferNo]*transfer{}, active: map[protocol.DeviceID]bool{},
		sites: map[protocol.DeviceID]Site{}, places: map[Site]place{}, unfit: map[protocol.DeviceID]string{},
		tooOld: map[protocol.DeviceID]string{}, prompt: map[protocol.DeviceID]bool{}, busy: map[line]protocol.TransferNo{},
	}
}

// Add puts an open transfer under the schedule; now spares it the gather window. One that is known
// is left as it is.
func (s *Scheduler) Add(tr groupcast.Transfer, now bool) {
	if s.transfers[tr.No] != nil {
		return
	}
	s.transfers[tr.No] = &transfer{
		no: tr.No, group: tr.GroupID, hold: tr.Hold, now: now, via: tr.Via, suspended: tr.Paused,
	}
	at, _ := slices.BinarySearch(s.order, tr.No)
	s.order = slices.Insert(s.order, at, tr.No)
}

// Drop ends a transfer: done, cancelled, expired, failed.
func (s *Scheduler) Drop(no protocol.TransferNo) {
	t := s.transfers[no]
	if t == nil {
		return
	}
	for _, r := range t.runs {
		s.closeSession(r, Reason{})
	}
	delete(s.transfers, no)
	if at, found := slices.BinarySearch(s.order, no); found {
		s.order = slices.Delete(s.order, at, at+1)
	}
}

// Owe says that a device lacks a transfer.
func (s *Scheduler) Owe(no protocol.TransferNo, dev protocol.DeviceID) {
	t := s.transfers[no]
	if t == nil {
		return
	}
	if r, _ := s.deliveryOf(no, dev); r == nil {
		t.at(s.sites[dev]).deliveries[dev] = &delivery{}
	}
}

// at gives the run of a site, and makes it if there is none.
func (t *transfer) at(site Site) *run {
	i, found := slices.BinarySearchFunc(t.runs, site, func(r *run, site Site) int {
		return bytes.Compare(r.site[:], site[:])
	})
	if !found {
		r := &run{transfer: t, site: site, deliveries: map[protocol.DeviceID]*delivery{}}
		t.runs = slices.Insert(t.runs, i, r)
	}
	return t.runs[i]
}

// runIn gives the run of a transfer in a site; nil if there is none.
func (s *Scheduler) runIn(no protocol.TransferNo, site Site) *run {
	if t := s.transfers[no]; t != nil {
		for _, r := range t.runs {
			if r.site == site {
				return r
			}
		}
	}
	return nil
}

// runOf gives the run of a transfer that has a session; nil if none has it.
func (s *Scheduler) runOf(no protocol.TransferNo, session protocol.SessionID) *run {
	if t := s.transfers[no]; t != nil {
		for _, r := range t.runs {
			if r.session == session {
				return r
			}
		}
	}
	return nil
}

// deliveryOf gives what a device is owed of a transfer; nil, nil for nothing.
func (s *Scheduler) deliveryOf(no protocol.TransferNo, dev protocol.DeviceID) (*run, *delivery) {
	r := s.runIn(no, s.sites[dev])
	if r == nil || r.deliveries[dev] == nil {
		return nil, nil
	}
	return r, r.deliveries[dev]
}

// LeaveOut puts a device off that was put off before the server was started again.
func (s *Scheduler) LeaveOut(no protocol.TransferNo, dev protocol.DeviceID, since time.Time) {
	if _, d := s.deliveryOf(no, dev); d != nil && d.state == StateIdle {
		d.state, d.since = StateLater, since
	}
}

// Settle says that a device is no longer owed a transfer.
func (s *Scheduler) Settle(now time.Time, no protocol.TransferNo, dev protocol.DeviceID) {
	if r, d := s.deliveryOf(no, dev); d != nil {
		delete(r.deliveries, dev)
		s.closeIfOver(now, r)
	}
}

// Forget takes devices out of all transfers of a group, without a word to them: their session is
// interrupted in the same moment.
func (s *Scheduler) Forget(group protocol.GroupID, whom func(protocol.DeviceID) bool) (from []protocol.TransferNo) {
	for _, no := range s.order {
		t := s.transfers[no]
		if t.group != group {
			continue
		}
		for _, r := range t.runs {
			for _, dev := range r.devices(func(dev protocol.DeviceID, _ *delivery) bool { return whom(dev) }) {
				delete(r.deliveries, dev)
			}
		}
		from = append(from, no)
	}
	return from
}

// Release lets a held transfer go, and any other without a gather window.
func (s *Scheduler) Release(no protocol.TransferNo) {
	if t := s.transfers[no]; t != nil {
		t.hold, t.suspended, t.now = false, false, true
		for _, r := range t.runs {
			r.takeUp()
		}
	}
}

// Pause stops everything, or lets it continue: after a restore nothing is sent until an administrator
// confirmed the memberships (O4).
func (s *Scheduler) Pause(paused bool) { s.paused = paused }

// Paused says whether nothing is sent.
func (s *Scheduler) Paused() bool { return s.paused }

// Attached says that a device's stream opened, and in which site. One that comes back within the
// grace keeps its state: its keys live on, and if the receiver was started again it finds the offer
// in what it reads and asks for others. One that refused, or had not answered, is asked again.
func (s *Scheduler) Attached(now time.Time, dev protocol.DeviceID, site Site) {
	s.move(now, dev, site)
	s.active[dev] = true
	for _, no := range s.order {
		r, d := s.deliveryOf(no, dev)
		if d == nil || d.final {
			continue
		}
		switch d.state {
		case StateRefused, StateAsked, StatePaused, StateSilent:
			s.unseat(r, dev, d)
		default:
			if s.lost(now, d) {
				s.unseat(r, dev, d)
			}
		}
		d.gone = time.Time{}
	}
}

// move takes what a device is owed along into another site.
func (s *Scheduler) move(now time.Time, dev protocol.DeviceID, site Site) {
	if s.sites[dev] == site {
		return
	}
	for _, no := range s.order {
		if r, d := s.deliveryOf(no, dev); d != nil {
			s.unseat(r, dev, d)
			delete(r.deliveries, dev)
			to := r.at(site)
			if to.deliveries[dev] = d; d.told { // perhaps by a newer offer than that of the session there
				d.passed = to.session
			}
			s.closeIfOver(now, r)
		}
	}
	s.sites[dev] = site
	if site == Here {
		delete(s.sites, dev)
	}
}

// lost says that a device's stream has been broken for longer than the grace.
func (s *Scheduler) lost(now time.Time, d *delivery) bool {
	return !d.gone.IsZero() && !now.Before(d.gone.Add(s.t.Grace))
}

// unseat takes a device back to the beginning: all ways are open to it again.
func (s *Scheduler) unseat(r *run, dev protocol.DeviceID, d *delivery) {
	if d.final {
		return
	}
	s.detach(r, dev, d)
	d.state, d.httpsOnly, d.lapsed, d.reason = StateIdle, false, 0, Reason{}
}

// Detached says that a device's stream broke.
func (s *Scheduler) Detached(now time.Time, dev protocol.DeviceID) {
	delete(s.active, dev)
	delete(s.unfit, dev)
	delete(s.tooOld, dev)
	for _, no := range s.order {
		if _, d := s.deliveryOf(no, dev); d != nil {
			d.gone = now
		}
	}
}

// Judge takes over why an active device can be sent nothing, or with an empty text that it can.
func (s *Scheduler) Judge(dev protocol.DeviceID, why string) {
	if why == "" {
		delete(s.unfit, dev)
		return
	}
	s.unfit[dev] = why
}

// Demanding says that a transfer needs a version that not every device speaks which can be sent anything; and
// JudgeOld why an active device cannot take such ones, or with an empty text that it can.
func (s *Scheduler) Demanding(no protocol.TransferNo) {
	if t := s.transfers[no]; t != nil {
		t.demanding = true
	}
}

// JudgeOld is explained with Demanding.
func (s *Scheduler) JudgeOld(dev protocol.DeviceID, why string) {
	if why == "" {
		delete(s.tooOld, dev)
		return
	}
	s.tooOld[dev] = why
}

// misfit says why a device cannot take a transfer as things are; empty: it can.
func (s *Scheduler) misfit(t *transfer, dev protocol.DeviceID) string {
	if why := s.unfit[dev]; why != "" || !t.demanding {
		return why
	}
	return s.tooOld[dev]
}

// turnAway refuses a transfer for those who are active with a version that does not fit. They
// stay owed: a device that attaches again is asked again.
func (s *Scheduler) turnAway(now time.Time, r *run) {
	if len(s.unfit) == 0 && (len(s.tooOld) == 0 || !r.demanding) {
		return
	}
	for _, dev := range r.devices(func(dev protocol.DeviceID, d *delivery) bool {
		return s.misfit(r.transfer, dev) != "" && s.active[dev] && d.state != StateRefused
	}) {
		why := s.misfit(r.transfer, dev)
		s.Refused(now, r.no, dev, why)
		s.act(r, NoteRefused, because(why), dev)
	}
}

// act adds an action.
func (s *Scheduler) act(r *run, kind ActionKind, reason Reason, devices ...protocol.DeviceID) {
	s.actions = append(s.actions, Action{
		Kind: kind, Transfer: r.no, Site: r.site, Session: r.session, Devices: devices, Reason: reason,
	})
}

// Pump moves everything on and gives what is to be done, in this order.
func (s *Scheduler) Pump(now time.Time) []Action {
	if !s.paused {
		for _, no := range s.order {
			for _, r := range s.transfers[no].runs {
				s.advance(now, r)
			}
		}
	}
	out := s.actions
	s.actions = nil
	return out
}

func (s *Scheduler) advance(now time.Time, r *run) {
	if r.hold || r.suspended || r.unread || r.waits(now) {
		return
	}
	s.dropGone(now, r)
	s.turnAway(now, r)
	s.endPauses(now, r)
	s.leaveSilent(now, r)
	s.wantContent(r)
	waits := s.waitsFor(r)
	switch r.phase {
	case PhaseWaiting, PhaseGathering:
		s.gather(now, r)
	case PhaseAsking, PhaseSending:
		if waits == RelayAway { // nobody can answer
			s.closeIfOver(now, r)
			return
		}
		s.attend(now, r)
	case PhaseRekeying:
		if now.Before(r.until) {
			return
		}
		if waits != NoReason {
			s.closeSession(r, Reason{Code: waits})
			return
		}
		s.open(now, r)
	case PhaseOpening: // until Opened or FailedToOpen
	}
}

// attend moves a session on whose offers are out.
func (s *Scheduler) attend(now time.Time, r *run) {
	s.offerLate(now, r)
	if r.phase == PhaseAsking {
		s.beginIfReady(now, r)
		return
	}
	s.giveUpSilent(now, r)
	s.closeIfOver(now, r)
}
