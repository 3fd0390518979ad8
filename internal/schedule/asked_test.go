package schedule

import (
	"errors"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func TestCatchUpLeavesTheOthersAlone(t *testing.T) {
	s := sending(t, 3)
	if err := s.CatchUp(sec(1), 1, dev(2)); err != nil {
		t.Fatal(err)
	}
	expect(t, s, sec(1), "detach 1 d2", "https 1 d2")
	wantErr(t, s.CatchUp(sec(2), 1, dev(2)), ErrFetches)
	wantErr(t, s.CatchUp(sec(2), 1, dev(3)), ErrAway)
	s.Stored(sec(3), 1, dev(1))
	expect(t, s, sec(3), "close 1")
	wantErr(t, s.CatchUp(sec(3), 1, dev(1)), ErrStored)
	wantErr(t, s.CatchUp(sec(3), 1, dev(9)), ErrNotOwed)
}

func TestCatchUpDoesNotWaitForTheGatherWindow(t *testing.T) {
	s := owing(3, nil)
	s.Attached(t0, dev(1), Here)
	s.Attached(t0, dev(2), Here)
	expect(t, s, t0)
	if err := s.CatchUp(sec(1), 1, dev(1)); err != nil {
		t.Fatal(err)
	}
	expect(t, s, sec(1), "https 1 d1")
}

func TestWhoIsPutOffWaitsForTheNextSending(t *testing.T) {
	for name, c := range map[string]struct {
		then func(s *Scheduler)
		at   time.Time
	}{
		"sent again": {func(s *Scheduler) { s.Release(1) }, sec(5)},
		"came back after a break": {func(s *Scheduler) {
			s.Detached(sec(3), dev(2))
			s.Pump(sec(14))
			s.Attached(sec(20), dev(2), Here)
		}, sec(40)},
		"after a while": {func(*Scheduler) {}, sec(1).Add(DefaultTiming().Later)},
	} {
		t.Run(name, func(t *testing.T) {
			s := sending(t, 2)
			if err := s.PutOff(sec(1), 1, dev(2)); err != nil {
				t.Fatal(err)
			}
			expect(t, s, sec(1), "detach 1 d2")
			wantErr(t, s.PutOff(sec(1), 1, dev(2)), ErrPutOffAlready)
			s.Stored(sec(2), 1, dev(1))
			expect(t, s, sec(2), "close 1")
			s.Settle(sec(2), 1, dev(1))
			expect(t, s, sec(3))
			c.then(s)
			expect(t, s, c.at, "https 1 d2")
		})
	}
}

func TestWhoIsPutOffRidesWithTheNextSession(t *testing.T) {
	s := sending(t, 5)
	if err := s.PutOff(sec(1), 1, dev(2)); err != nil {
		t.Fatal(err)
	}
	s.Interrupt(sec(2), protocol.GroupID{1}) // the same run goes on under another key
	expect(t, s, sec(3), "detach 1 d2", "open 1 d1")
	s.Opened(sec(3), 1, Here, sess(2))
	s.Ready(sec(3), 1, sess(2), dev(1), 0)
	s.Stored(sec(4), 1, dev(1))
	s.Pump(sec(4))
	s.Settle(sec(4), 1, dev(1))
	s.Attached(sec(5), dev(3), Here)
	s.Attached(sec(5), dev(4), Here)
	expect(t, s, sec(5), "open 1 d2 d3 d4")
}

func TestAHeldOrPausedTransferGoesToNobody(t *testing.T) {
	s := owing(1, func(tr *groupcast.Transfer) { tr.Hold = true })
	s.Attached(t0, dev(1), Here)
	wantErr(t, s.CatchUp(t0, 1, dev(1)), ErrHeld)
	s.Release(1)
	s.Pause(true)
	if err := s.PutOff(t0, 1, dev(1)); err == nil {
		t.Fatal("something was done while nothing may be sent")
	}
}

func TestADeviceThatNeverAnswersIsNotWaitedForForEver(t *testing.T) {
	s := sending(t, 3)
	s.Attached(sec(1), dev(3), Here)
	expect(t, s, sec(1), "offer 1 d3")
	expect(t, s, sec(31), "https 1 d3")
	if next, _ := s.Next(sec(31)); next != sec(61) {
		t.Fatalf("looked at again at %v", next.Sub(t0))
	}
	s.Pump(sec(61))
	if l := s.transfers[1].at(Here).deliveries[dev(3)]; l.state != StateSilent {
		t.Fatalf("after a minute without an answer: %+v", l)
	}
	s.Heard(sec(70), 1, dev(3)) // it was busy
	if l := s.transfers[1].at(Here).deliveries[dev(3)]; l.state != StateHTTPS {
		t.Fatalf("after it answered: %+v", l)
	}
	s.Pump(sec(71))
	s.Pump(sec(70).Add(s.t.Stall))
	if l := s.transfers[1].at(Here).deliveries[dev(3)]; l.state != StateSilent {
		t.Fatalf("after it stopped in the middle: %+v", l)
	}
	s.Detached(sec(300), dev(3))
	s.Attached(sec(301), dev(3), Here)
	expect(t, s, sec(301), "https 1 d3") // the session's offer is older than the one it has
}

// A device that has a large content when the files shrink at the server may still ask for all of the small one.
func TestOtherContentHasAShareOfItsOwn(t *testing.T) {
	s := sending(t, 2)
	if n := s.Fetched(sec(1), 1, dev(2), 700_000); n != 700_000 {
		t.Fatalf("%d bytes count", n)
	}
	s.Renewed(1)
	if n := s.Fetched(sec(1), 1, dev(2), 100); n != 100 {
		t.Errorf("%d bytes count against the share of the new content", n)
	}
}
