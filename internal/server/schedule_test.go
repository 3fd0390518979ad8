package server

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

var stepNames = map[stepKind]string{
	stepOpen: "open", stepOffer: "offer", stepBegin: "begin", stepHTTPS: "https", stepDetach: "detach", stepClose: "close",
}

func namesOf(steps []step) []string {
	out := []string{}
	for _, s := range steps {
		name := fmt.Sprintf("%s %d", stepNames[s.kind], s.no)
		for _, d := range s.devices {
			name += fmt.Sprintf(" d%d", d[0])
		}
		out = append(out, name)
	}
	return out
}

func expect(t *testing.T, s *schedule, now time.Time, want ...string) {
	t.Helper()
	got := namesOf(s.pump(now))
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("at %v: steps %q, want %q", now.Sub(t0), got, want)
	}
}

// owing makes a schedule with one transfer, number 1, owed to devices 1 to n.
func owing(n int, change func(*groupcast.Transfer)) *schedule {
	s := newSchedule(defaultTiming())
	tr := groupcast.Transfer{No: 1, GroupID: protocol.GroupID{1}, Via: groupcast.ViaAuto}
	if change != nil {
		change(&tr)
	}
	s.add(tr, false)
	for i := range n {
		s.owe(1, dev(byte(i+1)))
	}
	return s
}

// sending brings a schedule with two of its devices into a running session.
func sending(t *testing.T, n int) *schedule {
	t.Helper()
	s := owing(n, nil)
	s.release(1)
	s.attached(t0, dev(1))
	s.attached(t0, dev(2))
	expect(t, s, t0, "open 1 d1 d2")
	s.opened(t0, 1, sess(1))
	for i := byte(1); i <= 2; i++ {
		if !s.ready(t0, 1, sess(1), dev(i), 0) {
			t.Fatal("ready was refused")
		}
	}
	expect(t, s, t0, "begin 1")
	return s
}

func TestGatherWindowClosesTenSecondsAfterTheLastComer(t *testing.T) {
	s := owing(4, nil)
	s.attached(t0, dev(1))
	expect(t, s, t0)
	s.attached(sec(6), dev(2))
	expect(t, s, sec(6))
	if next, ok := s.next(sec(6)); !ok || next != sec(16) {
		t.Fatalf("next is %v, want 16 s", next.Sub(t0))
	}
	expect(t, s, sec(15.9))
	expect(t, s, sec(16), "open 1 d1 d2")
}

func TestGatherWindowClosesAfterAMinuteAtMost(t *testing.T) {
	s := owing(100, nil)
	for i := range 12 {
		s.attached(sec(float64(i*5)), dev(byte(i+1)))
		expect(t, s, sec(float64(i*5)))
	}
	if got := namesOf(s.pump(sec(60))); len(got) != 1 || got[0][:4] != "open" {
		t.Fatalf("after a minute: %q", got)
	}
}

func TestNobodyIsWaitedForWhenAllAreHere(t *testing.T) {
	s := owing(2, nil)
	s.attached(t0, dev(1))
	s.attached(t0, dev(2))
	expect(t, s, t0, "open 1 d1 d2")
}

func TestOneDeviceGoesOverHTTPS(t *testing.T) {
	s := owing(2, nil)
	s.attached(t0, dev(1))
	expect(t, s, t0)
	expect(t, s, sec(10), "https 1 d1")
}

func TestASecondDeviceTurnsACatchUpIntoMulticast(t *testing.T) {
	s := owing(2, nil)
	s.attached(t0, dev(1))
	s.pump(t0)
	expect(t, s, sec(10), "https 1 d1")
	s.attached(sec(12), dev(2))
	expect(t, s, sec(12), "open 1 d2 d1")
}

func TestViaForces(t *testing.T) {
	s := owing(1, func(tr *groupcast.Transfer) { tr.Via = groupcast.ViaMulticast })
	s.attached(t0, dev(1))
	expect(t, s, t0, "open 1 d1")

	s = owing(2, func(tr *groupcast.Transfer) { tr.Via = groupcast.ViaHTTPS })
	s.attached(t0, dev(1))
	s.attached(t0, dev(2))
	expect(t, s, t0, "https 1 d1 d2")
}

func TestAHeldTransferWaitsForItsRelease(t *testing.T) {
	s := owing(2, func(tr *groupcast.Transfer) { tr.Hold = true })
	s.attached(t0, dev(1))
	s.attached(t0, dev(2))
	expect(t, s, sec(100))
	s.release(1)
	expect(t, s, sec(100), "open 1 d1 d2")
}

func TestNothingGoesWhilePaused(t *testing.T) {
	s := owing(2, nil)
	s.paused = true
	s.release(1)
	s.attached(t0, dev(1))
	s.attached(t0, dev(2))
	expect(t, s, sec(100))
	s.paused = false
	expect(t, s, sec(100), "open 1 d1 d2")
}

func TestDataFlowsWhenAllAnsweredOrAfterHalfASecond(t *testing.T) {
	s := owing(2, nil)
	s.attached(t0, dev(1))
	s.attached(t0, dev(2))
	s.pump(t0)
	s.opened(t0, 1, sess(1))
	s.ready(t0, 1, sess(1), dev(1), 0)
	expect(t, s, sec(0.4))
	expect(t, s, sec(0.5), "begin 1")
	s.ready(sec(2), 1, sess(1), dev(2), 0)
	s.stored(sec(3), 1, dev(1))
	expect(t, s, sec(3))
	s.stored(sec(4), 1, dev(2))
	expect(t, s, sec(4), "close 1")
}

func TestASilentDeviceIsLeftToHTTPS(t *testing.T) {
	s := owing(2, nil)
	s.attached(t0, dev(1))
	s.attached(t0, dev(2))
	s.pump(t0)
	s.opened(t0, 1, sess(1))
	s.ready(t0, 1, sess(1), dev(1), 0)
	expect(t, s, sec(0.5), "begin 1")
	expect(t, s, sec(30), "https 1 d2")
}

func TestALateDeviceJoinsTheRunningSession(t *testing.T) {
	s := sending(t, 3)
	s.attached(sec(5), dev(3))
	expect(t, s, sec(5), "offer 1 d3")
	if !s.ready(sec(5), 1, sess(1), dev(3), 0) {
		t.Fatal("the late device was refused")
	}
}

func TestADeviceBehindCatchesUpAndTheOthersGoOn(t *testing.T) {
	s := sending(t, 2)
	s.behind(sec(1), 1, dev(2), "30 % loss", false)
	expect(t, s, sec(1), "detach 1 d2", "https 1 d2")
	s.stored(sec(2), 1, dev(1))
	expect(t, s, sec(2), "close 1")
	if s.promises[1].legs[dev(2)].reason != "30 % loss" {
		t.Fatal("the reason was lost")
	}
}

func TestLeftOversGoOverHTTPSAtOnce(t *testing.T) {
	s := sending(t, 2)
	s.ended(sec(1), 1, sess(1), "left over after the session")
	expect(t, s, sec(1), "detach 1 d1", "https 1 d1", "detach 1 d2", "https 1 d2", "close 1")
}

func TestTransfersOfAGroupGoOneAfterAnother(t *testing.T) {
	s := sending(t, 2)
	s.add(groupcast.Transfer{No: 2, GroupID: protocol.GroupID{1}}, true)
	s.add(groupcast.Transfer{No: 3, GroupID: protocol.GroupID{2}}, true)
	for _, no := range []protocol.TransferNo{2, 3} {
		s.owe(no, dev(1))
		s.owe(no, dev(2))
	}
	expect(t, s, sec(1), "open 3 d1 d2") // another group does not wait
	s.stored(sec(2), 1, dev(1))
	s.stored(sec(2), 1, dev(2))
	expect(t, s, sec(2), "close 1", "open 2 d1 d2")
}

func TestAChangeOfMembersMakesOneNewSession(t *testing.T) {
	s := sending(t, 3)
	if got := s.interrupt(sec(1), protocol.GroupID{1}); len(got) != 1 || got[0] != sess(1) {
		t.Fatalf("sessions to stop: %v", got)
	}
	s.settle(sec(1), 1, dev(2))
	s.attached(sec(1), dev(3))
	if got := s.interrupt(sec(1.1), protocol.GroupID{1}); got != nil {
		t.Fatalf("a second change within 200 ms stops %v again", got)
	}
	expect(t, s, sec(1.1))
	if s.ready(sec(1.1), 1, sess(1), dev(1), 0) {
		t.Fatal("keys of the stopped session were handed out")
	}
	expect(t, s, sec(1.2), "open 1 d1 d3")
	s.opened(sec(1.2), 1, sess(2))
	s.ready(sec(1.3), 1, sess(2), dev(1), 5)
	s.ready(sec(1.3), 1, sess(2), dev(3), 0)
	expect(t, s, sec(1.3), "begin 1")
}

func TestAChangeWhileASessionOpensVoidsIt(t *testing.T) {
	s := owing(2, nil)
	s.attached(t0, dev(1))
	s.attached(t0, dev(2))
	expect(t, s, t0, "open 1 d1 d2")
	s.interrupt(t0, protocol.GroupID{1})
	if s.opened(t0, 1, sess(1)) {
		t.Fatal("a session of the old membership was accepted")
	}
}

// A refusal stands until the device itself finds that it can take the transfer; the same one
// again is no news.
func TestARefusalIsTakenBackByTheDevice(t *testing.T) {
	s := sending(t, 2)
	if !s.refused(sec(1), 1, dev(2), "the disk is read-only") || s.refused(sec(2), 1, dev(2), "the disk is read-only") {
		t.Error("which refusal is news is not told")
	}
	s.pump(sec(2))
	expect(t, s, sec(400))
	if s.lookedAgain(1, dev(1)) || !s.lookedAgain(1, dev(2)) {
		t.Error("only who refused looks again")
	}
	expect(t, s, sec(401), "offer 1 d2")
	if s.refused(sec(402), 1, dev(2), "the disk is read-only") {
		t.Error("the same refusal after another try is told again")
	}
	if !s.refused(sec(403), 1, dev(2), "the disk is full") {
		t.Error("another reason is not told")
	}
}

// A catch-up that fails again and again is offered more and more rarely, until it brings something.
func TestFailedCatchUpsBackOff(t *testing.T) {
	s := owing(1, nil)
	s.attached(t0, dev(1))
	expect(t, s, t0, "https 1 d1")
	now := t0
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		if !s.stumbled(now, 1, dev(1), "a riddle", 100) {
			t.Fatal("it does not catch up")
		}
		pause := min(want*s.t.Pause, maxPause)
		expect(t, s, now.Add(pause-time.Millisecond))
		now = now.Add(pause)
		expect(t, s, now, "https 1 d1")
		_ = i
	}
	s.stumbled(now, 1, dev(1), "a riddle", 5000) // it brought something
	expect(t, s, now.Add(s.t.Pause), "https 1 d1")
}

// What a device fetches again because a try failed is not held against it; what it fetches
// again without such a reason is, and so is to begin anew in short order.
func TestAllowanceIsRenewed(t *testing.T) {
	s := owing(1, nil)
	s.attached(t0, dev(1))
	expect(t, s, t0, "https 1 d1")
	_, l := s.legOf(1, dev(1))
	now := t0
	for range 8 {
		l.asked += 1000
		s.stumbled(now, 1, dev(1), "a riddle", 0)
		now = now.Add(s.pause(l))
		expect(t, s, now, "https 1 d1")
	}
	if l.asked > 2000 {
		t.Errorf("%d bytes are held against a device that retries with patience", l.asked)
	}
	l.asked = 0
	for range 8 {
		l.asked += 1000
		s.detached(now, dev(1))
		now = now.Add(s.t.Grace)
		s.attached(now, dev(1))
		s.pump(now)
	}
	if l.asked < 5000 {
		t.Errorf("only %d bytes are held against a device that begins anew all the time", l.asked)
	}
}

func TestFruitlessRunsEndInHTTPS(t *testing.T) {
	s := sending(t, 2)
	for i := range maxFruitless {
		again := sec(float64(60 * (i + 1)))
		s.detached(again, dev(2))
		s.attached(again.Add(s.t.Grace), dev(2))
		s.pump(again.Add(s.t.Grace))
		s.ready(again.Add(s.t.Grace), 1, sess(1), dev(2), 0)
	}
	if l := s.promises[1].legs[dev(2)]; l.place != placeHTTPS || !l.sticky {
		t.Fatalf("after %d runs without a new block: %+v", maxFruitless, l)
	}
}

// Those who fell silent together fetch over HTTPS only until two of them are back: then it is
// multicast again. A second silence in a session is taken for what it looks like.
func TestThoseWhoFellSilentTogetherAreGathered(t *testing.T) {
	s := sending(t, 3)
	s.attached(sec(1), dev(3))
	expect(t, s, sec(1), "offer 1 d3")
	s.ready(sec(1), 1, sess(1), dev(3), 0)
	for i := range byte(3) {
		s.behind(sec(5), 1, dev(i+1), "no report for 2 s", true)
	}
	s.pump(sec(5))
	expect(t, s, sec(20))
	s.fetching(sec(21), 1, dev(2))
	expect(t, s, sec(21)) // one that is back is served over HTTPS
	s.fetching(sec(22), 1, dev(1))
	expect(t, s, sec(22), "open 1 d1 d2 d3")
	s.opened(sec(22), 1, sess(2))
	for i := range byte(3) {
		if !s.ready(sec(22), 1, sess(2), dev(i+1), 3) {
			t.Fatalf("device %d got no keys", i+1)
		}
	}
	expect(t, s, sec(22), "begin 1")
	for i := range byte(3) {
		s.behind(sec(30), 1, dev(i+1), "no report for 2 s", true)
	}
	s.pump(sec(30))
	for i := range byte(3) {
		s.fetching(sec(31), 1, dev(i+1))
	}
	expect(t, s, sec(40))
}

// Who was left behind for another reason stays with HTTPS.
func TestThoseWhoLoseTooMuchAreNotGathered(t *testing.T) {
	s := sending(t, 2)
	for i := range byte(2) {
		s.behind(sec(5), 1, dev(i+1), "it loses 60 %", false)
		s.fetching(sec(6), 1, dev(i+1))
	}
	s.pump(sec(6))
	expect(t, s, sec(20))
}

func TestABrokenStreamKeepsItsPlaceForTheGrace(t *testing.T) {
	s := sending(t, 2)
	s.detached(sec(1), dev(2))
	expect(t, s, sec(10.9))
	expect(t, s, sec(11), "detach 1 d2")
	s.attached(sec(20), dev(2))
	expect(t, s, sec(20), "offer 1 d2")

	s = sending(t, 2)
	s.detached(sec(1), dev(2))
	s.attached(sec(5), dev(2))
	expect(t, s, sec(30))
	if !s.ready(sec(5), 1, sess(1), dev(2), 0) {
		t.Fatal("a receiver that was started anew got no keys")
	}
}

func TestNextNeverLiesInThePast(t *testing.T) {
	s := sending(t, 2)
	s.add(groupcast.Transfer{No: 2, GroupID: protocol.GroupID{1}}, false)
	s.owe(2, dev(1))
	s.owe(2, dev(2))
	s.pump(sec(1))
	if next, ok := s.next(sec(1)); ok && !next.After(sec(1)) {
		t.Fatalf("the loop would spin: next is %v", next.Sub(t0))
	}
}

func TestLongTurnsLeaveTimeForOthers(t *testing.T) {
	for cost, want := range map[time.Duration]time.Duration{
		0: 0, 20 * time.Microsecond: 0, 2 * time.Millisecond: 8 * time.Millisecond, time.Second: mostRest,
	} {
		if got := restAfter(cost); got != want {
			t.Errorf("after a turn of %v it rests for %v, want %v", cost, got, want)
		}
	}
}

// One answer and one receipt each of 10,000 devices, as they come one after another.
func BenchmarkScheduleOfACrowd(b *testing.B) {
	const crowd = 10_000
	id := func(i int) protocol.DeviceID { return protocol.DeviceID{1, byte(i >> 8), byte(i)} }
	for b.Loop() {
		s := owing(0, nil)
		for i := range crowd {
			s.owe(1, id(i))
			s.attached(t0, id(i))
		}
		turn := func(now time.Time) {
			s.pump(now)
			s.next(now)
		}
		turn(t0)
		turn(sec(1))
		s.opened(sec(1), 1, sess(1))
		for i := range crowd {
			s.ready(sec(2), 1, sess(1), id(i), 0)
			turn(sec(2))
		}
		for i := range crowd {
			s.stored(sec(3), 1, id(i))
			s.settle(sec(3), 1, id(i))
			turn(sec(3))
		}
		if len(s.promises[1].legs) > 0 {
			b.Fatal("somebody is left")
		}
	}
}
