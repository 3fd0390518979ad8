package send_test

import (
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
)

// cpu is the one processor that all receivers share: whoever has something to do gets a slice of
// time in turn, and who waits hears nothing and says nothing. The sender has one of its own.
type cpu struct {
	clock *netsim.Clock
	slice time.Duration
	ready []*task
	busy  bool
}

// task is one program on the machine: what has come for it, in order.
type task struct {
	jobs    []job
	bytes   int // in its socket …
	limit   int // … which holds so many
	dropped int
	waiting bool // in cpu.ready
}

type job struct {
	bytes int
	cost  time.Duration
	do    func()
}

// give puts a job into a task's queue; one that came as a packet is dropped if the socket is full.
func (c *cpu) give(t *task, j job) {
	if j.bytes > 0 && t.bytes+j.bytes > t.limit {
		t.dropped++
		return
	}
	t.bytes += j.bytes
	t.jobs = append(t.jobs, j)
	if !t.waiting {
		t.waiting = true
		c.ready = append(c.ready, t)
	}
	if !c.busy {
		c.busy = true
		c.clock.After(0, c.turn)
	}
}

// turn runs the next task for a slice.
func (c *cpu) turn() {
	if len(c.ready) == 0 {
		c.busy = false
		return
	}
	t := c.ready[0]
	c.ready = c.ready[1:]
	took := time.Duration(0)
	for len(t.jobs) > 0 && took < c.slice {
		j := t.jobs[0]
		t.jobs = t.jobs[1:]
		t.bytes -= j.bytes
		took += j.cost
		j.do()
	}
	if t.waiting = len(t.jobs) > 0; t.waiting {
		c.ready = append(c.ready, t)
	}
	c.clock.After(took, c.turn)
}

// on runs what has come for a receiver: at once, unless they share a processor.
func (w *world) on(t *task, bytes int, do func()) {
	if w.cpu == nil {
		do()
		return
	}
	w.cpu.give(t, job{bytes, w.cost, do})
}
