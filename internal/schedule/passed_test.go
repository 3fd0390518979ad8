package schedule

import "testing"

// A device takes no offer that is older than one it has: who was told to fetch while a session ran is not
// offered that session any more, however often its stream breaks, but the next one.
func TestWhoWasToldToFetchIsNotOfferedAnOlderSession(t *testing.T) {
	for name, leave := range map[string]func(s *Scheduler){
		"it could not catch up": func(s *Scheduler) {
			s.Behind(sec(1), 1, dev(2), "too slow", false)
			s.Pump(sec(1))
			s.Stumbled(sec(2), 1, dev(2), "cut off", 0)
		},
		"it refused": func(s *Scheduler) {
			s.Behind(sec(1), 1, dev(2), "too slow", false)
			s.Pump(sec(1))
			s.Refused(sec(2), 1, dev(2), "no space")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := sending(t, 3)
			leave(s)
			s.Detached(sec(3), dev(2))
			s.Attached(sec(4), dev(2), Here)
			s.Attached(sec(4), dev(3), Here)
			expect(t, s, sec(4), "offer 1 d3", "https 1 d2")
			s.Ended(sec(5), 1, sess(1), Reason{})
			expect(t, s, sec(5), "detach 1 d1", "https 1 d1", "close 1", "open 1 d3 d2")
		})
	}
}

// Who was told to fetch while a session was made may have the newer offer, too.
func TestWhoWasToldToFetchWhileASessionWasMade(t *testing.T) {
	s := owing(3, nil)
	s.Release(1)
	for i := byte(1); i <= 3; i++ {
		s.Attached(t0, dev(i), Here)
	}
	expect(t, s, t0, "open 1 d1 d2 d3")
	if err := s.CatchUp(t0, 1, dev(3)); err != nil {
		t.Fatal(err)
	}
	s.Opened(t0, 1, Here, sess(1))
	expect(t, s, t0, "https 1 d3")
	s.Stumbled(sec(0.1), 1, dev(3), "cut off", 0)
	s.Attached(sec(0.2), dev(3), Here)
	expect(t, s, sec(0.2), "https 1 d3")
}

// While a transfer's content is planned anew nobody is offered the old one; it is offered afterwards.
func TestNothingIsOfferedWhileATransferIsPlannedAnew(t *testing.T) {
	for name, move := range map[string]func(s *Scheduler){
		"behind":   func(s *Scheduler) { s.Behind(sec(2), 1, dev(2), "the block was another", false) },
		"catch up": func(s *Scheduler) { _ = s.CatchUp(sec(2), 1, dev(2)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := sending(t, 2)
			s.Replan(sec(1), 1, "files changed")
			expect(t, s, sec(1), "close 1")
			move(s)
			expect(t, s, sec(3))
			if d, _ := s.Delivery(1, dev(2)); d.State != StateIdle {
				t.Errorf("it is in state %v", d.State)
			}
			s.Resumed(1)
			expect(t, s, sec(4), "https 1 d2", "https 1 d1")
		})
	}
}

// Who stored the old content, or did not answer its offer, is asked for the new one.
func TestNewContentIsOfferedToThoseWhoStoredTheOld(t *testing.T) {
	s := sending(t, 2)
	s.Stored(sec(1), 1, dev(1))
	s.Behind(sec(1), 1, dev(2), "lost", false)
	s.Pump(sec(1))
	if s.Pump(sec(32)); stateOf(s, 2) != StateSilent || stateOf(s, 1) != StateStored {
		t.Fatalf("states %v and %v", stateOf(s, 1), stateOf(s, 2))
	}
	s.Replan(sec(33), 1, "files changed")
	s.Resumed(1)
	s.Pump(sec(33))
	for i := byte(1); i <= 2; i++ {
		if state := stateOf(s, i); state != StateAsked && state != StateHTTPS {
			t.Errorf("device %d is in state %v", i, state)
		}
	}
}

func stateOf(s *Scheduler, i byte) State {
	d, _ := s.Delivery(1, dev(i))
	return d.State
}

// A device that was given the offer of a session which is over, and heard so from another offer first, is
// offered the transfer anew; one that was put off stays so.
func TestAnOfferThatIsOverIsReplaced(t *testing.T) {
	s := sending(t, 2)
	s.Stored(sec(1), 1, dev(1))
	s.Stored(sec(1), 1, dev(2))
	s.Pump(sec(1))
	s.Overtaken(sec(2), 1, dev(1))
	s.Pump(sec(2))
	if state := stateOf(s, 1); state != StateHTTPS && state != StateAsked {
		t.Errorf("it is in state %v", state)
	}
	if err := s.PutOff(sec(3), 1, dev(1)); err != nil {
		t.Fatal(err)
	}
	s.Overtaken(sec(3), 1, dev(1))
	if stateOf(s, 1) != StateLater {
		t.Error("it is not put off any more")
	}
	s.Overtaken(sec(3), 7, dev(1))
}
