package rate

import "time"

// Burst is how much lateness of the driver's timer a Pacer makes up for: what could not be sent during
// the last Burst may be sent at once. BurstOwn is the same if the rate is not limited by the network: a
// burst would overflow the network's small buffers.
const (
	Burst    = 2 * time.Millisecond
	BurstOwn = 10 * time.Millisecond
)

// trainTime is how long a train should occupy the wire: short, so that a slow bottleneck
// with a small buffer takes it, and long enough to pay for one call into the kernel.
const trainTime = time.Millisecond

// Pacer is a token bucket of bytes that is emptied in trains.
type Pacer struct {
	rate   float64 // bytes a second
	tokens float64 // may be negative: SYNCs do not wait
	depth  float64
	burst  time.Duration
	frame  int // bytes of a packet
	at     time.Time
}

// NewPacer makes a full bucket.
func NewPacer(now time.Time, bytesPerSec uint64, frame int) *Pacer {
	p := &Pacer{frame: frame, at: now, burst: Burst}
	p.SetRate(now, bytesPerSec)
	p.tokens = p.depth
	return p
}

// SetRate changes the rate from now on.
func (p *Pacer) SetRate(now time.Time, bytesPerSec uint64) {
	p.fill(now)
	p.rate = float64(max(bytesPerSec, 1))
	train := float64(p.Train(1<<20) * p.frame)
	p.depth = max(p.rate*p.burst.Seconds(), 2*train)
	p.tokens = min(p.tokens, p.depth)
}

// SetBurst changes how much lateness is made up for.
func (p *Pacer) SetBurst(now time.Time, d time.Duration) {
	if d != p.burst {
		p.burst = d
		p.SetRate(now, uint64(p.rate))
	}
}

// Train is how many packets should leave together, at most limit.
func (p *Pacer) Train(limit int) int {
	n := int(p.rate * trainTime.Seconds() / float64(p.frame))
	return min(max(n, 4), limit)
}

// Ready says how many packets may leave now, at most limit; none before a whole train may.
func (p *Pacer) Ready(now time.Time, limit int) int {
	p.fill(now)
	n := p.Train(limit)
	if p.tokens < float64(n*p.frame) {
		return 0
	}
	return n
}

// Take pays for bytes that leave now.
func (p *Pacer) Take(now time.Time, bytes int) {
	p.fill(now)
	p.tokens -= float64(bytes)
}

// Next is when a train of at most limit packets may leave.
func (p *Pacer) Next(now time.Time, limit int) time.Time {
	p.fill(now)
	lack := float64(p.Train(limit)*p.frame) - p.tokens
	if lack <= 0 {
		return now
	}
	return p.at.Add(time.Duration(lack/p.rate*float64(time.Second)) + time.Nanosecond)
}

func (p *Pacer) fill(now time.Time) {
	if d := now.Sub(p.at); d > 0 {
		p.tokens = min(p.tokens+p.rate*d.Seconds(), p.depth)
		p.at = now
	}
}
