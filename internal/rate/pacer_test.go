package rate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/rate"
)

var start = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// spend sends whenever the pacer lets it, with a driver that is late by so much each time.
func spend(p *rate.Pacer, frame int, d, late time.Duration) (bytes, longest int) {
	now := start
	for now.Before(start.Add(d)) {
		run := 0
		for n := p.Ready(now, 44); n > 0; n = p.Ready(now, 44) {
			p.Take(now, n*frame)
			run += n * frame
		}
		bytes += run
		if now != start {
			longest = max(longest, run)
		}
		now = p.Next(now, 44).Add(late)
	}
	return bytes, longest
}

func TestPacerKeepsTheRate(t *testing.T) {
	const frame = 1485
	for _, mbit := range []float64{1, 10, 100, 1000, 5000} {
		t.Run(fmt.Sprint(mbit), func(t *testing.T) {
			bps := mbit * 1e6 / 8
			for _, late := range []time.Duration{0, 200 * time.Microsecond, time.Millisecond} {
				bytes, longest := spend(rate.NewPacer(start, uint64(bps), frame), frame, 10*time.Second, late)
				if got := float64(bytes) / 10; got < 0.99*bps || got > 1.02*bps+20*frame {
					t.Errorf("%v Mbit/s, %v late: %.3f", mbit, late, got*8/1e6)
				}
				if most := max(bps*rate.Burst.Seconds()*1.01, 8*frame) + frame; float64(longest) > most {
					t.Errorf("%v Mbit/s, %v late: %d bytes at once", mbit, late, longest)
				}
			}
		})
	}
}

func TestPacerForgetsLongAbsence(t *testing.T) {
	p := rate.NewPacer(start, 1e6, 1000)
	_, _ = spend(p, 1000, time.Second, 0)
	now, n := start.Add(time.Hour), 0
	for k := p.Ready(now, 64); k > 0; k = p.Ready(now, 64) {
		p.Take(now, k*1000)
		n += k
	}
	if n > 8 {
		t.Errorf("%d packets at once after an hour", n)
	}
}

func TestSyncsArePaidFor(t *testing.T) {
	p := rate.NewPacer(start, 1e6, 1000)
	p.Take(start, 50_000)
	if n := p.Ready(start.Add(40*time.Millisecond), 64); n != 0 {
		t.Errorf("%d packets while in debt", n)
	}
	if at := p.Next(start, 4); at.Sub(start) < 45*time.Millisecond || at.Sub(start) > 60*time.Millisecond {
		t.Errorf("ready after %v", at.Sub(start))
	}
}
