package schedule

import (
	"testing"

	"github.com/groupcast/groupcast"
)

// Whoever is too old for a transfer is turned away from that one alone, and asked again once it is not.
func TestADemandingTransferTurnsOldReceiversAway(t *testing.T) {
	s := owing(2, nil)
	s.Demanding(1)
	s.Add(groupcast.Transfer{No: 2, Via: groupcast.ViaHTTPS}, true)
	s.Owe(2, dev(1))
	s.Release(1)
	s.JudgeOld(dev(1), "too old")
	s.Attached(t0, dev(1), Here)
	s.Attached(t0, dev(2), Here)
	var refused, offered int
	for _, a := range s.Pump(t0) {
		switch {
		case a.Kind == NoteRefused && a.Transfer == 1 && a.Devices[0] == dev(1) && a.Reason.Text == "too old":
			refused++
		case a.Kind == OfferHTTPS && (a.Transfer == 2) == (a.Devices[0] == dev(1)):
			offered++
		default:
			t.Errorf("%+v", a)
		}
	}
	if refused != 1 || offered != 2 || s.Unfit(1, dev(1)) != "too old" || s.Unfit(2, dev(1)) != "" {
		t.Fatalf("%d refused, %d offered", refused, offered)
	}
	wantErr(t, s.CatchUp(t0, 1, dev(1)), ErrUnfit)
	s.Detached(sec(1), dev(1))
	s.JudgeOld(dev(1), "")
	s.Attached(sec(2), dev(1), Here)
	if d, _ := s.Delivery(1, dev(1)); d.State == StateRefused || s.Unfit(1, dev(1)) != "" {
		t.Errorf("it came back with a newer version: %+v", d)
	}
}
