package rate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/rate"
)

// What waits at the receivers, or on the way to them, tells what they take, whether or not anybody
// has reported on this round; then it is worked off, and the rate is not cut again meanwhile.
func TestABacklogTellsWhatIsTaken(t *testing.T) {
	ctl := rate.NewController(rate.Config{})
	taken := mbit(10)
	ctl.Round(rate.Sample{Sent: ctl.Rate(), Fresh: 0.1, Backlog: 300 * time.Millisecond, Taken: float64(taken)})
	first := ctl.Rate()
	if first > taken || first < taken/2 || ctl.Starting() {
		t.Fatalf("%d bytes a second of %d, starting: %v", first, taken, ctl.Starting())
	}
	for _, ms := range []time.Duration{300, 300, 250, 200, 150, 100, 60} {
		fresh := 1.0
		if ms == 300 {
			fresh = 0
		}
		ctl.Round(rate.Sample{
			Sent: ctl.Rate(), Fresh: fresh, Loss: 0.5, Delay: ms * time.Millisecond, Backlog: ms * time.Millisecond,
			Taken: float64(taken),
		})
		if ctl.Rate() != first {
			t.Fatalf("%d bytes a second while %d ms are worked off, not %d", ctl.Rate(), ms, first)
		}
	}
	for range 20 {
		ctl.Round(rate.Sample{Sent: ctl.Rate(), Fresh: 1, Taken: float64(ctl.Rate())})
	}
	if ctl.Rate() <= first {
		t.Error("nothing waits any more, and the rate stays")
	}
}

// A long delay is no backlog if everything is taken that is sent, or the same share of it at any rate.
func TestALongDelayIsNoBacklog(t *testing.T) {
	for loss, least := range map[float64]float64{0: 100, 0.3: 55, 0.6: 30} {
		t.Run(fmt.Sprint(loss), func(t *testing.T) {
			ctl := rate.NewController(rate.Config{})
			for range 60 {
				r := ctl.Rate()
				ctl.Round(rate.Sample{
					Sent: r, Fresh: 1, Loss: loss, Delay: 200 * time.Millisecond, Backlog: 200 * time.Millisecond,
					Taken: float64(r) * (1 - loss),
				})
			}
			if r := ctl.Rate(); r < mbit(least) {
				t.Errorf("%.0f %% loss: %d bytes a second", 100*loss, r)
			}
		})
	}
}

// A bad round in which the first rate was not used tells neither what the way carries nor what loss
// is usual; several in a row do.
func TestAHastyRoundSettlesNothing(t *testing.T) {
	for name, bad := range map[string]rate.Sample{
		"overrun": {Sent: mbit(30), Fresh: 1, Loss: 0.3, Overrun: 0.3},
		"delay":   {Sent: mbit(30), Fresh: 1, Loss: 0.3, Delay: 30 * time.Millisecond},
	} {
		ctl := rate.NewController(rate.Config{})
		before := ctl.Rate()
		ctl.Round(bad)
		if !ctl.Starting() || ctl.Rate() != before {
			t.Errorf("%s: %d bytes a second after one round, starting: %v", name, ctl.Rate(), ctl.Starting())
		}
		ctl.Round(bad)
		ctl.Round(bad)
		if ctl.Starting() {
			t.Errorf("%s: three in a row settle nothing either", name)
		}
		if r := ctl.Rate(); r > mbit(30) {
			t.Errorf("%s: %d bytes a second", name, r)
		}
	}
	ctl := rate.NewController(rate.Config{})
	ctl.Round(rate.Sample{Sent: mbit(30), Fresh: 1, Loss: 0.3, Overrun: 0.3})
	ctl.Round(rate.Sample{Sent: mbit(100), Fresh: 1})
	if ctl.Rate() <= mbit(100) {
		t.Errorf("%d bytes a second after a good round", ctl.Rate())
	}
}
