package sim

import (
	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// lanes keep a device's calls in order, as the agent does: within a lane one is made after another, and
// what waits is replaced by what is newer.
type lanes map[lane]*laneQueue

type lane struct {
	kind callKind
	no   protocol.TransferNo
}

type callKind uint8

const (
	stateCalls callKind = iota
	transferCalls
	receiptCalls
	deviceCalls
)

// queued is a call that waits; do makes it, and says by done that it is over.
type queued struct {
	name   string                 // a later call of the name replaces one that waits
	report *groupcast.AgentReport // what it reports: a reason in it survives being replaced
	do     func(done func(then func()))
}

type laneQueue struct {
	waiting []queued
	running bool
	serial  uint64 // of the call under way: one that was given up is over for the device
}

func (c lanes) of(at lane) *laneQueue {
	if c[at] == nil {
		c[at] = &laneQueue{}
	}
	return c[at]
}

// post makes a call as soon as those before it in the lane are over.
func (c lanes) post(at lane, k queued) {
	q := c.of(at)
	if n := len(q.waiting); n > 0 && k.name != "" && q.waiting[n-1].name == k.name {
		if before := q.waiting[n-1].report; before != nil && k.report != nil && k.report.Reason == "" {
			k.report.Reason = before.Reason
		}
		q.waiting[n-1] = k
		return
	}
	q.waiting = append(q.waiting, k)
	q.next()
}

// renew makes a call at once, and gives up those of its lane that wait or are under way.
func (c lanes) renew(at lane, k queued) {
	q := c.of(at)
	q.waiting, q.running = []queued{k}, false
	q.next()
}

func (q *laneQueue) next() {
	if q.running || len(q.waiting) == 0 {
		return
	}
	k := q.waiting[0]
	q.waiting = q.waiting[1:]
	q.running = true
	q.serial++
	serial := q.serial
	k.do(func(then func()) {
		if q.serial != serial || !q.running {
			return
		}
		q.running = false
		if then != nil {
			then()
		}
		q.next()
	})
}
