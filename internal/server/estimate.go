package server

import (
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
)

const (
	farAway    = 30 * 24 * time.Hour // an end later than this cannot be told
	paceWeight = 0.25                // of the newest second in a device's rate
)

// shares are the parts of a group, in percent, whose end is estimated.
var shares = []int{50, 95, 100}

// ahead is what one device that receives still lacks, and how quickly it comes.
type ahead struct {
	left uint64
	rate float64 // bytes a second; 0: not known
}

// estimates says when each share of a transfer's devices will be done: done are, unknown are
// those of whom it cannot be told, because they are away or take no part.
func estimates(now time.Time, done, unknown int, moving []ahead) []groupcast.Estimate {
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
		}
	}
	return out
}

func (a ahead) end() (time.Duration, bool) {
	switch {
	case a.left == 0:
		return 0, true
	case a.rate <= 0:
		return 0, false
	}
	seconds := float64(a.left) / a.rate
	if seconds > farAway.Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// pace takes a look at how far a delivery has come; one a second makes its rate.
func (p *progress) pace(now time.Time) {
	if !p.pacedAt.IsZero() {
		seconds := max(now.Sub(p.pacedAt), sampleEvery/4).Seconds()
		rate := float64(since(p.bytes, p.paced)) / seconds
		if p.rate > 0 {
			rate = paceWeight*rate + (1-paceWeight)*p.rate
		}
		p.rate = rate
	}
	p.paced, p.pacedAt = p.bytes, now
}

// estimate says when shares of a transfer's devices will be done. rate is what the session
// sends in bytes a second: it holds for those who have not shown a rate of their own yet.
func (l *live) estimate(tr groupcast.Transfer, rate uint64) []groupcast.Estimate {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, open := l.sched.Transfer(l.s.now(), tr.No)
	if !open {
		return nil
	}
	moving := make([]ahead, 0, p.Owed)
	for dev, d := range l.sched.Deliveries(tr.No) {
		if a, moves := l.ahead(tr, dev, d, rate); moves {
			moving = append(moving, a)
		}
	}
	return estimates(l.s.now(), tr.Verified+tr.Incomplete, max(0, tr.Owed-len(moving)), moving)
}

// ahead says what a device lacks, if it takes part; the lock is held.
func (l *live) ahead(tr groupcast.Transfer, dev protocol.DeviceID, d schedule.Delivery, rate uint64) (ahead, bool) {
	if !d.Active {
		return ahead{}, false
	}
	out := ahead{left: tr.Bytes}
	if e := l.seen[deliveryKey{tr.No, dev}]; e != nil {
		out.left, out.rate = since(tr.Bytes, e.bytes), e.rate
	}
	switch d.State {
	case schedule.StateStored:
		out.left = 0
	case schedule.StateAsked, schedule.StateMulticast:
		if out.rate == 0 {
			out.rate = float64(rate)
		}
	case schedule.StateHTTPS:
	default:
		return ahead{}, false
	}
	return out, true
}
