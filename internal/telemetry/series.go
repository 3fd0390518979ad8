package telemetry

import (
	"maps"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	// SampleEvery is how often a sample is taken of a transfer that moves.
	SampleEvery = time.Second
	sampleSpan  = 5 // samples that a receiver's rate is taken over: reports come slower than once a second
)

// Sample is what is known of a transfer at one moment; counters only grow within a session.
type Sample struct {
	At             time.Time
	Running        bool // a session sends
	Session        protocol.SessionID
	Wire, HTTPS    uint64  // bytes sent so far
	Source, Parity uint64  // symbols sent so far
	Loss           float64 // percent
	Limiter        string  // what holds the rate
	Size           uint64  // bytes of the transfer
	Verified       map[protocol.DeviceID]uint64
	Losses         map[protocol.DeviceID]float64 // percent, of those who reported lately
}

// Series are the points of one transfer, at most groupcast.MaxPoints, and its loss map if one is
// drawn. The zero value is an empty series.
type Series struct {
	points []groupcast.Point
	step   int // samples that make one point
	open   []groupcast.Point
	recent []Sample // the last sampleSpan
	loss   *LossMap // nil: none is drawn
}

// Draw begins a loss map, if there is none.
func (s *Series) Draw() {
	if s.loss == nil {
		s.loss = newLossMap()
	}
}

// Loss gives a copy of the loss map; nil if none is drawn.
func (s *Series) Loss() *LossMap { return s.loss.clone() }

// Last is when the newest sample was taken; the zero time if none was.
func (s *Series) Last() time.Time {
	if len(s.recent) == 0 {
		return time.Time{}
	}
	return s.recent[len(s.recent)-1].At
}

// Idle says that a sample without a session has nothing new.
func (s *Series) Idle(now Sample) bool {
	if len(s.recent) == 0 || now.Running {
		return false
	}
	last := s.recent[len(s.recent)-1]
	return now.HTTPS == last.HTTPS && maps.Equal(now.Verified, last.Verified)
}

// Add turns a sample into a point, given those before it, and into a column of the loss map.
func (s *Series) Add(now Sample) {
	if len(s.recent) == 0 {
		s.recent = []Sample{{At: now.At.Add(-SampleEvery), HTTPS: now.HTTPS, Verified: map[protocol.DeviceID]uint64{}}}
	}
	s.open = append(s.open, pointOf(s.recent, now))
	s.recent = append(s.recent, now)
	s.recent = s.recent[max(0, len(s.recent)-sampleSpan):]
	if s.loss != nil && now.Running {
		s.loss.add(now.At, now.Losses)
	}
	s.step = max(s.step, 1)
	if len(s.open) < s.step {
		return
	}
	s.points, s.open = append(s.points, merged(s.open)), s.open[:0]
	if len(s.points) >= groupcast.MaxPoints {
		s.coarsen()
	}
}

// coarsen makes one point of two.
func (s *Series) coarsen() {
	half := s.points[:0]
	for pair := range slices.Chunk(s.points, 2) {
		half = append(half, merged(pair))
	}
	s.points, s.step = half, 2*s.step
}

// merged is the mean of points, at the time of the last.
func merged(of []groupcast.Point) groupcast.Point {
	last := of[len(of)-1]
	out := groupcast.Point{At: last.At, Limiter: last.Limiter}
	n := uint64(len(of))
	for _, p := range of {
		out.Sent += p.Sent / n
		out.Repair += p.Repair / n
		out.P10 += p.P10 / n
		out.P50 += p.P50 / n
		out.P90 += p.P90 / n
		out.Loss += p.Loss / float64(n)
	}
	return out
}

func pointOf(before []Sample, now Sample) groupcast.Point {
	last := before[len(before)-1]
	if last.Session != now.Session {
		last.Wire, last.Source, last.Parity = 0, 0, 0 // a session counts from nothing
	}
	seconds := max(now.At.Sub(last.At), SampleEvery/4).Seconds()
	wire := bitsPerSecond(now.Wire, last.Wire, seconds)
	p := groupcast.Point{
		At: now.At, Sent: wire + bitsPerSecond(now.HTTPS, last.HTTPS, seconds), Loss: now.Loss, Limiter: now.Limiter,
	}
	parity, all := since(now.Parity, last.Parity), since(now.Parity+now.Source, last.Parity+last.Source)
	if all > 0 {
		p.Repair = uint64(float64(wire) * float64(parity) / float64(all))
	}
	p.P10, p.P50, p.P90 = goodput(before[0], now)
	return p
}

func since(now, before uint64) uint64 { return now - min(now, before) }

func bitsPerSecond(now, before uint64, seconds float64) uint64 {
	return uint64(float64(since(now, before)) * 8 / seconds)
}

// goodput says what the receivers that still lacked something verified in bits a second.
func goodput(before, now Sample) (p10, p50, p90 uint64) {
	seconds := max(now.At.Sub(before.At), SampleEvery/4).Seconds()
	var rates []uint64
	for dev, have := range now.Verified {
		if had := before.Verified[dev]; had < now.Size {
			rates = append(rates, bitsPerSecond(have, had, seconds))
		}
	}
	if len(rates) == 0 {
		return 0, 0, 0
	}
	slices.Sort(rates)
	at := func(q float64) uint64 { return rates[int(q*float64(len(rates)-1)+0.5)] }
	return at(0.1), at(0.5), at(0.9)
}

// Points are all points, with what is not a whole one yet.
func (s *Series) Points() []groupcast.Point {
	out := slices.Clone(s.points)
	if len(s.open) > 0 {
		out = append(out, merged(s.open))
	}
	return out
}
