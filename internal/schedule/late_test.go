package schedule

import (
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// asks opens the session of a further transfer to devices, all of them attached.
func (s *Scheduler) asks(t *testing.T, no protocol.TransferNo, now time.Time, devices ...byte) protocol.SessionID {
	t.Helper()
	s.Add(groupcast.Transfer{No: no, GroupID: protocol.GroupID{1}, Via: groupcast.ViaAuto}, true)
	for _, n := range devices {
		s.Owe(no, dev(n))
		s.Attached(now, dev(n), Here)
	}
	s.Pump(now)
	if !s.Opened(now, no, Here, sess(byte(no))) {
		t.Fatalf("no session of transfer %d", no)
	}
	return sess(byte(no))
}

// ends ends the session of a transfer, and the transfer.
func (s *Scheduler) ends(now time.Time, no protocol.TransferNo) {
	s.Ended(now, no, sess(byte(no)), Reason{})
	s.Drop(no)
	s.Pump(now)
}

// TestSilentStreams: devices that only hold their stream open, and attach again and again, delay the
// first session by half a second and hardly those that follow, whether they are the same or new ones.
func TestSilentStreams(t *testing.T) {
	for name, silent := range map[string][]byte{"one": {3, 3, 3}, "new ones": {3, 4, 5}} {
		t.Run(name, func(t *testing.T) {
			s := New(DefaultTiming())
			for i, mute := range silent {
				no, offered := protocol.TransferNo(i+1), sec(float64(10*(i+1)))
				id := s.asks(t, no, offered, 1, 2, mute)
				for n := byte(1); n <= 2; n++ {
					s.Ready(offered.Add(20*time.Millisecond), no, id, dev(n), 0)
				}
				s.Detached(offered.Add(30*time.Millisecond), dev(mute))
				s.Attached(offered.Add(40*time.Millisecond), dev(mute), Here)
				s.Pump(offered.Add(50 * time.Millisecond))
				wait := 500 * time.Millisecond
				if i > 0 {
					wait = 120 * time.Millisecond
				}
				if at, _ := s.Next(offered.Add(50 * time.Millisecond)); at != offered.Add(wait) {
					t.Errorf("session %d: the next thing to do is %v after its offer, want %v", no, at.Sub(offered), wait)
				}
				if s.Pump(offered.Add(wait - 1)); phaseOf(s, no) != PhaseAsking {
					t.Errorf("session %d: data flows too early", no)
				}
				if s.Pump(offered.Add(wait)); phaseOf(s, no) != PhaseSending {
					t.Errorf("session %d: data does not flow %v after its offer", no, wait)
				}
				s.ends(offered.Add(time.Second), no)
			}
		})
	}
}

// phaseOf is the phase of a transfer at the server.
func phaseOf(s *Scheduler, no protocol.TransferNo) Phase { return s.Runs(no)[0].Phase }

// TestManyWhoWereLate: devices that all looked through their files for longer than an offer waits are
// waited for the next time, while they answer one after another.
func TestManyWhoWereLate(t *testing.T) {
	s := New(DefaultTiming())
	all := []byte{1, 2, 3, 4}
	id := s.asks(t, 1, sec(10), all...)
	for _, n := range all {
		s.Ready(sec(10.1), 1, id, dev(n), 0)
	}
	expect(t, s, sec(10.1), "begin 1")
	s.ends(sec(12), 1)

	id = s.asks(t, 2, sec(20), all...)
	s.Ready(sec(20.2), 2, id, dev(1), 0)
	expect(t, s, sec(20.4)) // the others answered in time before
	expect(t, s, sec(20.5), "begin 2")
	for _, n := range all[1:] {
		s.Ready(sec(21), 2, id, dev(n), 0)
	}
	s.ends(sec(22), 2)

	id = s.asks(t, 3, sec(30), all...)
	for i, n := range all {
		now := sec(30.08).Add(time.Duration(i) * 80 * time.Millisecond)
		s.Ready(now, 3, id, dev(n), 0)
		if n < 4 {
			expect(t, s, now)
		} else {
			expect(t, s, now, "begin 3")
		}
	}
	s.ends(sec(32), 3)

	id = s.asks(t, 4, sec(40), all...) // and from then on to the end
	s.Ready(sec(40.01), 4, id, dev(1), 0)
	expect(t, s, sec(40.4))
	expect(t, s, sec(40.5), "begin 4")
}

// TestANewServerWaitsForAll: of a server that has just started nobody is known.
func TestANewServerWaitsForAll(t *testing.T) {
	s := New(DefaultTiming())
	id := s.asks(t, 1, sec(10), 1, 2, 3)
	s.Ready(sec(10.01), 1, id, dev(1), 0)
	expect(t, s, sec(10.4))
	if at, _ := s.Next(sec(10.4)); at != sec(10.5) {
		t.Errorf("next is %v", at.Sub(t0))
	}
	if got := namesOf(s.Pump(sec(10.5))); !slices.Equal(got, []string{"begin 1"}) {
		t.Errorf("got %q", got)
	}
}

// TestOneLateAnswer: where most of a group has answered, one that is late holds nobody up for long, though it answered
// in time before; it takes part when it comes, and is waited for the next time.
func TestOneLateAnswer(t *testing.T) {
	for _, late := range []int{1, 2} {
		s := New(DefaultTiming())
		all := []byte{1, 2, 3, 4, 5, 6, 7, 8}
		id := s.asks(t, 1, sec(10), all...)
		for _, n := range all {
			s.Ready(sec(10.03), 1, id, dev(n), 0)
		}
		expect(t, s, sec(10.03), "begin 1")
		s.ends(sec(12), 1)

		id = s.asks(t, 2, sec(20), all...)
		for _, n := range all[late:] {
			s.Ready(sec(20.03), 2, id, dev(n), 0)
		}
		expect(t, s, sec(20.2))
		if at, _ := s.Next(sec(20.2)); at != sec(20.23) {
			t.Errorf("%d late: the next thing to do is at %v", late, at.Sub(sec(20)))
		}
		expect(t, s, sec(20.23), "begin 2")
		for _, n := range all[:late] {
			if !s.Ready(sec(20.3), 2, id, dev(n), 0) {
				t.Errorf("%d late: device %d does not take part", late, n)
			}
		}
		s.ends(sec(22), 2)

		id = s.asks(t, 3, sec(30), all...)
		for _, n := range all[late:] {
			s.Ready(sec(30.03), 3, id, dev(n), 0)
		}
		s.Ready(sec(30.1), 3, id, dev(1), 0)
		if late == 2 {
			expect(t, s, sec(30.15))
			s.Ready(sec(30.15), 3, id, dev(2), 0)
		}
		expect(t, s, sec(30.15), "begin 3")
	}
}

// TestHalfOfAGroupIsWaitedFor: what three of eight, or one of two, miss is not sent once more if they come in time.
func TestHalfOfAGroupIsWaitedFor(t *testing.T) {
	for n, late := range map[int]int{2: 1, 3: 1, 4: 2, 8: 3} {
		s := New(DefaultTiming())
		all := []byte{1, 2, 3, 4, 5, 6, 7, 8}[:n]
		id := s.asks(t, 1, sec(10), all...)
		for _, n := range all[late:] {
			s.Ready(sec(10.03), 1, id, dev(n), 0)
		}
		expect(t, s, sec(10.4))
		expect(t, s, sec(10.5), "begin 1")
	}
}
