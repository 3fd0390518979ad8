package rate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/rate"
)

// TestAStarvedSenderLearnsNothingOfTheLine: a round in which this machine sent less than the rate, at whatever rate
// of the doubling, does not end it, whatever came of that round.
func TestAStarvedSenderLearnsNothingOfTheLine(t *testing.T) {
	for name, bad := range map[string]rate.Sample{
		"overrun": {Loss: 0.3, Overrun: 0.3},
		"delay":   {Loss: 0.1, Delay: 30 * time.Millisecond},
		"loss":    {Loss: 0.6},
		"backlog": {Backlog: 200 * time.Millisecond, Taken: float64(mbit(10))},
	} {
		for before := range 4 {
			for _, sent := range []float64{20, 70, 110} {
				t.Run(fmt.Sprint(name, " ", before, " ", sent), func(t *testing.T) {
					ctl, p := rate.NewController(rate.Config{}), path{wire: 1.25e9}
					for range before {
						ctl.Round(p.sample(ctl.Rate()))
					}
					rateBefore := ctl.Rate()
					s := bad
					s.Sent, s.Fresh = min(mbit(sent), rateBefore*3/4), 1
					ctl.Round(s)
					if !ctl.Starting() || ctl.Rate() != rateBefore {
						t.Fatalf("%d Mbit/s after %d, starting: %v", ctl.Rate()*8/1e6, rateBefore*8/1e6, ctl.Starting())
					}
					for range 8 {
						ctl.Round(p.sample(ctl.Rate()))
					}
					if r := ctl.Rate(); r < mbit(9000) {
						t.Errorf("%d Mbit/s of 10,000 once it could send", r*8/1e6)
					}
				})
			}
		}
	}
}

// TestTheDoublingGoesOnAfterTheSenderWasBehind: a machine that did not use the rate for many rounds, and then does,
// finds the rate as quickly as one that always did.
func TestTheDoublingGoesOnAfterTheSenderWasBehind(t *testing.T) {
	for _, behind := range []int{1, 2, 3, 10, 100} {
		t.Run(fmt.Sprint(behind), func(t *testing.T) {
			ctl, p := rate.NewController(rate.Config{}), path{wire: 1.25e9}
			for range behind {
				ctl.Round(p.sample(min(ctl.Rate(), mbit(30))))
			}
			if behind >= 10 && ctl.Starting() {
				t.Error("every device reports at every turn, and nothing is learned from it")
			}
			for range 10 {
				ctl.Round(p.sample(ctl.Rate()))
			}
			if r := ctl.Rate(); r < mbit(9000) {
				t.Errorf("%d Mbit/s of 10,000 ten rounds later", r*8/1e6)
			}
		})
	}
}
