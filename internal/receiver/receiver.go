package receiver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// setup is what a session of either format is told.
type setup struct {
	Endpoint   *Endpoint
	Handout    groupcast.Handout
	OnCatchUp  func(ranges []protocol.Range, reason string)
	OnSilent   func(reason string)
	OnFeedback func(body []byte)
}

// terms are what the offer says of packets and addresses.
type terms struct {
	tag          protocol.SessionTag
	symbol       int            // bytes
	data         int            // of a packet with one
	sync         [2]int         // bytes of the shortest and the longest packet with a SYNC
	group        netip.AddrPort // multicast
	source       netip.Addr
	port         uint16 // of source; 0: SYNCs show it
	feedbackPort uint16
	paged        bool
}

// format is what differs between a session whose offer names a manifest and one that is paged: which SYNCs are
// believed, what the first blocks are and how blocks are verified.
type format interface {
	// begin hands over what is known from the beginning; packets may come at the same time.
	begin() error
	// hearSync checks an opened SYNC and gives it to the machine; the lock is held, as for the next three.
	hearSync(now time.Time, port uint16, body []byte)
	// ports are those that data may come from.
	ports() sourcePorts
	// body is a feedback as it is sealed, or posted over HTTPS; seal appends a whole packet of it.
	body(f wire.Feedback) []byte
	seal(dst []byte, by *seal.FeedbackSealer, f wire.Feedback) []byte
	// store takes a decoded block, verifies and stores it and tells the machine; the lock is not held.
	store(b protocol.BlockNumber, data []byte)
	// supply takes a block that was fetched over HTTPS.
	supply(b protocol.BlockNumber, data []byte) error
	// known says whether it is known what the transfer contains; sync makes durable what is stored.
	known() bool
	sync() error
	// end is called once, after everything else.
	end()
}

// Receiver is one session at a device.
type Receiver struct {
	cfg      setup
	offer    terms
	format   format
	reporter *mcast.Reporter
	drops    drops.Counter
	wake     chan struct{}
	changed  *sync.Cond                   // jobs or closing changed
	gone     chan struct{}                // closed when the session closes
	keys     atomic.Pointer[seal.Session] // nil once the session is closed
	gate     atomic.Pointer[gate]         // which packets are opened

	mu          sync.Mutex // guards everything below
	machine     *recv.Receiver
	marked      *marked // of a session whose packets have MACs
	feedback    *seal.FeedbackSealer
	base        uint32    // packets that the socket had dropped when the first packet came
	based       bool      // base is set
	overrun     uint32    // packets that the socket has dropped since then
	armed       time.Time // when the loop looks again
	closing     bool
	jobs        []recv.Event // blocks for the workers
	working     int          // jobs that workers have taken
	notices     []recv.Event // events for callBack
	report      []byte       // a feedback body for OnFeedback
	reportAsks  bool         // it asks for blocks or symbols: one that does not must not replace it
	reported    time.Time    // when the last one was handed to OnFeedback
	httpsToo    bool         // feedback by UDP does not seem to reach the server
	lingerUntil time.Time    // when Run ends although the report of being done has not left; zero: not done
	result      error        // what Run is to return; nil: it goes on; errDone: everything is stored
	bytes       uint64       // of the stream, stored
	packet      []byte       // scratch: a feedback packet
}

// Times and bounds of a receiver.
const (
	reportEvery = 500 * time.Millisecond // between two feedback bodies over HTTPS
	minWorkers  = 2                      // goroutines that decode, verify and store blocks …
	maxWorkers  = 4                      // … one for each core
	syncEvery   = 2 * time.Second        // between two calls of BlockStore.Sync
	// lingerTime is how long a receiver that has everything waits to report so. In large groups its turn
	// to report comes later than that; the receipt, which goes over HTTPS, says the same.
	lingerTime = 50 * time.Millisecond
	// idle is how long the loop sleeps at most.
	idle = time.Second
	// maxFeedback is how long a feedback packet of either format may be.
	maxFeedback = protocol.FeedbackOverhead + format2.FeedbackBodyBytes
)

// ErrSessionOver says that a session has ended.
var ErrSessionOver = errors.New("the session is over")

var errDone = errors.New("done")

// newReceiver makes a session that has no machine yet.
func newReceiver(cfg setup, offer terms, keys *seal.Session) *Receiver {
	r := &Receiver{
		cfg: cfg, offer: offer, wake: make(chan struct{}, 1), gone: make(chan struct{}),
		packet: make([]byte, 0, maxFeedback),
	}
	r.keys.Store(keys)
	r.changed = sync.NewCond(&r.mu)
	return r
}

// prepare opens the feedback socket and makes the machine.
func (r *Receiver) prepare(c recv.Config, f format) error {
	if err := r.dial(); err != nil {
		return err
	}
	c.Held = r.offer.data > r.offer.symbol+protocol.DataOverhead
	c.SymbolSize, c.Waiting = r.offer.symbol, !r.cfg.Handout.Started
	c.PoolBytes = protocol.ReceiverPoolBytes / r.cfg.Endpoint.share()
	r.machine = recv.New(c, time.Now(), rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	r.format = f
	r.moveGate()
	return nil
}

// dial opens the feedback socket with the keys of the hand-out.
func (r *Receiver) dial() error {
	h := r.cfg.Handout
	key, err := seal.ParseSecret(h.FeedbackKey)
	if err != nil {
		return fmt.Errorf("feedback key: %w", err)
	}
	if len(h.FeedbackID) != len(protocol.FeedbackID{}) {
		return fmt.Errorf("feedback ID: %d bytes", len(h.FeedbackID))
	}
	addr, err := netip.ParseAddrPort(h.FeedbackAddr)
	if err != nil {
		return fmt.Errorf("feedback address: %w", err)
	}
	r.feedback = seal.NewFeedbackSealer(key, protocol.FeedbackID(h.FeedbackID))
	r.reporter, err = mcast.DialFeedback(addr)
	return err
}

// redial sends feedback to another address of the server from here on, by the interface that leads
// there.
func (r *Receiver) redial(server netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return
	}
	if next, err := mcast.DialFeedback(netip.AddrPortFrom(server, r.offer.feedbackPort)); err == nil {
		_ = r.reporter.Close() // nothing waits in it
		r.reporter = next
	}
}

// closeFeedback closes the feedback socket.
func (r *Receiver) closeFeedback() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.reporter.Close() // nothing waits in it
}

// Run receives until every block is stored (nil), the server ends the session (ErrSessionOver), ctx
// ends or the store fails. When it returns, its goroutines have ended. It runs once.
func (r *Receiver) Run(ctx context.Context) error {
	defer r.closeFeedback()
	if err := r.cfg.Endpoint.Join(r.offer.group, r.offer.source); err != nil {
		return err
	}
	defer r.cfg.Endpoint.Leave(r.offer.group, r.offer.source) //nolint:errcheck // the interface may be gone
	if err := r.cfg.Endpoint.add(r); err != nil {
		return err
	}
	defer r.cfg.Endpoint.remove(r)
	var pool sync.WaitGroup
	for range min(max(minWorkers, runtime.GOMAXPROCS(0)), maxWorkers) {
		pool.Go(r.work)
	}
	pool.Go(func() { r.syncRegularly(ctx) })
	if r.marked != nil {
		pool.Go(func() { r.keepTime(ctx) })
	}
	if err := r.format.begin(); err != nil {
		r.fail(err)
	}
	err := r.loop(ctx)
	r.close()
	pool.Wait()
	defer r.format.end()
	return r.finish(err)
}

// finish makes the stored blocks durable, whatever ended the session.
func (r *Receiver) finish(err error) error {
	if e := r.format.sync(); e != nil && (err == nil || errors.Is(err, errDone)) {
		return fmt.Errorf("making blocks durable: %w", e)
	}
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// close ends the workers and drops the keys.
func (r *Receiver) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closing = true
	close(r.gone)
	r.jobs = nil
	r.feedback = nil
	r.keys.Store(nil)
	r.changed.Broadcast()
}

// loop runs the machine's timers and calls the callbacks, without holding the lock.
func (r *Receiver) loop(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.wake:
		case <-timer.C:
		}
		notices, report, until, over := r.tick()
		r.callBack(notices, report)
		if over != nil {
			return over
		}
		timer.Reset(time.Until(until))
	}
}

// tick runs what is due and collects what the loop has to do without the lock.
func (r *Receiver) tick() (notices []recv.Event, report []byte, until time.Time, over error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if at, ok := r.machine.NextTimeout(); ok && !at.After(now) {
		r.machine.HandleTimeout(now)
	}
	r.drain(now)
	r.armed = now.Add(idle)
	if at, ok := r.machine.NextTimeout(); ok && at.Before(r.armed) {
		r.armed = at
	}
	if !r.lingerUntil.IsZero() {
		r.endIfDue(now)
	}
	notices, report = r.notices, r.dueReport(now)
	r.notices = nil
	return notices, report, r.armed, r.result
}

// dueReport gives the feedback body that is to be posted over HTTPS now.
func (r *Receiver) dueReport(now time.Time) []byte {
	if r.report == nil {
		return nil
	}
	if at := r.reported.Add(reportEvery); now.Before(at) {
		if at.Before(r.armed) {
			r.armed = at
		}
		return nil
	}
	out := r.report
	r.report, r.reportAsks, r.reported = nil, false, now
	return out
}

// endIfDue ends Run at lingerUntil.
func (r *Receiver) endIfDue(now time.Time) {
	if !now.Before(r.lingerUntil) {
		r.end(errDone)
	}
	if r.lingerUntil.Before(r.armed) {
		r.armed = r.lingerUntil
	}
}

func (r *Receiver) callBack(notices []recv.Event, report []byte) {
	for _, e := range notices {
		switch {
		case e.Kind == recv.CatchUp && r.cfg.OnCatchUp != nil:
			r.cfg.OnCatchUp(e.Ranges, e.Reason)
		case e.Kind == recv.Silent && r.cfg.OnSilent != nil:
			r.cfg.OnSilent(e.Reason)
		}
	}
	if report != nil && r.cfg.OnFeedback != nil {
		r.cfg.OnFeedback(report)
	}
}

// fail ends the session with an error. The first error is the result of Run.
func (r *Receiver) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end(err)
}

// end is fail with the lock held.
func (r *Receiver) end(err error) {
	if r.result == nil {
		r.result = err
	}
	r.wakeLoop()
}

// wakeLoop makes the loop look again.
func (r *Receiver) wakeLoop() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
