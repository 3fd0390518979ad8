package agent

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/units"
)

// Bounds of an agent.
const (
	announceEvery = 10 * time.Second
	eventQueue    = 64
)

// farewell is what the server has for the last words of an agent that ends.
var farewell = 10 * time.Second

// Config is everything an agent needs; the caller opens and closes what it passes.
type Config struct {
	Client    *apiclient.Client
	Address   string // of the server, as logged in: https://HOST:PORT
	Server    protocol.ServerID
	Device    protocol.DeviceID
	Key       seal.SigningKey // the device's, for receipts
	Ledger    *ledger.Ledger
	Dir       string // files go to DIR/GROUP/path
	Interface string // empty: the one that routes to the server
	Reserve   int64  // bytes to leave free; 0: the larger of 1 GiB and 5 %
	MaxSize   uint64 // of a transfer; 0: no limit
	Once      bool   // end after one transfer
	Adopt     bool   // take DIR as it is for the folder that is meant, whatever it was before
	// Attach is what this process reports to the server when it attaches.
	Attach groupcast.Attach
	// GiveUp ends the agent if the server refuses it before it was ever connected, because a user
	// waits for the answer. Otherwise the agent stays and tries again.
	GiveUp bool
	// LoggedIn says whether this machine still has the login that the agent runs with; nil: it has.
	LoggedIn func() bool
	// VerifySigning checks the server's signing leaf against the pin.
	VerifySigning func(chain [][]byte) (seal.VerifyKey, error)
	Seen          func(time.Time)                  // keeps the server's time; may be nil
	Say           func(Line)                       // tells a human; may be nil
	Progress      time.Duration                    // how often it is said how far what is received has come; 0: never
	Drop          func(protocol.PacketNumber) bool // for the demo and tests: packets lost on arrival
	Log           *slog.Logger                     // nil: none
}

// Line is something a human should know.
type Line = loop.Line

// Agent is one device's daemon.
type Agent struct {
	cfg       Config
	endpoint  *receiver.Endpoint
	shared    *spool.Shared // by the transfers
	calls     *calls
	events    chan groupcast.AgentEvent
	answers   chan func(now time.Time) // what became of what the loop wanted done
	announces chan protocol.OfferNo

	looking sync.WaitGroup  // goroutines that look at the disk
	running context.Context // of the loop
	// Of the loop's goroutine only.
	loop      *loop.Loop
	joined    map[protocol.GroupID]netip.AddrPort
	transfers map[protocol.TransferNo]*transfer // that are worked on
	receipts  receipts
	ending    bool

	folder   sync.Mutex // of identity
	identity spool.Identity
	fresh    atomic.Bool // nothing is known of what lies in DIR: it may be from a home that is lost

	mu        sync.Mutex // of what the sockets' readers touch
	verify    *seal.VerifyKey
	heard     []string // nonces of probes, newest last
	announced time.Time
	server    netip.Addr     // its address, as the control connection has it
	gone      netip.AddrPort // our end of the connection that was given up last
	deaf      bool           // groups cannot be heard at present

	told   atomic.Int64  // the MTU that the server knows
	haste  chan struct{} // the network has changed: connect now
	giveUp atomic.Pointer[context.CancelFunc]
}

// New prepares an agent.
func New(cfg Config) (*Agent, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Say == nil {
		cfg.Say = func(Line) {}
	}
	if cfg.Attach.Instance == "" {
		cfg.Attach.Instance = crand.Text()
	}
	if cfg.Attach.Speaks == (groupcast.Speaks{}) {
		cfg.Attach.Speaks = groupcast.Spoken()
	}
	a := &Agent{
		cfg: cfg, shared: spool.NewShared(), calls: newCalls(cfg.Log), events: make(chan groupcast.AgentEvent, eventQueue),
		answers: make(chan func(time.Time)), announces: make(chan protocol.OfferNo, 1), haste: make(chan struct{}, 1),
		joined: map[protocol.GroupID]netip.AddrPort{}, transfers: map[protocol.TransferNo]*transfer{},
	}
	a.receipts = receipts{agent: a, known: map[protocol.TransferNo]groupcast.Receipt{}}
	a.loop = loop.New(loop.Config{
		Records: &records{a, context.Background()}, Speaks: cfg.Attach.Speaks, Address: cfg.Address, Dir: cfg.Dir,
		Once: cfg.Once, Random: rand.N[time.Duration],
	})
	return a, nil
}

func (a *Agent) say(l Line) {
	l.At = time.Now()
	a.cfg.Say(l)
}

// Run receives until ctx ends, with Once until one transfer is through. It reconnects by
// itself; the errors it returns are those that do not end by waiting.
func (a *Agent) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var feeds sync.WaitGroup
	var feedErr error
	feeds.Go(func() {
		feedErr = a.attach(ctx)
		cancel()
	})
	feeds.Go(func() { a.watchNetwork(ctx) })
	err := a.checkFolder(ctx)
	if err == nil {
		a.sweepOthers(ctx)
		err = a.run(ctx)
	}
	cancel()
	a.leave()
	feeds.Wait()
	if a.cfg.LoggedIn != nil && !a.cfg.LoggedIn() {
		if err := Forget(context.WithoutCancel(ctx), a.cfg.Ledger, a.cfg.Server); err != nil {
			a.cfg.Log.Warn("what is half received is still there", "err", err)
		}
	}
	if a.endpoint != nil {
		err = errors.Join(err, a.endpoint.Close())
	}
	if errors.Is(err, errOnce) || errors.Is(feedErr, context.Canceled) {
		feedErr = nil
	}
	if errors.Is(err, errOnce) || errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(feedErr, err)
}

var errOnce = errors.New("one transfer is through")

// attach keeps the event stream up, with jittered back-off between tries.
func (a *Agent) attach(ctx context.Context) error {
	var backoff apiclient.Backoff
	var refusals refusals
	connected := false
	for ctx.Err() == nil {
		try, giveUp := context.WithCancel(ctx)
		a.giveUp.Store(&giveUp)
		first := true
		err := a.cfg.Client.AgentEvents(try, a.introduction(ctx), func(e groupcast.AgentEvent) error {
			if first && !a.giveUp.CompareAndSwap(&giveUp, nil) {
				return context.Canceled // the network changed just now: it is begun anew
			}
			first = false
			backoff.Reset()
			refusals.over()
			connected = true
			select {
			case a.events <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		giveUp()
		if ctx.Err() != nil {
			break
		}
		switch code := groupcast.ErrorCode(err); {
		case code == groupcast.ECopied:
			return err // the caller asks for a device of its own
		case code == groupcast.EUnauthorized && a.wake(ctx):
			continue
		case turnedAway(code):
			if a.ends(refusals.connected || connected) {
				return err
			}
			refusals.connected = refusals.connected || connected
			if connected = false; refusals.wait(ctx, a, err) != nil {
				return ctx.Err()
			}
			continue
		}
		if connected {
			a.say(Line{Kind: "lost", Text: fmt.Sprintf("connection lost (%v); trying again", err)})
		} else {
			a.cfg.Log.Warn("no connection", "err", err)
		}
		connected = false
		a.rest(ctx, backoff.Next())
	}
	return ctx.Err()
}

// run is the loop's goroutine: it hands the loop what happens, and does what the loop wants done. It
// never waits for the server.
func (a *Agent) run(ctx context.Context) error {
	a.running = ctx
	timer := time.NewTimer(0)
	defer timer.Stop()
	var progress <-chan time.Time
	if a.cfg.Progress > 0 {
		every := time.NewTicker(a.cfg.Progress)
		defer every.Stop()
		progress = every.C
	}
	for {
		a.perform(ctx)
		if a.ending {
			return errOnce
		}
		timer.Reset(time.Until(a.loop.Next(time.Now())))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-a.events:
			if e.Kind == groupcast.AgentOffer {
				a.follow(nil) // it is answered by the way that leads to the server now
			}
			a.loop.Heard(time.Now(), e)
		case answer := <-a.answers:
			answer(time.Now())
		case n := <-a.announces:
			a.loop.Announced(time.Now(), n)
		case <-progress:
			a.sayProgress()
		case <-timer.C:
			a.loop.Due(time.Now())
		}
	}
}

// leave ends the work on transfers at once, then waits a while until refusals and receipts are sent.
// Those that could not be sent are kept.
func (a *Agent) leave() {
	for _, t := range a.transfers {
		t.cancel()
	}
	for _, t := range a.transfers {
		<-t.done
	}
	a.looking.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	a.loop.Leave(time.Now())
	for a.perform(a.running); a.loop.Busy() && ctx.Err() == nil; a.perform(a.running) {
		select {
		case answer := <-a.answers:
			answer(time.Now())
		case <-ctx.Done():
		}
	}
	a.calls.quiet(ctx, transferCalls)
	a.calls.close()
}

// sayProgress says of everything that is received how far it has come.
func (a *Agent) sayProgress() {
	for _, t := range a.transfers {
		if g := t.form.onDisk(); g != nil {
			n, of := g.Bytes(), t.offer.Bytes
			a.say(Line{
				Kind: "progress", Group: t.group.Name, Transfer: t.offer.Transfer, Bytes: n, Of: of,
				Text: fmt.Sprintf("%s: %s of %s", t.group.Name, units.FormatSize(n), units.FormatSize(of)),
			})
		}
	}
}
