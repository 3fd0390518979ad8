package schedule

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// A device that compares its files is waited for as long as it said, half an hour at most; silence after that is an
// answer.
func TestADeviceThatLooksIsWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		says, waits time.Duration
		again       time.Duration // when it says so once more; 0: never
	}{
		"less than anybody gets": {says: time.Second, waits: 30 * time.Second},
		"as it says":             {says: 5 * time.Minute, waits: 5 * time.Minute},
		"for ever":               {says: 1 << 60, waits: groupcast.MostLooking},
		"a number that is none":  {says: -time.Hour, waits: 30 * time.Second},
		"again":                  {says: time.Minute, again: 40 * time.Second, waits: 100 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(DefaultTiming())
			id := s.asks(t, 1, sec(10), 1, 2)
			s.Ready(sec(10.01), 1, id, dev(1), 0)
			s.Pump(sec(10.5))
			began := sec(10.6)
			s.Looking(began, 1, dev(2), c.says)
			if s.Pump(began); c.again > 0 {
				s.Pump(began.Add(c.again))
				s.Looking(began.Add(c.again), 1, dev(2), c.says)
			}
			for at := began.Add(c.again); at.Before(began.Add(c.waits)); at = at.Add(time.Second) {
				if s.Pump(at); stateOf(s, 2) != StateAsked {
					t.Fatalf("%v after it said that it looks it is no longer waited for", at.Sub(began))
				}
			}
			if at, ok := s.Next(began.Add(c.waits - 1)); c.again == 0 && (!ok || at.After(began.Add(c.waits))) {
				t.Errorf("nothing is due at the end of its time but at %v", at.Sub(began))
			}
			if s.Pump(began.Add(c.waits)); stateOf(s, 2) == StateAsked {
				t.Errorf("%v after it said that it looks it is still waited for", c.waits)
			}
		})
	}
}

// What it says next ends it.
func TestWhoLookedAndAnswersIsWaitedForAsUsual(t *testing.T) {
	s := New(DefaultTiming())
	id := s.asks(t, 1, sec(10), 1, 2)
	s.Ready(sec(10.01), 1, id, dev(1), 0)
	s.Looking(sec(10.02), 1, dev(2), groupcast.MostLooking)
	s.Pump(sec(10.5))
	s.Heard(sec(11), 1, dev(2))
	if s.Pump(sec(40.9)); stateOf(s, 2) != StateAsked {
		t.Error("it was not waited for")
	}
	if s.Pump(sec(41)); stateOf(s, 2) == StateAsked {
		t.Error("its word of before still counts")
	}
}

// A session begins once all who look have said what they lack, though they report how far they are meanwhile; it does
// not wait for ever for one that always looks.
func TestASessionWaitsForWhoLooks(t *testing.T) {
	s := New(DefaultTiming())
	id := s.asks(t, 1, sec(10), 1, 2, 3)
	s.Looking(sec(10.01), 1, dev(2), groupcast.MostLooking)
	s.Ready(sec(10.02), 1, id, dev(1), 0)
	s.Ready(sec(10.02), 1, id, dev(3), 0)
	for at := 10.5; at < 600; at += 3 {
		s.LooksOn(sec(at), 1, dev(2))
		s.Fetched(sec(at), 1, dev(2), 1000)
		if has(s.Pump(sec(at)), BeginSession) {
			t.Fatalf("the session began after %v s", at-10)
		}
	}
	s.Ready(sec(600), 1, id, dev(2), 0)
	if !has(s.Pump(sec(600)), BeginSession) {
		t.Error("the session does not begin")
	}

	s = New(DefaultTiming())
	id = s.asks(t, 1, sec(10), 1, 2)
	s.Ready(sec(10.02), 1, id, dev(1), 0)
	for at := 10.5; !has(s.Pump(sec(at)), BeginSession); at += 20 {
		if s.Looking(sec(at), 1, dev(2), groupcast.MostLooking); at > 2000 {
			t.Fatal("it waits for ever")
		}
	}
}

// Nothing is offered before the files of a transfer are read, if they have to be.
func TestWhatIsUnreadIsNotOffered(t *testing.T) {
	s := New(DefaultTiming())
	s.Add(groupcast.Transfer{No: 1, GroupID: protocol.GroupID{1}}, true)
	s.Unread(1, true)
	s.Owe(1, dev(1))
	s.Attached(sec(1), dev(1), Site{})
	if got := s.Pump(sec(100)); len(got) > 0 {
		t.Errorf("%+v", got)
	}
	if err := s.CatchUp(sec(100), 1, dev(1)); !errors.Is(err, ErrUnread) {
		t.Errorf("it may catch up: %v", err)
	}
	s.Read(1)
	if got := s.Pump(sec(101)); len(got) == 0 {
		t.Error("nothing is offered")
	}
}

func has(actions []Action, kind ActionKind) bool {
	return slices.ContainsFunc(actions, func(a Action) bool { return a.Kind == kind })
}
