package schedule

import (
	"testing"
	"time"
)

// What stood still and goes on is offered anew to everybody who was not put off, under a new session.
func TestWhatStoodStillIsOfferedAnew(t *testing.T) {
	s := sending(t, 2)
	s.StandStill()
	if !s.Paused() {
		t.Fatal("it is not paused")
	}
	s.Attached(sec(1), dev(1), Here)
	expect(t, s, sec(90))
	if next, ok := s.Next(sec(90)); ok {
		t.Errorf("something is due at %v", next.Sub(t0))
	}
	if s.Ready(sec(90), 1, sess(1), dev(1), 0) {
		t.Error("a device may still join the session of before")
	}
	s.Pause(false)
	expect(t, s, sec(100), "open 1 d1 d2")
	s.Opened(sec(100), 1, Here, sess(2))
	for i := byte(1); i <= 2; i++ {
		if !s.Ready(sec(100), 1, sess(2), dev(i), 0) {
			t.Fatal("ready was refused")
		}
	}
	expect(t, s, sec(100), "begin 1")
}

// What was decided and not yet carried out when all was stopped is not carried out.
func TestStandStillDropsWhatWasDecided(t *testing.T) {
	s := sending(t, 2)
	s.Behind(t0, 1, dev(1), "too slow", false)
	if len(s.actions) == 0 {
		t.Fatal("nothing was decided")
	}
	s.StandStill()
	expect(t, s, t0)
}

// A delivery by HTTPS, and one whose way was found to be HTTPS, begin anew, too.
func TestStandStillForgetsTheWay(t *testing.T) {
	s := owing(2, nil)
	s.Attached(t0, dev(1), Here)
	expect(t, s, t0)
	expect(t, s, sec(10), "https 1 d1")
	s.StandStill()
	if d, owed := s.Delivery(1, dev(1)); !owed || d.State != StateIdle {
		t.Errorf("the delivery is in state %v, owed %v", d.State, owed)
	}
	s.Attached(sec(11), dev(2), Here)
	s.Pause(false)
	expect(t, s, sec(30), "open 1 d1 d2")
}

// Until a start has settled nothing goes out by itself, also if all are here; what an administrator
// sends by hand does.
func TestNothingGoesOutBeforeItIsSettled(t *testing.T) {
	s := owing(2, nil)
	s.SettleBy(sec(2))
	s.Attached(t0, dev(1), Here)
	s.Attached(t0, dev(2), Here)
	expect(t, s, t0)
	if next, ok := s.Next(t0); !ok || next != sec(2) {
		t.Fatalf("next is %v, want 2 s", next.Sub(t0))
	}
	expect(t, s, sec(1.9))
	expect(t, s, sec(2), "open 1 d1 d2")

	byHand := owing(2, nil)
	byHand.SettleBy(sec(2))
	byHand.Attached(t0, dev(1), Here)
	byHand.Attached(t0, dev(2), Here)
	byHand.Release(1)
	expect(t, byHand, t0, "open 1 d1 d2")

	let := owing(2, nil)
	let.SettleBy(sec(60))
	let.Attached(t0, dev(1), Here)
	let.Attached(t0, dev(2), Here)
	let.SettleBy(time.Time{})
	expect(t, let, sec(1), "open 1 d1 d2")
}
