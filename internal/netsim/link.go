package netsim

import (
	"math/rand/v2"
	"time"
)

// Config says how a link behaves. The zero value delivers everything at once.
type Config struct {
	Delay     time.Duration
	Jitter    time.Duration // added, uniform
	Loss      float64       // of packets, independent
	BurstIn   float64       // per packet: from the good state into the bad one (Gilbert)
	BurstOut  float64       // per packet: back; 0: the bad state is not used
	BurstLoss float64       // in the bad state; 0: everything
	Reorder   float64       // share of packets held back …
	ReorderBy time.Duration // … by so much
	Duplicate float64
	Rate      float64 // bytes a second; 0: no limit
	Queue     int     // bytes that wait for the rate; 0: 64 KiB
}

// Faults count what a link did to packets.
type Faults struct {
	Sent, Delivered, Lost, Burst, Reordered, Duplicated, Parted, Overflowed uint64
}

// Add sums the faults of several links.
func (f *Faults) Add(o Faults) {
	f.Sent += o.Sent
	f.Delivered += o.Delivered
	f.Lost += o.Lost
	f.Burst += o.Burst
	f.Reordered += o.Reordered
	f.Duplicated += o.Duplicated
	f.Parted += o.Parted
	f.Overflowed += o.Overflowed
}

// Link carries packets in one direction.
type Link struct {
	Config
	Faults Faults
	clock  *Clock
	rnd    *rand.Rand
	bad    bool
	parted bool
	free   time.Time // when the last queued packet has left
}

// NewLink makes a link; its faults come from rnd alone.
func NewLink(c *Clock, cfg Config, rnd *rand.Rand) *Link {
	return &Link{Config: cfg, clock: c, rnd: rnd}
}

// Part cuts the link or joins it again.
func (l *Link) Part(cut bool) { l.parted = cut }

// Send carries a packet of size bytes: deliver is called for every copy that arrives.
func (l *Link) Send(size int, deliver func()) {
	l.Faults.Sent++
	if l.parted {
		l.Faults.Parted++
		return
	}
	leaves, ok := l.enqueue(size)
	if !ok {
		l.Faults.Overflowed++
		return
	}
	if l.lose() {
		return
	}
	l.arrive(leaves, deliver)
	if l.Duplicate > 0 && l.rnd.Float64() < l.Duplicate {
		l.Faults.Duplicated++
		l.arrive(leaves, deliver)
	}
}

func (l *Link) arrive(leaves time.Time, deliver func()) {
	d := l.Delay
	if l.Jitter > 0 {
		d += time.Duration(l.rnd.Float64() * float64(l.Jitter))
	}
	if l.Reorder > 0 && l.rnd.Float64() < l.Reorder {
		l.Faults.Reordered++
		d += l.ReorderBy
	}
	l.Faults.Delivered++
	l.clock.At(leaves.Add(d), deliver)
}

// enqueue is a drop-tail queue in front of the rate.
func (l *Link) enqueue(size int) (time.Time, bool) {
	now := l.clock.now
	if l.Rate <= 0 {
		return now, true
	}
	limit := l.Queue
	if limit <= 0 {
		limit = 64 << 10
	}
	if l.free.Before(now) {
		l.free = now
	}
	if waiting := l.free.Sub(now).Seconds() * l.Rate; waiting+float64(size) > float64(limit) {
		return now, false
	}
	l.free = l.free.Add(time.Duration(float64(size) / l.Rate * float64(time.Second)))
	return l.free, true
}

func (l *Link) lose() bool {
	if l.BurstOut > 0 {
		p := l.BurstIn
		if l.bad {
			p = l.BurstOut
		}
		if l.rnd.Float64() < p {
			l.bad = !l.bad
		}
		if l.bad && (l.BurstLoss == 0 || l.rnd.Float64() < l.BurstLoss) {
			l.Faults.Burst++
			return true
		}
	}
	if l.Loss > 0 && l.rnd.Float64() < l.Loss {
		l.Faults.Lost++
		return true
	}
	return false
}
