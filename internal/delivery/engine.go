package delivery

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/bandwidth"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/direct"
	"github.com/groupcast/groupcast/internal/edition"
	"github.com/groupcast/groupcast/internal/forging"
	"github.com/groupcast/groupcast/internal/history"
	"github.com/groupcast/groupcast/internal/lacks"
	"github.com/groupcast/groupcast/internal/progress"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/reading"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/summary"
)

// run is one session that was offered.
type run struct {
	no       protocol.TransferNo
	number   protocol.OfferNo
	version  uint64 // the group's membership when the session was made
	session  protocol.SessionID
	offered  groupcast.Offered
	sender   Session
	limit    uint64 // bytes a second of the transfer, all ways together; 0: none
	source   io.Closer
	content  string // what it sends
	begun    bool
	stopped  bool // somebody stopped it: what Run says no longer matters
	once     sync.Once
	summary  string
	summedAt time.Time // when the summary was made
}

// Engine carries out what the schedule decides. Its lock is held for moments only, never while
// the store, a sender or a stream is asked.
type Engine struct {
	cfg      Config
	store    Store
	content  Library
	agents   Agents
	screens  Screens
	lines    *bandwidth.Lines
	slots    Slots
	log      *slog.Logger
	history  *history.History
	editions *edition.Editions
	sources  *reading.Sources // of paged transfers
	forging  *forging.Watch
	now      func() time.Time
	paging   paging

	owing  sync.RWMutex // see owing.go
	adding sync.Mutex   // held while it is found out and noted what a transfer replaces; before owing

	mu       sync.Mutex
	sched    *schedule.Scheduler
	runs     map[protocol.SessionID]*run
	direct   *direct.Offers // over HTTPS; its lock is taken after mu
	infos    map[protocol.TransferNo]store.Transfer
	owners   map[protocol.DeviceID]string
	book     *progress.Book
	given    map[deliveryKey]given // the offer that each device works on
	wake     chan struct{}
	running  sync.WaitGroup
	base     context.Context                  // the loop's, for what goes on beside it; nil before it
	here     atomic.Pointer[store.SiteEpoch]  // the only site so far, as it was taken last
	planning map[protocol.TransferNo]bool     // whose content is planned anew just now
	doubted  map[protocol.TransferNo][]uint32 // entries of paged transfers that were not what their pages said
}

// given is an offer that a device was given.
type given struct {
	session protocol.SessionID
	offered *groupcast.Offered
}

type deliveryKey struct {
	no  protocol.TransferNo
	dev protocol.DeviceID
}

// New makes an engine without transfers.
func New(c Config) *Engine {
	if c.RetrySpace == 0 {
		c.RetrySpace = defaultRetrySpace
	}
	e := &Engine{
		cfg: c, store: c.Store, content: c.Content, agents: c.Agents, screens: c.Screens, lines: c.Lines,
		slots: c.Slots, log: c.Log, now: c.Now, sched: schedule.New(c.Timing), runs: map[protocol.SessionID]*run{},
		infos:  map[protocol.TransferNo]store.Transfer{},
		owners: map[protocol.DeviceID]string{}, book: progress.NewBook(), given: map[deliveryKey]given{},
		wake: make(chan struct{}, 1), planning: map[protocol.TransferNo]bool{},
		doubted: map[protocol.TransferNo][]uint32{},
		history: history.New(c.Store, c.Log),
	}
	e.editions = &edition.Editions{Store: c.Store, Library: c.Content, Changed: e.renewed, Log: c.Log}
	e.paging = paging{open: e.pagedSource, lacks: lacks.New()}
	e.forging = forging.New(forging.Config{Store: c.Store, Site: e.site, Now: c.Now, Log: c.Log, Audit: c.Audit})
	e.direct = direct.New(direct.Config{
		Key: c.Key, Transfer: e.transferAndGroup, Open: e.openOffer, Close: e.closeOffers, Of: e.offer,
		Keep: e.keepOffer, Use: e.useDirect,
	})
	e.sources = reading.New(reading.Config{Open: e.openPaged, Ended: e.hashed})
	return e
}

// change runs f on the schedule and lets the loop look at it again.
func (e *Engine) change(f func(sch *schedule.Scheduler, now time.Time)) {
	e.mu.Lock()
	f(e.sched, e.now())
	e.mu.Unlock()
	e.poke()
}

func (e *Engine) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// full says that no further transfer may be opened.
func (e *Engine) full() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.infos) >= maxOpenListed
}

// TakeSite begins the next epoch of the server's site. Whatever runs in an earlier one cannot count in it any more.
func (e *Engine) TakeSite(ctx context.Context) error {
	at, err := e.store.TakeSite(ctx, schedule.Here)
	if err == nil {
		e.here.Store(&at)
	}
	return err
}

// site is the server's own, in the epoch in which it was taken last.
func (e *Engine) site() store.SiteEpoch {
	if at := e.here.Load(); at != nil {
		return *at
	}
	return store.SiteEpoch{}
}

// Resume puts every open transfer back under the schedule: sessions are never resumed, they begin
// again (K1), and receivers say what they lack. It comes before Run, and before calls are answered.
func (e *Engine) Resume(ctx context.Context) error {
	if err := e.TakeSite(ctx); err != nil {
		return err
	}
	rows, err := e.store.Transfers(ctx, groupcast.TransferFilter{Open: true, Limit: maxOpenListed})
	if err != nil {
		return err
	}
	if err := e.placeAll(ctx); err != nil {
		return err
	}
	owed, err := e.store.OwedAll(ctx)
	if err != nil {
		return err
	}
	if len(rows.Rows) > 0 {
		e.change(func(sch *schedule.Scheduler, now time.Time) { sch.SettleBy(now.Add(settle)) })
	}
	for _, tr := range rows.Rows {
		e.add(tr, nil, false)
	}
	e.keepApart(ctx)
	e.expect(owed)
	if err := e.knowProgress(ctx); err != nil {
		return err
	}
	for _, tr := range rows.Rows {
		if _, err := e.content.Kept(tr.Content); errors.Is(err, content.ErrOtherDigests) {
			e.failTransfer(ctx, tr.No, err)
		}
	}
	if len(rows.Rows) > 0 {
		e.log.Info("open transfers were found", "transfers", len(rows.Rows), "deliveries", len(owed))
	}
	return nil
}

// Run delivers what is open until ctx ends, then stops every session: the server goes down. Open
// transfers stay open.
func (e *Engine) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { e.loop(ctx) })
	all.Go(func() { e.watch(ctx) })
	all.Go(func() { e.followNetwork(ctx) })
	all.Wait()
}

// Pause stops sending and giving out keys, or lets it begin again: nothing is sent until the memberships
// are confirmed (O4).
func (e *Engine) Pause(paused bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sched.Pause(paused)
}

// Confirmed lets everything begin at once that waited for a confirmation. While it was awaited no device
// was told that it is owed nothing more of a transfer: they read that now.
func (e *Engine) Confirmed() {
	e.change(func(sch *schedule.Scheduler, _ time.Time) { sch.SettleBy(time.Time{}) })
	e.agents.HintAll()
}

// Sessions counts the multicast sessions that there are.
func (e *Engine) Sessions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.runs)
}

// loop carries out steps until ctx ends, then stops every session.
func (e *Engine) loop(ctx context.Context) {
	e.mu.Lock()
	e.base = ctx
	e.mu.Unlock()
	e.sources.Start(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			e.stopAll()
			return
		case <-e.wake:
		case <-timer.C:
		}
		wait, cost := e.turn(ctx)
		if rest := restAfter(cost); rest > 0 {
			idle(ctx, rest)
		}
		timer.Reset(wait)
	}
}

// settle is how long after a start nothing goes out by itself: those who know more than the server
// come back first.
const settle = 2 * time.Second

const (
	idleTurn  = time.Minute            // between looks at the schedule when nothing is due
	quickTurn = 500 * time.Microsecond // costs nobody anything
	turnShare = 5                      // longer ones get one part of the time in so many
	mostRest  = 10 * time.Millisecond  // a turn that was only interrupted holds nobody up for long
)

// restAfter is how long the schedule rests after a turn. With 10,000 devices a turn takes 2 ms,
// in which no device gets an answer, and every message of a device needs one.
func restAfter(cost time.Duration) time.Duration {
	if cost < quickTurn {
		return 0
	}
	return min((turnShare-1)*cost, mostRest)
}

func idle(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// turn takes every step that is due. It says how long the loop may sleep, and for how long it held
// the lock.
func (e *Engine) turn(ctx context.Context) (wait, cost time.Duration) {
	e.mu.Lock()
	began := time.Now()
	steps := e.sched.Pump(e.now())
	cost = time.Since(began)
	e.mu.Unlock()
	for _, st := range steps {
		e.take(ctx, st)
	}
	if len(steps) > 0 {
		return 0, cost // a step may have made others due
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	began = time.Now()
	now := e.now()
	wait = idleTurn
	if next, any := e.sched.Next(now); any {
		wait = min(next.Sub(now), idleTurn)
	}
	return wait, cost + time.Since(began)
}

func (e *Engine) take(ctx context.Context, st schedule.Action) {
	switch st.Kind {
	case schedule.OpenSession:
		e.open(ctx, st)
	case schedule.OfferSession:
		if r := e.run(st.Session); r != nil {
			e.send(st.Devices, given{r.session, offeredTo(r.offered, st.Devices)}, r.no)
		}
	case schedule.BeginSession:
		e.begin(ctx, st)
	case schedule.FetchContent: // no site has a relay
	case schedule.OfferHTTPS:
		e.offerDirect(ctx, st)
	case schedule.NoteRefused:
		e.noteRefused(ctx, st)
	case schedule.DetachDevices:
		if r := e.run(st.Session); r != nil {
			for _, dev := range st.Devices {
				r.sender.Detach(dev, summary.Reason(st.Reason))
			}
		}
	case schedule.CloseSession:
		if r := e.markStopped(st.Session); r != nil {
			r.sender.Stop()
			e.finish(r)
		}
	}
}

func (e *Engine) run(id protocol.SessionID) *run {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.runs[id]
}

func (e *Engine) markStopped(id protocol.SessionID) *run {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.runs[id]
	if r != nil {
		r.stopped = true
	}
	return r
}

// begin lets data flow.
func (e *Engine) begin(ctx context.Context, st schedule.Action) {
	e.mu.Lock()
	r := e.runs[st.Session]
	if r == nil || r.stopped || r.begun {
		e.mu.Unlock()
		return
	}
	r.begun = true
	if tr, open := e.infos[r.no]; open && tr.RateLimit/8 != r.limit { // changed while the session was made
		r.limit = tr.RateLimit / 8
		defer r.sender.SetRate(r.limit)
	}
	limit := r.limit
	e.running.Add(1)
	e.mu.Unlock()
	e.lines.Begin(r.no, limit, r.sender)
	e.setState(ctx, r.no, groupcast.TransferSending, "")
	go func() {
		defer e.running.Done()
		e.over(ctx, r, r.sender.Run(ctx))
	}()
}

// over comes when a session ended by itself.
func (e *Engine) over(ctx context.Context, r *run, err error) {
	e.mu.Lock()
	stopped := r.stopped
	e.mu.Unlock()
	e.finish(r)
	if stopped || ctx.Err() != nil {
		return
	}
	if errors.Is(err, sender.ErrLifeOver) { // another one follows it
		e.stop(e.interrupt([]protocol.GroupID{r.sender.Offer().Group}, func(protocol.GroupID) {}))
		return
	}
	if errors.Is(err, sender.ErrInterface) { // nothing is wrong with what is sent
		e.log.Error("a session ended", "transfer", r.no, "err", err)
		e.change(func(sch *schedule.Scheduler, now time.Time) {
			sch.Ended(now, r.no, r.session, schedule.Reason{Code: schedule.Told, Text: err.Error()})
		})
		return
	}
	if err != nil {
		e.sourceFault(r.no, r.content, err)
		return
	}
	e.change(func(sch *schedule.Scheduler, now time.Time) {
		sch.Ended(now, r.no, r.session, schedule.Reason{Code: schedule.SessionEnded})
	})
}

// finish forgets a session that seals nothing more, once.
func (e *Engine) finish(r *run) {
	r.once.Do(func() {
		e.mu.Lock()
		limit := r.limit
		e.mu.Unlock()
		e.lines.End(r.no, limit, r.sender)
		st := r.sender.Status()
		ctx := context.Background()
		if err := e.store.AddTransferBytes(ctx, e.site(), r.no, st.Wire, 0); err != nil {
			e.log.Error("the bytes of a session could not be noted", "transfer", r.no, "err", err)
		}
		e.notice(r, st)
		e.noteForging(ctx, r, st.Forging)
		e.forging.Over(r.session)
		e.noteSession(ctx, st)
		e.closeOffers(r.number)
		if err := r.source.Close(); err != nil {
			e.log.Warn("closing a source", "transfer", r.no, "err", err)
		}
		e.mu.Lock()
		delete(e.runs, r.session)
		e.mu.Unlock()
		e.log.Info("session ended", "transfer", r.no, "session", r.session, "bytes", st.Wire)
	})
}

func (e *Engine) closeOffers(numbers ...protocol.OfferNo) {
	for _, number := range numbers {
		if err := e.store.CloseOffer(context.Background(), number); err != nil {
			e.log.Error("an offer could not be closed", "offer", number, "err", err)
		}
	}
}

// stopAll ends every session: the server goes down. Open transfers stay open.
func (e *Engine) stopAll() {
	e.mu.Lock()
	e.sched.Pause(true)
	all := make([]*run, 0, len(e.runs))
	for _, r := range e.runs {
		r.stopped = true
		all = append(all, r)
	}
	e.mu.Unlock()
	for _, r := range all {
		r.sender.Stop()
		e.finish(r)
	}
	e.running.Wait()
	e.sources.Wait()
}
