// Package relay is a long line in a program: it carries Ethernet frames between two network
// cards, both ways, late, with jitter, out of order or in bursts not at all. Kernels without
// netem have no other. It is for the bench and no part of the product.
package relay

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// Config says what the line does to frames, in each direction.
type Config struct {
	Delay     time.Duration // every frame's
	Jitter    time.Duration // up to this much more, order kept
	Reorder   float64       // percent of the frames that are held back by Late, so that others overtake them
	Late      time.Duration
	GoodToBad float64 // percent of the frames after which a burst of losses begins (Gilbert–Elliott); 0: none
	BadToGood float64 // percent of the frames after which it ends; frames within it are lost
}

// maxQueued bounds the frames under way in one direction: a second of a gigabit.
const maxQueued = 90_000

// line is one direction: it decides when each frame comes out, and which do not.
type line struct {
	cfg   Config
	rnd   *rand.Rand
	last  time.Time
	bad   bool
	queue frames
	seq   uint64
	lost  uint64
}

type frame struct {
	due  time.Time
	seq  uint64
	data []byte
}

func newLine(cfg Config, seed uint64) *line {
	return &line{cfg: cfg, rnd: rand.New(rand.NewPCG(seed, 1))}
}

// put takes a frame in; false if the line loses it.
func (l *line) put(now time.Time, data []byte) bool {
	if l.drops() || len(l.queue) >= maxQueued {
		l.lost++
		return false
	}
	due := now.Add(l.cfg.Delay)
	if l.cfg.Jitter > 0 {
		due = due.Add(time.Duration(l.rnd.Int64N(int64(l.cfg.Jitter))))
	}
	if due.Before(l.last) {
		due = l.last
	}
	if l.cfg.Reorder > 0 && l.rnd.Float64()*100 < l.cfg.Reorder {
		due = due.Add(l.cfg.Late) // and the next ones do not wait for it
	} else {
		l.last = due
	}
	l.seq++
	heap.Push(&l.queue, frame{due, l.seq, data})
	return true
}

// drops moves between the good and the bad state of Gilbert and Elliott.
func (l *line) drops() bool {
	if l.cfg.GoodToBad <= 0 {
		return false
	}
	chance := l.cfg.GoodToBad
	if l.bad {
		chance = l.cfg.BadToGood
	}
	if l.rnd.Float64()*100 < chance {
		l.bad = !l.bad
	}
	return l.bad
}

// take gives the next frame that is due, or else when the next will be; zero: none is under way.
func (l *line) take(now time.Time) (data []byte, next time.Time) {
	if len(l.queue) == 0 {
		return nil, time.Time{}
	}
	if due := l.queue[0].due; due.After(now) {
		return nil, due
	}
	return heap.Pop(&l.queue).(frame).data, time.Time{}
}

// frames is a heap by due time; frames due at once keep their order.
type frames []frame

func (f frames) Len() int { return len(f) }
func (f frames) Less(i, j int) bool {
	return f[i].due.Before(f[j].due) || f[i].due.Equal(f[j].due) && f[i].seq < f[j].seq
}
func (f frames) Swap(i, j int) { f[i], f[j] = f[j], f[i] }

// Push implements heap.Interface.
func (f *frames) Push(x any) { *f = append(*f, x.(frame)) }

// Pop implements heap.Interface.
func (f *frames) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	(*f)[last] = frame{}
	*f = (*f)[:last]
	return x
}
