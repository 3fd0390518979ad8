// Package netsim is a seeded network in virtual time, for tests: links that lose packets (at
// random and in bursts), reorder, duplicate, delay, queue and part. It counts every fault
// that happened. It knows nothing of what the packets mean.
package netsim

import (
	"container/heap"
	"time"
)

// Clock is virtual time: it jumps from one scheduled call to the next.
type Clock struct {
	now    time.Time
	queue  queue
	serial uint64
}

// NewClock starts at an arbitrary, fixed moment.
func NewClock() *Clock { return &Clock{now: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)} }

// Now is the virtual time.
func (c *Clock) Now() time.Time { return c.now }

// At schedules a call; those for the same moment run in the order in which they were made.
// A moment in the past is now.
func (c *Clock) At(t time.Time, f func()) {
	if t.Before(c.now) {
		t = c.now
	}
	c.serial++
	heap.Push(&c.queue, call{t, c.serial, f})
}

// After schedules a call.
func (c *Clock) After(d time.Duration, f func()) { c.At(c.now.Add(d), f) }

// Step runs the next call, unless it is after end. It says whether there was one.
func (c *Clock) Step(end time.Time) bool {
	if len(c.queue) == 0 || c.queue[0].at.After(end) {
		return false
	}
	next := heap.Pop(&c.queue).(call)
	c.now = next.at
	next.f()
	return true
}

type call struct {
	at     time.Time
	serial uint64
	f      func()
}

type queue []call

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].serial < q[j].serial
	}
	return q[i].at.Before(q[j].at)
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(call)) }
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	old[len(old)-1] = call{}
	*q = old[:len(old)-1]
	return x
}
