package schedule

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

var there = Site{9}

// Each site has a gather window, a session and an end of its own.
func TestSitesRunSideBySide(t *testing.T) {
	s := owing(4, nil)
	s.Release(1)
	for i := range byte(4) {
		site := Here
		if i >= 2 {
			site = there
		}
		s.Attached(t0, dev(i+1), site)
	}
	expect(t, s, t0, "open 1 d1 d2", "open 1 d3 d4")
	s.Opened(t0, 1, Here, sess(1))
	s.Opened(t0, 1, there, sess(2))
	if s.Ready(t0, 1, sess(1), dev(3), 0) {
		t.Fatal("a device got the keys of another site's session")
	}
	for i := range byte(4) {
		if !s.Ready(t0, 1, sess(1+i/2), dev(i+1), 0) {
			t.Fatalf("device %d was refused", i+1)
		}
	}
	expect(t, s, t0, "begin 1", "begin 1")
	s.Stored(sec(1), 1, dev(1))
	s.Stored(sec(1), 1, dev(2))
	expect(t, s, sec(1), "close 1")
	runs := s.Runs(1)
	if len(runs) != 2 || runs[0].Phase != PhaseWaiting || runs[1].Phase != PhaseSending || runs[1].Session != sess(2) {
		t.Fatalf("%+v", runs)
	}
	if got := s.Interrupt(sec(2), protocol.GroupID{1}); len(got) != 1 || got[0] != sess(2) {
		t.Fatalf("sessions to stop: %v", got)
	}
}

// Transfers of a group go one after another in each site, not over all of them.
func TestASiteDoesNotWaitForAnother(t *testing.T) {
	s := owing(2, nil)
	s.Release(1)
	s.Attached(t0, dev(1), Here)
	s.Attached(t0, dev(2), Here)
	expect(t, s, t0, "open 1 d1 d2")
	s.Add(groupcast.Transfer{No: 2, GroupID: protocol.GroupID{1}}, true)
	for i := range byte(4) {
		s.Owe(2, dev(i+1))
	}
	s.Attached(t0, dev(3), there)
	s.Attached(t0, dev(4), there)
	expect(t, s, t0, "open 2 d3 d4")
	if r, _ := s.RunOf(2, dev(1)); r.Ahead != 1 {
		t.Fatalf("the first site: %+v", r)
	}
}

// A device that turns up in another site leaves the old session and is served where it is.
func TestADeviceMovesToAnotherSite(t *testing.T) {
	s := sending(t, 2)
	s.Detached(sec(1), dev(2))
	s.Attached(sec(2), dev(2), there)
	expect(t, s, sec(2), "detach 1 d2", "https 1 d2")
	if d, _ := s.Delivery(1, dev(2)); d.Site != there {
		t.Fatalf("%+v", d)
	}
	s.Stored(sec(3), 1, dev(1))
	expect(t, s, sec(3), "close 1")
}

// driver answers actions as a server would and holds the schedule to its promises.
type driver struct {
	*testing.T
	s     *Scheduler
	rnd   *rand.Rand
	now   time.Time
	open  map[protocol.SessionID]line // the sessions there are
	nth   byte
	owed  map[protocol.TransferNo]map[protocol.DeviceID]bool
	group func(protocol.TransferNo) protocol.GroupID
}

func (d *driver) pump() {
	for _, a := range d.s.Pump(d.now) {
		for _, dev := range a.Devices {
			if a.Kind == OpenSession && !d.owed[a.Transfer][dev] {
				d.Fatalf("action %+v for a device that is owed nothing", a)
			}
		}
		switch a.Kind {
		case OpenSession:
			d.opened(a)
		case CloseSession:
			if _, found := d.open[a.Session]; !found {
				d.Fatalf("the end of a session that is none: %+v", a)
			}
			delete(d.open, a.Session)
		case BeginSession, OfferSession:
			if _, found := d.open[a.Session]; !found {
				d.Fatalf("%+v in a session that is none", a)
			}
		case OfferHTTPS, DetachDevices, NoteRefused:
		}
	}
	if next, any := d.s.Next(d.now); any && !next.After(d.now) {
		d.Fatalf("next is %v, now is %v", next, d.now)
	}
}

func (d *driver) opened(a Action) {
	at := line{d.group(a.Transfer), a.Site}
	if d.rnd.IntN(10) == 0 {
		d.s.FailedToOpen(d.now, a.Transfer, a.Site, "no multicast here")
		return
	}
	d.nth++
	if !d.s.Opened(d.now, a.Transfer, a.Site, sess(d.nth)) {
		d.Fatalf("%+v was asked for and is not wanted", a)
	}
	for id, other := range d.open {
		if other == at {
			d.Fatalf("sessions %v and %v of one group in one site", id, sess(d.nth))
		}
	}
	d.open[sess(d.nth)] = at
}

// step does something that may happen.
func (d *driver) step() {
	no, dev := protocol.TransferNo(1+d.rnd.IntN(4)), dev(byte(1+d.rnd.IntN(6)))
	view, owed := d.s.Delivery(no, dev)
	run, _ := d.s.RunOf(no, dev)
	switch d.rnd.IntN(14) {
	case 0, 1:
		d.s.Attached(d.now, dev, Site{byte(d.rnd.IntN(2))})
	case 2:
		d.s.Detached(d.now, dev)
	case 3, 4, 5:
		if view.State == StateAsked {
			d.s.Ready(d.now, no, run.Session, dev, d.rnd.IntN(100))
		}
	case 6:
		if view.State == StateMulticast || view.State == StateHTTPS {
			d.s.Stored(d.now, no, dev)
		}
	case 7:
		if owed && view.State == StateStored {
			d.s.Settle(d.now, no, dev)
			delete(d.owed[no], dev)
		}
	case 8:
		d.s.Behind(d.now, no, dev, "loss", d.rnd.IntN(2) == 0)
	case 9:
		d.s.Refused(d.now, no, dev, "no space")
	case 10:
		d.s.Fetching(d.now, no, dev)
	case 11:
		for _, id := range d.s.Interrupt(d.now, d.group(no)) {
			delete(d.open, id)
		}
	case 12:
		if d.rnd.IntN(2) == 0 {
			_ = d.s.PutOff(d.now, no, dev)
		} else {
			_ = d.s.CatchUp(d.now, no, dev)
		}
	case 13:
		d.now = d.now.Add(time.Duration(d.rnd.IntN(40)) * time.Second)
	}
}

// Whatever happens, in whichever order: a group runs one session at a time in a site, only who is
// owed something is offered it, and in the end everybody is served.
func TestWhateverHappens(t *testing.T) {
	for seed := range uint64(60) {
		d := &driver{
			T: t, s: New(DefaultTiming()), rnd: rand.New(rand.NewPCG(seed, 1)), now: t0,
			open: map[protocol.SessionID]line{}, owed: map[protocol.TransferNo]map[protocol.DeviceID]bool{},
			group: func(no protocol.TransferNo) protocol.GroupID { return protocol.GroupID{byte(no%2) + 1} },
		}
		for no := protocol.TransferNo(1); no <= 4; no++ {
			d.s.Add(groupcast.Transfer{No: no, GroupID: d.group(no)}, d.rnd.IntN(2) == 0)
			d.owed[no] = map[protocol.DeviceID]bool{}
			for i := range byte(6) {
				d.s.Owe(no, dev(i+1))
				d.owed[no][dev(i+1)] = true
			}
		}
		for range 400 {
			d.step()
			d.pump()
		}
		d.finish(seed)
	}
}

// finish lets everybody attach anew, fetch and answer; nobody may be left over.
func (d *driver) finish(seed uint64) {
	for range 200 {
		for no, devices := range d.owed {
			for dev := range devices {
				switch view, _ := d.s.Delivery(no, dev); {
				case !view.Active || view.State == StateRefused:
					d.s.Detached(d.now, dev)
					d.s.Attached(d.now, dev, view.Site)
				case view.State == StateAsked:
					run, _ := d.s.RunOf(no, dev)
					d.s.Ready(d.now, no, run.Session, dev, 0)
				case view.State == StateMulticast, view.State == StateHTTPS, view.State == StateStored, view.State == StateSilent:
					d.s.Stored(d.now, no, dev)
					d.s.Settle(d.now, no, dev)
					delete(devices, dev)
				}
			}
		}
		d.pump()
		d.now = d.now.Add(10 * time.Second)
	}
	for no, devices := range d.owed {
		if len(devices) > 0 {
			d.Fatalf("seed %d: transfer %d is still owed to %d devices: %+v", seed, no, len(devices), d.s.Runs(no))
		}
	}
}
