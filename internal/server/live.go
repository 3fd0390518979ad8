package server

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/telemetry"
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
	source   content.Blocks
	content  string // what it sends
	begun    bool
	stopped  bool // somebody stopped it: what Run says no longer matters
	once     sync.Once
	summary  string
	forging  groupcast.Forging // as it was noted last
	summedAt time.Time         // when the summary was made
}

// live carries out what the schedule decides. Its lock is held for moments only, never while
// the store, a sender or a stream is asked.
type live struct {
	engineConfig

	mu       sync.Mutex
	sched    *schedule.Scheduler
	runs     map[protocol.SessionID]*run
	direct   map[protocol.TransferNo]*directOffer // offers over HTTPS
	infos    map[protocol.TransferNo]store.Transfer
	owners   map[protocol.DeviceID]string
	seen     map[deliveryKey]*progress
	given    map[deliveryKey]given        // the offer that each device works on
	moved    map[protocol.TransferNo]bool // reported over HTTPS since the last event of progress
	wake     chan struct{}
	running  sync.WaitGroup
	base     context.Context              // the loop's, for what goes on beside it; nil before it
	here     store.SiteEpoch              // the only site so far, as Resume took it
	planning map[protocol.TransferNo]bool // whose content is planned anew just now
	series   seriesBook
}

// directOffer vouches for a transfer over HTTPS; no session belongs to it.
type directOffer struct {
	number  protocol.OfferNo
	session protocol.SessionID
	offered groupcast.Offered
	version uint64
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

// newLive makes an engine without transfers.
func newLive(c engineConfig) *live {
	if c.RetrySpace == 0 {
		c.RetrySpace = defaultRetrySpace
	}
	return &live{
		engineConfig: c, sched: schedule.New(c.Timing), runs: map[protocol.SessionID]*run{},
		direct: map[protocol.TransferNo]*directOffer{}, infos: map[protocol.TransferNo]store.Transfer{},
		owners: map[protocol.DeviceID]string{}, seen: map[deliveryKey]*progress{}, given: map[deliveryKey]given{},
		moved: map[protocol.TransferNo]bool{}, wake: make(chan struct{}, 1), planning: map[protocol.TransferNo]bool{},
		series: seriesBook{of: map[protocol.TransferNo]*telemetry.Series{}},
	}
}

// change runs f on the schedule and lets the loop look at it again.
func (l *live) change(f func(sch *schedule.Scheduler, now time.Time)) {
	l.mu.Lock()
	f(l.sched, l.Now())
	l.mu.Unlock()
	l.poke()
}

func (l *live) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// add puts an open transfer with what is owed of it under the schedule.
func (l *live) add(tr store.Transfer, owed []groupcast.Delivery, now bool) {
	l.mu.Lock()
	l.infos[tr.No] = tr
	l.sched.Add(tr.Transfer, now)
	l.mu.Unlock()
	l.Owe(owed)
}

// full says that no further transfer may be opened.
func (l *live) full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.infos) >= maxOpenListed
}

// Owe puts deliveries of transfers that are known under the schedule.
func (l *live) Owe(owed []groupcast.Delivery) {
	l.change(func(sch *schedule.Scheduler, now time.Time) {
		for _, d := range owed {
			if d.DeviceID == (protocol.DeviceID{}) || !d.State.Owed() {
				continue
			}
			sch.Owe(d.Transfer, d.DeviceID)
			if d.Cause == groupcast.CauseLater {
				sch.LeaveOut(d.Transfer, d.DeviceID, d.UpdatedAt)
			}
			if d.State == groupcast.DeliveryRefused && d.Refusal.Final() {
				sch.RefusedForGood(now, d.Transfer, d.DeviceID, d.Reason)
			}
			l.owners[d.DeviceID] = d.UserID
		}
	})
}

// drop ends a transfer's session and catch-ups at once.
func (l *live) drop(no protocol.TransferNo) {
	l.mu.Lock()
	var stop []*run
	for _, r := range l.runs {
		if r.no == no {
			r.stopped = true
			stop = append(stop, r)
		}
	}
	told := map[protocol.DeviceID]given{}
	direct := l.direct[no]
	var owed []protocol.DeviceID
	for dev := range l.sched.Deliveries(no) {
		if l.sched.Held(no) {
			break // of what is held nobody has heard
		}
		owed = append(owed, dev)
	}
	l.sched.Drop(no)
	delete(l.direct, no)
	delete(l.infos, no)
	maps.DeleteFunc(l.seen, func(key deliveryKey, _ *progress) bool { return key.no == no })
	maps.DeleteFunc(l.given, func(key deliveryKey, g given) bool {
		if key.no == no {
			told[key.dev] = g
		}
		return key.no == no
	})
	l.mu.Unlock()
	for _, r := range stop {
		r.sender.Stop()
		l.finish(r)
	}
	if direct != nil {
		l.closeOffer(direct.number)
	}
	for dev, g := range told {
		l.Agents.Send(dev, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: no, Session: &g.session, Over: true})
	}
	for _, dev := range owed {
		if _, had := told[dev]; !had { // it may have something of it from before
			l.Agents.Send(dev, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: no, Over: true})
		}
	}
	l.poke()
}

// Resume puts every open transfer back under the schedule: sessions are never resumed, they begin
// anew (K1), and receivers say what they lack. It comes before Run, and before calls are answered.
func (l *live) Resume(ctx context.Context) error {
	var err error
	if l.here, err = l.Store.TakeSite(ctx, schedule.Here); err != nil {
		return err
	}
	rows, err := l.Store.Transfers(ctx, groupcast.TransferFilter{Open: true, Limit: maxOpenListed})
	if err != nil {
		return err
	}
	owed, err := l.Store.OwedAll(ctx)
	if err != nil {
		return err
	}
	if len(rows.Rows) > 0 {
		l.change(func(sch *schedule.Scheduler, now time.Time) { sch.SettleBy(now.Add(settle)) })
	}
	for _, tr := range rows.Rows {
		l.add(tr, nil, false)
	}
	l.Owe(owed)
	for _, tr := range rows.Rows {
		if _, err := l.Content.Kept(tr.Content); errors.Is(err, content.ErrOtherDigests) {
			l.failTransfer(ctx, tr.No, err)
		}
	}
	if len(rows.Rows) > 0 {
		l.Log.Info("open transfers were found", "transfers", len(rows.Rows), "deliveries", len(owed))
	}
	return nil
}

// Run delivers what is open until ctx ends, then stops every session: the server goes down. Open
// transfers stay open.
func (l *live) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { l.loop(ctx) })
	all.Go(func() { l.watch(ctx) })
	all.Go(func() { l.followNetwork(ctx) })
	all.Wait()
}

// Pause stops handing out and sending, or lets it begin again: nothing goes to anybody as long as
// nobody confirmed the memberships (O4).
func (l *live) Pause(paused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sched.Pause(paused)
}

// Confirmed lets everything begin at once that waited for a confirmation.
func (l *live) Confirmed() {
	l.change(func(sch *schedule.Scheduler, _ time.Time) { sch.SettleBy(time.Time{}) })
}

// Sessions counts the multicast sessions that there are.
func (l *live) Sessions() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.runs)
}

// loop carries out steps until ctx ends, then stops every session.
func (l *live) loop(ctx context.Context) {
	l.mu.Lock()
	l.base = ctx
	l.mu.Unlock()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			l.stopAll()
			return
		case <-l.wake:
		case <-timer.C:
		}
		wait, cost := l.turn(ctx)
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

// restAfter is how long the schedule rests after a turn. With 10,000 devices one takes 2 ms, in
// which nobody gets an answer, and every device that says something is worth one.
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
func (l *live) turn(ctx context.Context) (wait, cost time.Duration) {
	l.mu.Lock()
	began := time.Now()
	steps := l.sched.Pump(l.Now())
	cost = time.Since(began)
	l.mu.Unlock()
	for _, st := range steps {
		l.take(ctx, st)
	}
	if len(steps) > 0 {
		return 0, cost // a step may have made others due
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	began = time.Now()
	now := l.Now()
	wait = idleTurn
	if next, any := l.sched.Next(now); any {
		wait = min(next.Sub(now), idleTurn)
	}
	return wait, cost + time.Since(began)
}

func (l *live) take(ctx context.Context, st schedule.Action) {
	switch st.Kind {
	case schedule.OpenSession:
		l.open(ctx, st)
	case schedule.OfferSession:
		if r := l.run(st.Session); r != nil {
			l.send(st.Devices, given{r.session, offeredTo(r.offered, st.Devices)}, r.no)
		}
	case schedule.BeginSession:
		l.begin(ctx, st)
	case schedule.OfferHTTPS:
		l.offerDirect(ctx, st)
	case schedule.NoteRefused:
		l.noteRefused(ctx, st)
	case schedule.DetachDevices:
		if r := l.run(st.Session); r != nil {
			for _, dev := range st.Devices {
				r.sender.Detach(dev, reasonWords(st.Reason))
			}
		}
	case schedule.CloseSession:
		if r := l.markStopped(st.Session); r != nil {
			r.sender.Stop()
			l.finish(r)
		}
	}
}

func (l *live) run(id protocol.SessionID) *run {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.runs[id]
}

func (l *live) markStopped(id protocol.SessionID) *run {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.runs[id]
	if r != nil {
		r.stopped = true
	}
	return r
}

// begin lets data flow.
func (l *live) begin(ctx context.Context, st schedule.Action) {
	l.mu.Lock()
	r := l.runs[st.Session]
	if r == nil || r.stopped || r.begun {
		l.mu.Unlock()
		return
	}
	r.begun = true
	l.running.Add(1)
	l.mu.Unlock()
	l.Lines.Begin(r.no, r.limit, r.sender)
	l.setState(ctx, r.no, groupcast.TransferSending, "")
	go func() {
		defer l.running.Done()
		l.over(ctx, r, r.sender.Run(ctx))
	}()
}

// over comes when a session ended by itself.
func (l *live) over(ctx context.Context, r *run, err error) {
	l.mu.Lock()
	stopped := r.stopped
	l.mu.Unlock()
	l.finish(r)
	if stopped || ctx.Err() != nil {
		return
	}
	if errors.Is(err, sender.ErrInterface) { // nothing is wrong with what is sent
		l.Log.Error("a session ended", "transfer", r.no, slog.Any("err", err))
		l.change(func(sch *schedule.Scheduler, now time.Time) {
			sch.Ended(now, r.no, r.session, schedule.Reason{Code: schedule.Told, Text: err.Error()})
		})
		return
	}
	if err != nil {
		l.sourceFault(r.no, r.content, err)
		return
	}
	l.change(func(sch *schedule.Scheduler, now time.Time) {
		sch.Ended(now, r.no, r.session, schedule.Reason{Code: schedule.SessionEnded})
	})
}

// finish forgets a session that seals nothing more, once.
func (l *live) finish(r *run) {
	r.once.Do(func() {
		l.Lines.End(r.no, r.limit, r.sender)
		st := r.sender.Status()
		ctx := context.Background()
		if err := l.Store.AddTransferBytes(ctx, l.here, r.no, st.Wire, 0); err != nil {
			l.Log.Error("the bytes of a session could not be noted", "transfer", r.no, slog.Any("err", err))
		}
		l.notice(r, st)
		l.noteForging(ctx, r, st.Forging)
		l.noteSession(ctx, st)
		l.closeOffer(r.number)
		if err := r.source.Close(); err != nil {
			l.Log.Warn("closing a source", "transfer", r.no, slog.Any("err", err))
		}
		l.mu.Lock()
		delete(l.runs, r.session)
		l.mu.Unlock()
		l.Log.Info("session ended", "transfer", r.no, "session", r.session, "bytes", st.Wire)
	})
}

func (l *live) closeOffer(number protocol.OfferNo) {
	if err := l.Store.CloseOffer(context.Background(), number); err != nil {
		l.Log.Error("an offer could not be closed", "offer", number, slog.Any("err", err))
	}
}

// stopAll ends every session: the server goes down. Open transfers stay open.
func (l *live) stopAll() {
	l.mu.Lock()
	l.sched.Pause(true)
	all := make([]*run, 0, len(l.runs))
	for _, r := range l.runs {
		r.stopped = true
		all = append(all, r)
	}
	l.mu.Unlock()
	for _, r := range all {
		r.sender.Stop()
		l.finish(r)
	}
	l.running.Wait()
}
