package agent

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// callKind is what a call to the server is about. Kinds do not wait for each other.
type callKind uint8

const (
	stateCalls    callKind = iota // what the device is in, and what it is offered
	transferCalls                 // reports and refusals
	receiptCalls
	probeCalls
	deviceCalls // the disk's room, the card's MTU
	callKinds
)

// atOnce is how many calls of a kind are made at once.
var atOnce = [callKinds]int{stateCalls: 1, transferCalls: 4, receiptCalls: 4, probeCalls: 1, deviceCalls: 1}

// maxWaitingCalls bounds the calls of a kind that wait; those beyond are not made.
const maxWaitingCalls = 2000

// lane is where calls are made one after another, in the order in which they came.
type lane struct {
	kind     callKind
	transfer protocol.TransferNo
}

// call is one call to the server.
type call struct {
	with context.Context        // what it is made for: it ends with that; nil: only with the agent
	name string                 // a later call of the name replaces one that waits in the lane
	tell *groupcast.AgentReport // what it reports: a reason in it survives being replaced
	do   func(ctx context.Context)
}

// calls makes the agent's calls to the server in goroutines of their own, so that callers do not wait for
// the server. It is safe for concurrent use.
type calls struct {
	ctx    context.Context // of all calls
	cancel context.CancelFunc
	log    *slog.Logger
	all    sync.WaitGroup

	mu      sync.Mutex
	lanes   map[lane]*queue
	ready   [callKinds][]lane // with calls that wait and none under way, the longest waiting first
	running [callKinds]int
	waiting [callKinds]int
	changed chan struct{} // closed when a call has ended
}

// queue is what is to be done in a lane.
type queue struct {
	waiting []call
	asking  bool               // an answer is waited for: nothing else of the lane begins
	stop    context.CancelFunc // of the call under way; nil: none is
	ended   chan struct{}      // closed when it is over
}

func newCalls(log *slog.Logger) *calls {
	ctx, cancel := context.WithCancel(context.Background())
	return &calls{ctx: ctx, cancel: cancel, log: log, lanes: map[lane]*queue{}, changed: make(chan struct{})}
}

// post makes a call as soon as those before it in the lane are over.
func (c *calls) post(at lane, k call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.lane(at)
	if k.name != "" && q.replace(k) {
		return
	}
	if c.ctx.Err() != nil || c.waiting[at.kind] >= maxWaitingCalls {
		if c.ctx.Err() == nil {
			c.log.Warn("a call to the server is not made: too many wait", "transfer", uint64(at.transfer))
		}
		c.makeReady(at, q)
		return
	}
	c.waiting[at.kind]++
	q.waiting = append(q.waiting, k)
	c.makeReady(at, q)
	c.start(at.kind)
}

// renew makes a call at once, and cancels those of its lane that wait or run.
func (c *calls) renew(at lane, k call) {
	c.mu.Lock()
	c.giveUp(at, c.lane(at))
	c.mu.Unlock()
	c.post(at, k)
}

// ask makes a call and waits for it. Calls of its lane that wait or run are cancelled: they are out of
// date.
func (c *calls) ask(ctx context.Context, at lane, do func(ctx context.Context) error) error {
	c.mu.Lock()
	q := c.lane(at)
	q.asking = true
	c.giveUp(at, q)
	ended := q.ended
	c.mu.Unlock()
	if ended != nil {
		<-ended // at once: it was given up
	}
	err := ctx.Err()
	if err == nil {
		err = do(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	q.asking = false
	c.makeReady(at, q)
	c.start(at.kind)
	return err
}

// lane gives the queue of a lane.
func (c *calls) lane(at lane) *queue {
	q := c.lanes[at]
	if q == nil {
		q = &queue{}
		c.lanes[at] = q
	}
	return q
}

func (c *calls) giveUp(at lane, q *queue) {
	c.waiting[at.kind] -= len(q.waiting)
	q.waiting = nil
	if q.stop != nil {
		q.stop()
	}
}

// replace puts a call in the place of the last one that waits, if that has its name.
func (q *queue) replace(k call) bool {
	if len(q.waiting) == 0 {
		return false
	}
	last := &q.waiting[len(q.waiting)-1]
	if last.name != k.name {
		return false
	}
	if k.tell != nil && last.tell != nil && k.tell.Reason == "" {
		k.tell.Reason = last.tell.Reason
	}
	*last = k
	return true
}

// makeReady lines a lane up if something of it can begin, and forgets one that is empty.
func (c *calls) makeReady(at lane, q *queue) {
	switch {
	case q.asking || q.stop != nil:
	case len(q.waiting) == 0:
		delete(c.lanes, at)
	case !slices.Contains(c.ready[at.kind], at):
		c.ready[at.kind] = append(c.ready[at.kind], at)
	}
}

// start begins as many calls of a kind as may be made at once.
func (c *calls) start(kind callKind) {
	for c.running[kind] < atOnce[kind] && len(c.ready[kind]) > 0 {
		at := c.ready[kind][0]
		c.ready[kind] = c.ready[kind][1:]
		q := c.lanes[at]
		if q == nil || q.asking || q.stop != nil || len(q.waiting) == 0 {
			continue
		}
		k := q.waiting[0]
		q.waiting = q.waiting[1:]
		c.waiting[kind]--
		c.running[kind]++
		ctx, stop := context.WithCancel(c.ctx)
		q.stop, q.ended = stop, make(chan struct{})
		c.all.Go(func() { c.run(ctx, stop, at, q, k) })
	}
}

func (c *calls) run(ctx context.Context, stop context.CancelFunc, at lane, q *queue, k call) {
	defer stop()
	if k.with != nil {
		defer context.AfterFunc(k.with, stop)()
	}
	k.do(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	close(q.ended)
	q.stop, q.ended = nil, nil
	c.running[at.kind]--
	c.makeReady(at, q)
	c.start(at.kind)
	close(c.changed)
	c.changed = make(chan struct{})
}

// quiet waits until no call of the kinds waits or runs.
func (c *calls) quiet(ctx context.Context, kinds ...callKind) {
	for {
		c.mu.Lock()
		left, changed := 0, c.changed
		for _, k := range kinds {
			left += c.waiting[k] + c.running[k]
		}
		c.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// close gives up all calls and waits until they have ended.
func (c *calls) close() {
	c.mu.Lock()
	c.cancel()
	for at, q := range c.lanes {
		c.giveUp(at, q)
		c.makeReady(at, q)
	}
	c.mu.Unlock()
	c.all.Wait()
}
