package schedule

import (
	"errors"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// twoVersions is a schedule with transfers 1 and 2, of the same paths, owed to devices 1 and 2, which are active.
func twoVersions(via groupcast.Via) *Scheduler {
	s := New(DefaultTiming())
	for no := protocol.TransferNo(1); no <= 2; no++ {
		s.Add(groupcast.Transfer{No: no, GroupID: protocol.GroupID{1}, Via: via}, true)
		s.Owe(no, dev(1))
		s.Owe(no, dev(2))
	}
	s.SamePaths(2, 1)
	s.SamePaths(2, 1)
	s.Attached(t0, dev(1), Here)
	s.Attached(t0, dev(2), Here)
	return s
}

func TestADeviceWorksOnOneVersionOnly(t *testing.T) {
	s := twoVersions(groupcast.ViaHTTPS)
	expect(t, s, sec(0), "https 1 d1 d2")
	if err := s.CatchUp(sec(1), 2, dev(1)); !errors.Is(err, ErrOccupied) {
		t.Fatalf("it may catch up with the other: %v", err)
	}
	if d, _ := s.Delivery(2, dev(1)); d.Occupied != 1 || d.State != StateIdle {
		t.Fatalf("the newer one: %+v", d)
	}
	s.Settle(sec(2), 1, dev(1))
	expect(t, s, sec(2), "https 2 d1")
	s.Refused(sec(3), 1, dev(2), "no space")
	expect(t, s, sec(3), "https 2 d2")
	if s.LookedAgain(1, dev(2)); len(s.Pump(sec(4))) != 0 {
		t.Fatal("the older one was offered while the newer one is at work")
	}
	s.Drop(2)
	expect(t, s, sec(5), "https 1 d2")
}

func TestAVersionBySessionWaitsForTheOther(t *testing.T) {
	s := twoVersions(groupcast.ViaAuto)
	expect(t, s, sec(0), "open 1 d1 d2")
	s.Opened(sec(0), 1, Here, sess(1))
	for n := byte(1); n <= 2; n++ {
		s.Ready(sec(0), 1, sess(1), dev(n), 0)
	}
	expect(t, s, sec(0), "begin 1")
	s.Behind(sec(1), 1, dev(2), "30 % loss", false)
	expect(t, s, sec(1), "detach 1 d2", "https 1 d2")
	s.Settle(sec(2), 1, dev(1))
	expect(t, s, sec(2), "close 1", "https 2 d1") // alone: the other still fetches the older one
	s.Settle(sec(3), 1, dev(2))
	expect(t, s, sec(3), "open 2 d2 d1")
}
