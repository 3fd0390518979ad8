package schedule

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func dev(n byte) protocol.DeviceID   { return protocol.DeviceID{n} }
func sess(n byte) protocol.SessionID { return protocol.SessionID{n} }
func at(d time.Duration) time.Time   { return t0.Add(d) }
func sec(n float64) time.Time        { return at(time.Duration(n * float64(time.Second))) }

var N_ames = map[ActionKind]string{
	OpenSession: "open", OfferSession: "offer", BeginSession: "begin", OfferHTTPS: "https", DetachDevices: "detach",
	FetchContent: "fetch",
	CloseSession: "close",
}

func namesOf(actions []Action) []string {
	out := []string{}
	for _, s := range actions {
		name := fmt.Sprintf("%s %d", N_ames[s.Kind], s.Transfer)
		for _, d := range s.Devices {
			name += fmt.Sprintf(" d%d", d[0])
		}
		out = append(out, name)
	}
	return out
}

func expect(t *testing.T, s *Scheduler, now time.Time, want ...string) {
	t.Helper()
	got := namesOf(s.Pump(now))
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("at %v: actions %q, want %q", now.Sub(t0), got, want)
	}
}

// owing makes a schedule with one transfer, number 1, owed to devices 1 to n.
func owing(n int, change func(*groupcast.Transfer)) *Scheduler {
	s := New(DefaultTiming())
	tr := groupcast.Transfer{No: 1, GroupID: protocol.GroupID{1}, Via: groupcast.ViaAuto}
	if change != nil {
		change(&tr)
	}
	s.Add(tr, false)
	for i := range n {
		s.Owe(1, dev(byte(i+1)))
	}
	return s
}

// sending brings a schedule with two of its devices into a running session.
func sending(t *testing.T, n int) *Scheduler {
	t.Helper()
	s := owing(n, nil)
	s.Release(1)
	s.Attached(t0, dev(1), Here)
	s.Attached(t0, dev(2), Here)
	expect(t, s, t0, "open 1 d1 d2")
	s.Opened(t0, 1, Here, sess(1))
	for i := byte(1); i <= 2; i++ {
		if !s.Ready(t0, 1, sess(1), dev(i), 0) {
			t.Fatal("ready was refused")
		}
	}
	expect(t, s, t0, "begin 1")
	return s
}

func TestGatherWindowClosesTenSecondsAfterTheLastComer(t *testing.T) {
	s := owing(4, nil)
	s.Attached(t0, dev(1), Here)
	expect(t, s, t0)
	s.Attached(sec(6), dev(2), Here)
	expect(t, s, sec(6))
	if next, ok := s.Next(sec(6)); !ok || next != sec(16) {
		t.Fatalf("next is %v, want 16 s", next.Sub(t0))
	}
	expect(t, s, sec(15.9))
	expect(t, s, sec(16), "open 1 d1 d2")
}

func TestGatherWindowClosesAfterAMinuteAtMost(t *testing.T) {
	s := owing(100, nil)
	for i := range 12 {
		s.Attached(sec(float64(i*5)), dev(byte(i+1)), Here)
		expect(t, s, sec(float64(i*5)))
	}
	if got := namesOf(s.Pump(sec(60))); len(got) != 1 || got[0][:4] != "open" {
		t.Fatalf("after a minute: %q", got)
	}
}

func TestNobodyIsWaitedForWhenAllAreHere(t *testing.T) {
	s := owing(2, nil)
	s.Attached(t0, dev(1), Here)
	s.Attached(t0, dev(2), Here)
	expect(t, s, t0, "open 1 d1 d2")
}

func TestOneDeviceGoesOverHTTPS(t *testing.T) {
	s := owing(2, nil)
	s.Attached(t0, dev(1), Here)
	expect(t, s, t0)
	expect(t, s, sec(10), "https 1 d1")
}

func TestASecondDeviceTurnsACatchUpIntoMulticast(t *testing.T) {
	s := owing(2, nil)
	s.Attached(t0, dev(1), Here)
	s.Pump(t0)
	expect(t, s, sec(10), "https 1 d1")
	s.Attached(sec(12), dev(2), Here)
	expect(t, s, sec(12), "open 1 d2 d1")
}

func TestViaForces(t *testing.T) {
	s := owing(1, func(tr *groupcast.Transfer) { tr.Via = groupcast.ViaMulticast })
	s.Attached(t0, dev(1), Here)
	expect(t, s, t0, "open 1 d1")

	s = owing(2, func(tr *groupcast.Transfer) { tr.Via = groupcast.ViaHTTPS })
	s.Attached(t0, dev(1), Here)
	s.Attached(t0, dev(2), Here)
	expect(t, s, t0, "https 1 d1 d2")
}

func TestAHeldTransferWaitsForItsRelease(t *testing.T) {
	s := owing(2, func(tr *groupcast.Transfer) { tr.Hold = true })
	s.Attached(t0, dev(1), Here)
	s.Attached(t0, dev(2), Here)
	expect(t, s, sec(100))
	s.Release(1)
	expect(t, s, sec(100), "open 1 d1 d2")
}

func TestNothingGoesWhilePaused(t *testing.T) {
	s := owing(2, nil)
	s.Pause(true)
	s.Release(1)
	s.Attached(t0, dev(1), Here)
	s.Attached(t0, dev(2), Here)
	expect(t, s, sec(100))
	s.Pause(false)
	expect(t, s, sec(100), "open 1 d1 d2")
}

func TestDataFlowsWhenAllAnsweredOrAfterHalfASecond(t *testing.T) {
	s := owing(2, nil)
	s.Attached(t0, dev(1), Here)
	s.Attached(t0, dev(2), Here)
	s.Pump(t0)
	s.Opened(t0, 1, Here, sess(1))
	s.Ready(t0, 1, sess(1), dev(1), 0)
	expect(t, s, sec(0.4))
	expect(t, s, sec(0.5), "begin 1")
	s.Ready(sec(2), 1, sess(1), dev(2), 0)
	s.Stored(sec(3), 1, dev(1))
	expect(t, s, sec(3))
	s.Stored(sec(4), 1, dev(2))
	expect(t, s, sec(4), "close 1")
}

func TestASilentDeviceIsLeftToHTTPS(t *testing.T) {
	s := owing(2, nil)
	s.Attached(t0, dev(1), Here)
	s.Attached(t0, dev(2), Here)
	s.Pump(t0)
	s.Opened(t0, 1, Here, sess(1))
	s.Ready(t0, 1, sess(1), dev(1), 0)
	expect(t, s, sec(0.5), "begin 1")
	expect(t, s, sec(30), "https 1 d2")
}

func TestALateDeviceJoinsTheRunningSession(t *testing.T) {
	s := sending(t, 3)
	s.Attached(sec(5), dev(3), Here)
	expect(t, s, sec(5), "offer 1 d3")
	if !s.Ready(sec(5), 1, sess(1), dev(3), 0) {
		t.Fatal("the late device was refused")
	}
}

func TestADeviceBehindCatchesUpAndTheOthersGoOn(t *testing.T) {
	s := sending(t, 2)
	s.Behind(sec(1), 1, dev(2), "30 % loss", false)
	expect(t, s, sec(1), "detach 1 d2", "https 1 d2")
	s.Stored(sec(2), 1, dev(1))
	expect(t, s, sec(2), "close 1")
	if s.transfers[1].at(Here).deliveries[dev(2)].reason.Text != "30 % loss" {
		t.Fatal("the reason was lost")
	}
}

func TestLeftOversGoOverHTTPSAtOnce(t *testing.T) {
	s := sending(t, 2)
	s.Ended(sec(1), 1, sess(1), Reason{Code: SessionEnded})
	expect(t, s, sec(1), "detach 1 d1", "https 1 d1", "detach 1 d2", "https 1 d2", "close 1")
}

func TestTransfersOfAGroupGoOneAfterAnother(t *testing.T) {
	s := sending(t, 2)
	s.Add(groupcast.Transfer{No: 2, GroupID: protocol.GroupID{1}}, true)
	s.Add(groupcast.Transfer{No: 3, GroupID: protocol.GroupID{2}}, true)
	for _, no := range []protocol.TransferNo{2, 3} {
		s.Owe(no, dev(1))
		s.Owe(no, dev(2))
	}
	expect(t, s, sec(1), "open 3 d1 d2") // another group does not wait
	s.Stored(sec(2), 1, dev(1))
	s.Stored(sec(2), 1, dev(2))
	expect(t, s, sec(2), "close 1", "open 2 d1 d2")
}

func TestAChangeOfMembersMakesOneNewSession(t *testing.T) {
	s := sending(t, 3)
	if got := s.Interrupt(sec(1), protocol.GroupID{1}); len(got) != 1 || got[0] != sess(1) {
		t.Fatalf("sessions to stop: %v", got)
	}
	s.Settle(sec(1), 1, dev(2))
	s.Attached(sec(1), dev(3), Here)
	if got := s.Interrupt(sec(1.1), protocol.GroupID{1}); got != nil {
		t.Fatalf("a second change within 200 ms stops %v again", got)
	}
	expect(t, s, sec(1.1))
	if s.Ready(sec(1.1), 1, sess(1), dev(1), 0) {
		t.Fatal("keys of the stopped session were handed out")
	}
	expect(t, s, sec(1.2), "open 1 d1 d3")
	s.Opened(sec(1.2), 1, Here, sess(2))
	s.Ready(sec(1.3), 1, sess(2), dev(1), 5)
	s.Ready(sec(1.3), 1, sess(2), dev(3), 0)
	expect(t, s, sec(1.3), "begin 1")
}

func TestAChangeWhileASessionOpensVoidsIt(t *testing.T) {
	s := owing(2, nil)
	s.Attached(t0, dev(1), Here)
	s.Attached(t0, dev(2), Here)
	expect(t, s, t0, "open 1 d1 d2")
	s.Interrupt(t0, protocol.GroupID{1})
	if s.Opened(t0, 1, Here, sess(1)) {
		t.Fatal("a session of the old membership was accepted")
	}
}

// A refusal stands until the device itself finds that it can take the transfer; the same one
// again is no news.
func TestARefusalIsTakenBackByTheDevice(t *testing.T) {
	s := sending(t, 2)
	if !s.Refused(sec(1), 1, dev(2), "the disk is read-only") || s.Refused(sec(2), 1, dev(2), "the disk is read-only") {
		t.Error("which refusal is news is not told")
	}
	s.Pump(sec(2))
	expect(t, s, sec(400))
	if s.LookedAgain(1, dev(1)) || !s.LookedAgain(1, dev(2)) {
		t.Error("only who refused looks again")
	}
	expect(t, s, sec(401), "offer 1 d2")
	if s.Refused(sec(402), 1, dev(2), "the disk is read-only") {
		t.Error("the same refusal after another try is told again")
	}
	if !s.Refused(sec(403), 1, dev(2), "the disk is full") {
		t.Error("another reason is not told")
	}
}

// A catch-up that fails again and again is offered more and more rarely, until it brings something.
func TestFailedCatchUpsBackOff(t *testing.T) {
	s := owing(1, nil)
	s.Attached(t0, dev(1), Here)
	expect(t, s, t0, "https 1 d1")
	now := t0
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		if !s.Stumbled(now, 1, dev(1), "a riddle", 100) {
			t.Fatal("it does not catch up")
		}
		pause := min(want*s.t.Pause, maxPause)
		expect(t, s, now.Add(pause-time.Millisecond))
		now = now.Add(pause)
		expect(t, s, now, "https 1 d1")
		_ = i
	}
	s.Stumbled(now, 1, dev(1), "a riddle", 5000) // it brought something
	expect(t, s, now.Add(s.t.Pause), "https 1 d1")
}

// What a device fetches again because a try failed is not held against it; what it fetches
// again without such a reason is, and so is to begin anew in short order.
func TestAllowanceIsRenewed(t *testing.T) {
	s := owing(1, nil)
	s.Attached(t0, dev(1), Here)
	expect(t, s, t0, "https 1 d1")
	_, d := s.deliveryOf(1, dev(1))
	now := t0
	for range 8 {
		d.asked += 1000
		s.Stumbled(now, 1, dev(1), "a riddle", 0)
		now = now.Add(s.pause(d))
		expect(t, s, now, "https 1 d1")
	}
	if d.asked > 2000 {
		t.Errorf("%d bytes are held against a device that retries with patience", d.asked)
	}
	d.asked = 0
	for range 8 {
		d.asked += 1000
		s.Detached(now, dev(1))
		now = now.Add(s.t.Grace)
		s.Attached(now, dev(1), Here)
		s.Pump(now)
	}
	if d.asked < 5000 {
		t.Errorf("only %d bytes are held against a device that begins anew all the time", d.asked)
	}
}

func TestFruitlessRunsEndInHTTPS(t *testing.T) {
	s := sending(t, 2)
	for i := range maxFruitless {
		again := sec(float64(60 * (i + 1)))
		s.Detached(again, dev(2))
		s.Attached(again.Add(s.t.Grace), dev(2), Here)
		s.Pump(again.Add(s.t.Grace))
		s.Ready(again.Add(s.t.Grace), 1, sess(1), dev(2), 0)
	}
	if d := s.transfers[1].at(Here).deliveries[dev(2)]; d.state != StateHTTPS || !d.httpsOnly {
		t.Fatalf("after %d runs without a new block: %+v", maxFruitless, d)
	}
}

// Those who fell silent together fetch over HTTPS only until two of them are back: then it is
// multicast again. A second silence in a session is taken for what it looks like.
func TestThoseWhoFellSilentTogetherAreGathered(t *testing.T) {
	s := sending(t, 3)
	s.Attached(sec(1), dev(3), Here)
	expect(t, s, sec(1), "offer 1 d3")
	s.Ready(sec(1), 1, sess(1), dev(3), 0)
	for i := range byte(3) {
		s.Behind(sec(5), 1, dev(i+1), "no report for 2 s", true)
	}
	s.Pump(sec(5))
	expect(t, s, sec(20))
	s.Fetching(sec(21), 1, dev(2))
	expect(t, s, sec(21)) // one that is back is served over HTTPS
	s.Fetching(sec(22), 1, dev(1))
	expect(t, s, sec(22), "open 1 d1 d2 d3")
	s.Opened(sec(22), 1, Here, sess(2))
	for i := range byte(3) {
		if !s.Ready(sec(22), 1, sess(2), dev(i+1), 3) {
			t.Fatalf("device %d got no keys", i+1)
		}
	}
	expect(t, s, sec(22), "begin 1")
	for i := range byte(3) {
		s.Behind(sec(30), 1, dev(i+1), "no report for 2 s", true)
	}
	s.Pump(sec(30))
	for i := range byte(3) {
		s.Fetching(sec(31), 1, dev(i+1))
	}
	expect(t, s, sec(40))
}

// Who was left behind for another reason stays with HTTPS.
func TestThoseWhoLoseTooMuchAreNotGathered(t *testing.T) {
	s := sending(t, 2)
	for i := range byte(2) {
		s.Behind(sec(5), 1, dev(i+1), "it loses 60 %", false)
		s.Fetching(sec(6), 1, dev(i+1))
	}
	s.Pump(sec(6))
	expect(t, s, sec(20))
}

func TestABrokenStreamKeepsItsPlaceForTheGrace(t *testing.T) {
	s := sending(t, 2)
	s.Detached(sec(1), dev(2))
	expect(t, s, sec(10.9))
	expect(t, s, sec(11), "detach 1 d2")
	s.Attached(sec(20), dev(2), Here)
	expect(t, s, sec(20), "offer 1 d2")

	s = sending(t, 2)
	s.Detached(sec(1), dev(2))
	s.Attached(sec(5), dev(2), Here)
	expect(t, s, sec(30))
	if !s.Ready(sec(5), 1, sess(1), dev(2), 0) {
		t.Fatal("a receiver that was started anew got no keys")
	}
}

func TestNextNeverLiesInThePast(t *testing.T) {
	s := sending(t, 2)
	s.Add(groupcast.Transfer{No: 2, GroupID: protocol.GroupID{1}}, false)
	s.Owe(2, dev(1))
	s.Owe(2, dev(2))
	s.Pump(sec(1))
	if next, ok := s.Next(sec(1)); ok && !next.After(sec(1)) {
		t.Fatalf("the loop would spin: next is %v", next.Sub(t0))
	}
}

// One answer and one receipt each of 10,000 devices, as they come one after another.
func BenchmarkScheduleOfACrowd(b *testing.B) {
	const crowd = 10_000
	id := func(i int) protocol.DeviceID { return protocol.DeviceID{1, byte(i >> 8), byte(i)} }
	for b.Loop() {
		s := owing(0, nil)
		for i := range crowd {
			s.Owe(1, id(i))
			s.Attached(t0, id(i), Here)
		}
		turn := func(now time.Time) {
			s.Pump(now)
			s.Next(now)
		}
		turn(t0)
		turn(sec(1))
		s.Opened(sec(1), 1, Here, sess(1))
		for i := range crowd {
			s.Ready(sec(2), 1, sess(1), id(i), 0)
			turn(sec(2))
		}
		for i := range crowd {
			s.Stored(sec(3), 1, id(i))
			s.Settle(sec(3), 1, id(i))
			turn(sec(3))
		}
		if len(s.transfers[1].at(Here).deliveries) > 0 {
			b.Fatal("somebody is left")
		}
	}
}
