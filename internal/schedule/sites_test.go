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
	s.SetCarrier(there, CarrierServer)
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
	s.SetCarrier(there, CarrierServer)
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

// In a site where nothing sends multicast everybody fetches at once, and no session is opened whatever happens.
func TestASiteWithoutMulticast(t *testing.T) {
	s := owing(3, nil)
	for i := range byte(3) {
		s.Place(t0, dev(i+1), there)
	}
	s.Attached(t0, dev(1), s.SiteOf(dev(1)))
	s.Attached(t0, dev(2), s.SiteOf(dev(2)))
	expect(t, s, t0, "https 1 d1 d2")
	if d, _ := s.Delivery(1, dev(1)); d.Reason.Code != NoMulticast || d.Sticky {
		t.Fatalf("%+v", d)
	}
	s.Behind(sec(1), 1, dev(2), "it is silent", true)
	s.Attached(sec(2), dev(3), there)
	expect(t, s, sec(100), "https 1 d3")
	s.Place(sec(101), dev(3), Here)
	s.Place(sec(101), dev(2), Here)
	s.Release(1)
	expect(t, s, sec(101), "open 1 d2 d3", "https 1 d1") // who was silent gets another try
	s.Opened(sec(101), 1, Here, sess(1))
	s.Ready(sec(101), 1, sess(1), dev(2), 0)
	s.Ready(sec(101), 1, sess(1), dev(3), 0)
	expect(t, s, sec(101), "begin 1")
	s.Place(sec(102), dev(3), there) // in the middle of a session
	expect(t, s, sec(102), "detach 1 d3", "https 1 d3")
}

// A device that was told to fetch elsewhere has an offer that may be newer than that of the session which runs where it
// comes to: it fetches there, too, and takes part in the next.
func TestADeviceComesToAnOlderSession(t *testing.T) {
	s := sending(t, 2)
	s.Place(sec(1), dev(2), there)
	expect(t, s, sec(1), "detach 1 d2", "https 1 d2")
	s.Detached(sec(2), dev(2))
	s.Place(sec(20), dev(2), Here)
	s.Attached(sec(20), dev(2), Here)
	expect(t, s, sec(20), "https 1 d2")
	s.Interrupt(sec(21), protocol.GroupID{1})
	expect(t, s, sec(22), "open 1 d1 d2")
}

// relayed is a schedule of one transfer owed to n devices in a site with a relay.
func relayed(n byte) *Scheduler {
	s := owing(int(n), nil)
	s.SetCarrier(there, CarrierRelay)
	for i := range n {
		s.Attached(t0, dev(i+1), there)
	}
	return s
}

// A relay fetches a transfer whole; the gather window is over by then.
func TestARelayFetchesFirst(t *testing.T) {
	s := relayed(3)
	expect(t, s, t0, "fetch 1")
	expect(t, s, sec(50))
	if r, _ := s.RunOf(1, dev(1)); r.Waits != RelayFetching || r.Phase != PhaseWaiting {
		t.Fatalf("%+v", r)
	}
	if got := s.Wanted(there); len(got) != 1 || len(s.Wanted(Here)) != 0 {
		t.Fatalf("wanted: %v", got)
	}
	s.Staged(1, there)
	expect(t, s, sec(50), "open 1 d1 d2 d3")
	s.FailedToOpen(sec(51), 1, there, "no multicast")
	expect(t, s, sec(51), "https 1 d1", "https 1 d2", "https 1 d3")
	s.Renewed(1)
	expect(t, s, sec(52), "fetch 1")
	for i := range byte(3) {
		s.Settle(sec(53), 1, dev(i+1))
	}
	if got := s.Wanted(there); len(got) != 0 {
		t.Fatalf("nobody is owed it any more: %v", got)
	}
}

// What is staged without having been asked for, of an earlier edition say, is not sent.
func TestNobodyAskedForIt(t *testing.T) {
	s := relayed(2)
	s.Staged(1, there)
	expect(t, s, sec(60), "fetch 1")
	s.Renewed(1)
	s.Staged(1, there)
	expect(t, s, sec(61), "fetch 1")
}

// A site waits for a relay that is away; so many devices as may fetch from the server do.
func TestARelayThatIsAway(t *testing.T) {
	s := relayed(4)
	expect(t, s, t0, "fetch 1")
	s.RelayAway(sec(1), there)
	expect(t, s, sec(60))
	if r, _ := s.RunOf(1, dev(1)); r.Waits != RelayAway || !r.Since.Equal(sec(1)) {
		t.Fatalf("%+v", r)
	}
	s.SetFallback(there, 1)
	expect(t, s, sec(61), "https 1 d1")
	s.Stored(sec(62), 1, dev(1))
	s.Settle(sec(62), 1, dev(1))
	expect(t, s, sec(63), "https 1 d2")
	if err := s.CatchUp(sec(64), 1, dev(3)); err != nil {
		t.Fatal(err)
	}
	expect(t, s, sec(64), "https 1 d3") // an administrator said so
	s.Staged(1, there)
	s.RelayBack(sec(70), there)
	expect(t, s, sec(70), "open 1 d4 d2")
}

// A session of a relay that is away waits for it, and nobody loses multicast by that.
func TestASessionWaitsForItsRelay(t *testing.T) {
	s := relayed(3)
	expect(t, s, t0, "fetch 1")
	s.Staged(1, there)
	s.Release(1)
	expect(t, s, t0, "open 1 d1 d2 d3")
	s.Opened(t0, 1, there, sess(1))
	s.Ready(t0, 1, sess(1), dev(1), 0)
	s.RelayAway(sec(1), there)
	expect(t, s, sec(60)) // d2 and d3 cannot answer
	s.RelayBack(sec(60), there)
	expect(t, s, sec(60))
	s.Ready(sec(60), 1, sess(1), dev(2), 0)
	expect(t, s, sec(61), "begin 1")
	s.RelayAway(sec(62), there)
	s.Ended(sec(900), 1, sess(1), Reason{Code: RelayAway})
	expect(t, s, sec(900), "close 1")
	s.RelayBack(sec(901), there)
	expect(t, s, sec(901), "open 1 d1 d2 d3")
	s.RelayAway(sec(902), there)
	s.FailedToOpen(sec(903), 1, there, "it does not answer")
	expect(t, s, sec(950))
	s.RelayBack(sec(951), there)
	expect(t, s, sec(951), "open 1 d1 d2 d3")
}

// Whatever a site's carrier was, its sessions end with it.
func TestACarrierIsExchanged(t *testing.T) {
	s := relayed(2)
	s.Release(1)
	expect(t, s, t0, "fetch 1")
	s.Staged(1, there)
	expect(t, s, t0, "open 1 d1 d2")
	s.Opened(t0, 1, there, sess(1))
	s.SetCarrier(there, CarrierNone)
	expect(t, s, sec(1), "close 1", "https 1 d1 d2")
	s.SetCarrier(there, CarrierRelay)
	expect(t, s, sec(2), "fetch 1")
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
	relay map[protocol.TransferNo]bool // what the relay fetches: true once it holds it
}

func (d *driver) pump() {
	for _, a := range d.s.Pump(d.now) {
		for _, dev := range a.Devices {
			if a.Kind == OpenSession && !d.owed[a.Transfer][dev] {
				d.Fatalf("action %+v for a device that is owed nothing", a)
			}
		}
		d.mayBe(a)
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
		case FetchContent:
			d.relay[a.Transfer] = false
		case OfferHTTPS, DetachDevices, NoteRefused:
		}
	}
	if next, any := d.s.Next(d.now); any && !next.After(d.now) {
		d.Fatalf("next is %v, now is %v", next, d.now)
	}
}

// mayBe holds an action against what its site has.
func (d *driver) mayBe(a Action) {
	p := d.s.place(a.Site)
	switch a.Kind {
	case OpenSession:
		if p.carrier == CarrierNone || p.carrier == CarrierRelay && (!d.relay[a.Transfer] || !p.away.IsZero()) {
			d.Fatalf("a session that nothing can send: %+v, %+v", a, p)
		}
	case OfferHTTPS:
		if !p.away.IsZero() && a.Reason.Code != RelayAway && a.Reason.Code != AsAsked {
			d.Fatalf("the relay is away, all the same %+v", a)
		}
		if _, held := d.relay[a.Transfer]; p.carrier == CarrierRelay && p.away.IsZero() && !(held && d.relay[a.Transfer]) {
			d.Fatalf("the relay fetches it, all the same %+v", a)
		}
	case FetchContent:
		if _, twice := d.relay[a.Transfer]; p.carrier != CarrierRelay || twice {
			d.Fatalf("nobody has to fetch it: %+v", a)
		}
	case OfferSession, BeginSession, DetachDevices, CloseSession, NoteRefused:
	}
}

// ofRelay does something that happens to a relay.
func (d *driver) ofRelay(no protocol.TransferNo) {
	if d.s.place(there).carrier != CarrierRelay {
		return
	}
	switch d.rnd.IntN(6) {
	case 0:
		d.s.RelayAway(d.now, there)
	case 1:
		d.s.RelayBack(d.now, there)
	case 2:
		d.s.Unstaged(no, there)
		delete(d.relay, no)
	case 3:
		d.s.Renewed(no)
		delete(d.relay, no)
	default:
		d.staged(no)
	}
}

func (d *driver) staged(no protocol.TransferNo) {
	if _, told := d.relay[no]; told {
		d.relay[no] = true
		d.s.Staged(no, there)
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
	switch d.rnd.IntN(16) {
	case 0, 1:
		d.s.Attached(d.now, dev, []Site{Here, there}[d.rnd.IntN(2)])
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
	case 14:
		d.ofRelay(no)
	case 15:
		d.s.Place(d.now, dev, []Site{Here, there}[d.rnd.IntN(2)])
	}
}

// Whatever happens, in whichever order: a group runs one session at a time in a site, only who is
// owed something is offered it, and in the end everybody is served.
func TestWhateverHappens(t *testing.T) {
	for seed := range uint64(90) {
		d := &driver{
			relay: map[protocol.TransferNo]bool{},
			T:     t, s: New(DefaultTiming()), rnd: rand.New(rand.NewPCG(seed, 1)), now: t0,
			open: map[protocol.SessionID]line{}, owed: map[protocol.TransferNo]map[protocol.DeviceID]bool{},
			group: func(no protocol.TransferNo) protocol.GroupID { return protocol.GroupID{byte(no%2) + 1} },
		}
		d.s.SetCarrier(there, []Carrier{CarrierNone, CarrierServer, CarrierRelay}[seed%3])
		d.s.SetFallback(there, d.rnd.IntN(3))
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
	d.s.RelayBack(d.now, there)
	for range 200 {
		for no, devices := range d.owed {
			d.staged(no)
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
