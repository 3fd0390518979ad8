package summary

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/schedule"
)

func TestCountsByState(t *testing.T) {
	var c Counts
	for state, comes := range map[schedule.State]bool{
		schedule.StateRefused: false, schedule.StateSilent: false, schedule.StateLater: false,
		schedule.StateHTTPS: true, schedule.StateStored: true, schedule.StateMulticast: true, schedule.StateAsked: true,
	} {
		if got := c.Add(state); got != comes {
			t.Errorf("state %v comes: %v", state, got)
		}
	}
	if want := (Counts{Here: 7, Fetching: 2, Silent: 1, Later: 1, Refused: 1, Coming: 4}); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
	if got := c.RestsOn(); got != "1 connected but not answering, 1 put off until it is sent again" {
		t.Errorf("%q", got)
	}
	if got := (Counts{}).RestsOn(); got != "" {
		t.Errorf("%q", got)
	}
}

func TestProgressIsOfThoseWhoAreHere(t *testing.T) {
	for name, c := range map[string]struct {
		tr   groupcast.Transfer
		c    Counts
		want float64
	}{
		"nobody":                 {groupcast.Transfer{Bytes: 10, Owed: 3}, Counts{}, 0},
		"one has it, one is off": {groupcast.Transfer{Bytes: 10, Verified: 1, Owed: 1}, Counts{}, 1},
		"one has it, one half":   {groupcast.Transfer{Bytes: 10, Verified: 1, Owed: 1}, Counts{Coming: 1, Bytes: 5}, 0.75},
		"nothing but folders":    {groupcast.Transfer{Verified: 1, Owed: 1}, Counts{Coming: 1}, 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.c.Progress(c.tr); math.Abs(got-c.want) > 1e-9 {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestWhoIsOff(t *testing.T) {
	if got := Off(1); got != "1 receiver is off and gets it when it is back" {
		t.Errorf("%q", got)
	}
	if got := Off(3); got != "3 receivers are off and get it when they are back" {
		t.Errorf("%q", got)
	}
}

func TestWhyADeviceCannotBeMoved(t *testing.T) {
	unfit := func() string { return "it speaks version 1" }
	for _, refusal := range []error{
		schedule.ErrHeld, schedule.ErrSuspended, schedule.ErrAway, schedule.ErrUnfit, schedule.ErrStored,
		schedule.ErrOccupied, schedule.ErrFetches, schedule.ErrPutOffAlready,
	} {
		t.Run(refusal.Error(), func(t *testing.T) {
			var e *groupcast.Error
			if err := CannotMove(refusal, unfit); !errors.As(err, &e) || e.Code != groupcast.EConflict || e.Hint == "" {
				t.Errorf("%v", err)
			}
			if errors.Is(refusal, schedule.ErrUnfit) && e.Message != unfit() {
				t.Errorf("%q", e.Message)
			}
		})
	}
	other := errors.New("disk full")
	if err := CannotMove(other, unfit); !errors.Is(err, other) {
		t.Errorf("%v", err)
	}
}

func TestWhyATransferWaits(t *testing.T) {
	now := time.Unix(1000, 0)
	for want, r := range map[string]schedule.Run{
		"waits for transfer 7 of this group":         {Ahead: 7, Phase: schedule.PhaseGathering},
		"waits 3s for others that may come":          {Phase: schedule.PhaseGathering, Closes: now.Add(3 * time.Second)},
		"waits 0s for others that may come":          {Phase: schedule.PhaseGathering, Closes: now.Add(-time.Second)},
		"the members changed: a new session follows": {Phase: schedule.PhaseRekeying},
		"is next": {},
	} {
		t.Run(want, func(t *testing.T) {
			if got := Waiting(r, now); got != want {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestPacketsThatDoNotFitACard(t *testing.T) {
	for _, fits := range [][2]int{{1400, 1500}, {1500, 1500}, {9000, 0}} {
		if got := TooLarge(fits[0], fits[1]); got != "" {
			t.Errorf("%v: %q", fits, got)
		}
	}
	want := "its network card takes only 1500 bytes in a packet, and those of this session have 9000"
	if got := TooLarge(9000, 1500); got != want {
		t.Errorf("%q", got)
	}
}
