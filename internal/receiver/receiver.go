package receiver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// BlockStore takes verified blocks of the stream (session numbers); spool.Staging is one. It
// is called from several goroutines.
type BlockStore interface {
	WriteBlock(n protocol.BlockNumber, data []byte) error
	Sync() error // makes what was written durable
}

// Config opens a session at a device. The offer has passed the gate already.
type Config struct {
	Endpoint   *Endpoint
	Verify     seal.VerifyKey // the server's signing leaf's
	Offer      wire.Offer
	OfferBytes []byte
	Handout    groupcast.Handout
	Manifest   []byte // canonical bytes, if known already; OnManifest is called all the same
	// OnManifest hears the verified manifest once, parsed and as its canonical bytes, from a
	// worker: the agent stages it and answers where blocks go and which it holds (session
	// numbers). An error ends the session.
	OnManifest func(layout *manifest.Layout, raw []byte) (BlockStore, *protocol.BlockSet, error)
	// The others are called from one goroutine, one at a time, and may be nil.
	//
	// OnCatchUp: fetch these blocks over HTTPS and hand them to Supply.
	OnCatchUp func(ranges []protocol.Range, reason string)
	// OnSilent: nothing is heard of the group though the session should run.
	OnSilent func(reason string)
	// OnFeedback: a feedback body that got no answer by UDP; post it over HTTPS (≤ 2/s).
	OnFeedback func(body []byte)
}

// Receiver is one session at a device.
type Receiver struct {
	cfg      Config
	offer    wire.Offer
	source   netip.Addr
	reporter *mcast.Reporter
	drops    drops.Counter
	wake     chan struct{}
	changed  *sync.Cond    // jobs or closing
	gone     chan struct{} // closed by close

	mu       sync.Mutex // of everything below, and of changed
	machine  *recv.Receiver
	seal     *seal.Session
	feedback *seal.FeedbackSealer
	syncs    candidates
	overruns uint32 // of the socket when the session began …
	overrun  uint32 // … and since
	heard    bool   // overruns is set
	armed    time.Time
	closing  bool
	jobs     []recv.Event
	working  int
	notices  []recv.Event
	report   []byte // a feedback body for OnFeedback
	asks     bool   // report asks for something: it is not replaced by one that does not
	reported time.Time
	unheard  bool
	farewell time.Time // when Run ends though no report of being done has left; zero: not done
	over     error     // why Run should return; errDone: all is well
	bytes    uint64
	opened   []byte // scratch: an opened packet
	packet   []byte // scratch: a feedback packet

	head head
}

// Bounds of a receiver.
const (
	reportEvery = 500 * time.Millisecond
	workers     = 2
	syncEvery   = 2 * time.Second
	// farewellTime is how long a receiver that has everything stays for its report of that;
	// in large groups the report's slot is later, and the receipt says the same.
	farewellTime = 50 * time.Millisecond
	// idle is how long the loop sleeps at most when the machine names no time.
	idle = time.Second
)

// ErrSessionOver says that a session has ended.
var ErrSessionOver = errors.New("the session is over")

var errDone = errors.New("done")

// New checks the hand-out against the offer and prepares the session.
func New(cfg Config) (*Receiver, error) {
	secret, err := seal.ParseSecret(cfg.Handout.SessionSecret)
	if err != nil {
		return nil, fmt.Errorf("session secret: %w", err)
	}
	keys, err := seal.NewSession(secret, cfg.OfferBytes)
	if err != nil {
		return nil, err
	}
	_, first, err := keys.OpenSync(cfg.Verify, cfg.Handout.Sync)
	if err != nil {
		return nil, fmt.Errorf("first SYNC of the hand-out: %w", err)
	}
	r := &Receiver{
		cfg: cfg, offer: cfg.Offer, source: cfg.Offer.Source.Unmap(), seal: keys,
		wake: make(chan struct{}, 1), gone: make(chan struct{}),
		syncs:  newCandidates(time.Now(), first.Sequence),
		opened: make([]byte, 0, protocol.MaxSymbolSize+protocol.DataHeaderBytes),
		packet: make([]byte, 0, protocol.MaxFeedbackPacket),
	}
	r.changed = sync.NewCond(&r.mu)
	if err := r.head.init(cfg.Offer); err != nil {
		return nil, err
	}
	if err := r.dial(); err != nil {
		return nil, err
	}
	head := 1 + int(cfg.Offer.ManifestBlocks)
	r.machine = recv.New(recv.Config{
		Layout: r.head.known(), Blocks: head + int(cfg.Offer.Blocks), Head: head, SymbolSize: int(cfg.Offer.SymbolSize),
		MaxK: int(cfg.Offer.MaxK), First: first,
		PoolBytes: protocol.ReceiverPoolBytes / cfg.Endpoint.share(),
		Waiting:   !cfg.Handout.Started,
	}, time.Now(), rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	return r, nil
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

// redial sends feedback from here on to where the server is now, by the way that leads there.
func (r *Receiver) redial(server netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return
	}
	if next, err := mcast.DialFeedback(netip.AddrPortFrom(server, r.offer.FeedbackPort)); err == nil {
		_ = r.reporter.Close() // nothing waits in it
		r.reporter = next
	}
}

func (r *Receiver) hangUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.reporter.Close() // nothing waits in it
}

// Run receives until every block is stored (nil), the session ends (ErrSessionOver), ctx
// ends or the disk fails. Nothing of it runs on when it returns. It runs once.
func (r *Receiver) Run(ctx context.Context) error {
	defer r.hangUp()
	if err := r.cfg.Endpoint.Join(r.offer.GroupAddr, r.offer.Source); err != nil {
		return err
	}
	defer r.cfg.Endpoint.Leave(r.offer.GroupAddr, r.offer.Source) //nolint:errcheck // the interface may be gone
	if err := r.cfg.Endpoint.add(r); err != nil {
		return err
	}
	defer r.cfg.Endpoint.remove(r)
	var pool sync.WaitGroup
	for range workers {
		pool.Go(r.work)
	}
	pool.Go(func() { r.syncRegularly(ctx) })
	if r.cfg.Manifest != nil {
		if err := r.SupplyManifest(r.cfg.Manifest); err != nil {
			r.fail(err)
		}
	}
	err := r.loop(ctx)
	r.close()
	pool.Wait()
	return r.finish(err)
}

// finish makes what was stored durable, whatever ended the session.
func (r *Receiver) finish(err error) error {
	if store := r.head.storeNow(); store != nil {
		if e := store.Sync(); e != nil && (err == nil || errors.Is(err, errDone)) {
			return fmt.Errorf("making blocks durable: %w", e)
		}
	}
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// close lets the workers go and forgets the keys.
func (r *Receiver) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closing = true
	close(r.gone)
	r.jobs = nil
	r.seal, r.feedback = nil, nil
	r.changed.Broadcast()
}

// loop keeps the machine's time and calls back, outside the lock.
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
	if !r.farewell.IsZero() {
		r.partAt(now)
	}
	notices, report = r.notices, r.dueReport(now)
	r.notices = nil
	return notices, report, r.armed, r.over
}

// dueReport gives the feedback body that may leave by the other road now.
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
	r.report, r.asks, r.reported = nil, false, now
	return out
}

// partAt ends Run when the farewell is due.
func (r *Receiver) partAt(now time.Time) {
	if !now.Before(r.farewell) {
		r.end(errDone)
	}
	if r.farewell.Before(r.armed) {
		r.armed = r.farewell
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

// fail ends the session with an error; the first one counts.
func (r *Receiver) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end(err)
}

func (r *Receiver) end(err error) {
	if r.over == nil {
		r.over = err
	}
	r.poke()
}

func (r *Receiver) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
