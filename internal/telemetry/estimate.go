package telemetry

import (
	"math"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
)

const (
	farAway    = 30 * 24 * time.Hour // an end later than this cannot be told
	paceWeight = 0.25                // of the newest second in a device's rate
	// standsAfter times as long as the latest step took it stands still.
	standsAfter = 3
)

// shares are the parts of a group, in percent, that estimates are made for.
var shares = []int{50, 95, 100}

// Ahead is what one device that receives still lacks, and how quickly it comes.
type Ahead struct {
	Left uint64  // bytes
	Rate float64 // bytes a second; 0: not known
}

// Estimates says when each share of a transfer's devices will be done: done is how many
// are done, unknown how many have no estimate because they are away or take no part.
func Estimates(now time.Time, done, unknown int, moving []Ahead) []groupcast.Estimate {
	total := done + unknown + len(moving)
	if total == 0 {
		return nil
	}
	ends := make([]time.Duration, 0, len(moving))
	for _, a := range moving {
		if end, known := a.end(); known {
			ends = append(ends, end)
		}
	}
	slices.Sort(ends)
	out := make([]groupcast.Estimate, len(shares))
	for i, share := range shares {
		need := (total*share + 99) / 100
		out[i] = groupcast.Estimate{Share: share, Devices: need}
		switch at := need - done - 1; {
		case at < 0:
			out[i].Done = true
		case at < len(ends):
			out[i].At = now.Add(ends[at]).Round(time.Second)
		default:
			out[i].Waits = need - done - len(ends)
			if len(ends) > 0 {
				out[i].At = now.Add(ends[len(ends)-1]).Round(time.Second)
			}
		}
	}
	return out
}

func (a Ahead) end() (time.Duration, bool) {
	switch {
	case a.Left == 0:
		return 0, true
	case a.Rate <= 0:
		return 0, false
	}
	seconds := float64(a.Left) / a.Rate
	if seconds > farAway.Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// Pace is how quickly something grows, lately. It may grow in steps that are far apart: at a low rate several blocks
// are whole at once, many seconds after the last ones. The zero value has seen nothing.
type Pace struct {
	Rate   float64       // bytes a second
	seen   uint64        // bytes at the latest step, and when that was
	at     time.Time     // …
	every  time.Duration // between the latest two steps
	looked time.Time
}

// Look takes a look at how far it has come; about one a second makes its rate.
func (p *Pace) Look(now time.Time, bytes uint64) {
	passed := now.Sub(p.looked)
	p.looked = now
	if p.at.IsZero() || bytes < p.seen {
		p.seen, p.at = bytes, now
		return
	}
	took := now.Sub(p.at)
	if bytes == p.seen {
		if took > standsAfter*p.every {
			p.Rate *= math.Pow(1-paceWeight, passed.Seconds())
		}
		return
	}
	if p.every > 0 { // what it stood still beyond that was counted then
		took = min(took, max(standsAfter*p.every, passed))
	}
	took = max(took, SampleEvery/4)
	rate := float64(bytes-p.seen) / took.Seconds()
	if p.Rate > 0 {
		p.Rate += (rate - p.Rate) * (1 - math.Pow(1-paceWeight, took.Seconds()))
	} else {
		p.Rate = rate
	}
	p.seen, p.at, p.every = bytes, now, max(took, SampleEvery)
}
