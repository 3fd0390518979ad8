package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/wire"
)

// Bounds of an agent.
const (
	maxGroups     = 64              // joined at once (security.md R5)
	maxTransfers  = 64              // worked on at once
	maxClockOff   = 2 * time.Minute // more is worth a warning
	announceEvery = 10 * time.Second
	eventQueue    = 64
)

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
	// Attach is what the server is told of this process when it attaches.
	Attach groupcast.Attach
	// GiveUp ends an agent whose server refuses it before it was ever connected: somebody
	// waits at the screen. Any other stays and tries again.
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
type Line struct {
	At       time.Time               `json:"at"`
	Kind     string                  `json:"kind"` // connected, lost, network, group, receiving, progress, done, incomplete, refused, failed, forged, warning
	Group    string                  `json:"group,omitempty"`
	Transfer protocol.TransferNo     `json:"transfer,omitempty"`
	Bytes    uint64                  `json:"bytes,omitempty"`
	Of       uint64                  `json:"of,omitempty"`
	Files    int                     `json:"files,omitempty"`
	Path     groupcast.Path          `json:"path,omitempty"`
	Took     time.Duration           `json:"took_ns,omitempty"`
	Outcome  groupcast.DeliveryState `json:"outcome,omitempty"`
	Forging  *groupcast.Forging      `json:"forging,omitempty"` // of forged, and of what ends a transfer
	Text     string                  `json:"text"`
}

// groupName is what a group's name must look like before it becomes a folder (security.md R1).
var groupName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// Agent is one device's daemon.
type Agent struct {
	cfg    Config
	intake *receiver.Endpoint
	shared *spool.Shared // by the jobs
	events chan groupcast.AgentEvent
	ended  chan ended
	looked chan looked

	looking sync.WaitGroup // goroutines that look at the disk
	// Of the desk only, the one goroutine that runs the loop.
	groups map[protocol.GroupID]groupcast.AgentGroup
	twins  map[protocol.GroupID]bool // left out for the sake of another group's folder
	joined map[protocol.GroupID]netip.AddrPort
	jobs   map[protocol.TransferNo]*job
	// setbacks are the transfers that did not come to their end yet, and why.
	setbacks map[protocol.TransferNo]*setback
	bad      map[protocol.TransferNo]badManifest // whose manifest is not acceptable
	warned   bool                                // of the clock
	noticed  notices
	toldOld  protocol.SessionID // of the last offer that was too old to be taken
	// foreign is why nothing can be taken from the server that is connected: its version.
	foreign string
	// receiptsDue says that a receipt did not get through.
	receiptsDue  bool
	receiptsFrom time.Time           // when it is sent again
	receiptPause time.Duration       // that was waited for last
	receiptLast  protocol.TransferNo // that was sent last
	// receiptVersion is the newest version of receipts that the server takes.
	receiptVersion int
	// receiptTurn is when the receipts of unsent leave: in large groups they take turns.
	receiptTurn <-chan time.Time
	unsent      map[protocol.TransferNo]bool
	// newest is the highest offer heard of by the stream or the state; announced by multicast
	// is overdue, and looked for when the time of lookAgain comes.
	newest    protocol.OfferNo
	overdue   protocol.OfferNo
	lookAgain <-chan time.Time
	// space is what the server was told last of the room on the disk, and when.
	space   uint64
	spaceAt time.Time

	folder   sync.Mutex // of identity
	identity spool.Identity
	fresh    atomic.Bool // nothing is known of what lies in DIR: it may be from a home that is lost

	mu        sync.Mutex // of what the sockets' readers touch
	verify    *seal.VerifyKey
	heard     []string // nonces of probes, newest last
	announced time.Time
	announces chan protocol.OfferNo
	server    netip.Addr     // its address, as the control connection has it
	gone      netip.AddrPort // our end of the connection that was given up last
	deaf      bool           // groups cannot be heard at present

	told   atomic.Int64  // the MTU that the server knows
	haste  chan struct{} // the network has changed: connect now
	giveUp atomic.Pointer[context.CancelFunc]
}

// ended is a job that is over.
type ended struct {
	job *job
	out outcome
	err error
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
		cfg.Attach.Instance = rand.Text()
	}
	if cfg.Attach.Speaks == (groupcast.Speaks{}) {
		cfg.Attach.Speaks = groupcast.Spoken()
	}
	return &Agent{
		cfg: cfg, shared: spool.NewShared(), events: make(chan groupcast.AgentEvent, eventQueue), ended: make(chan ended),
		announces: make(chan protocol.OfferNo, 1), haste: make(chan struct{}, 1),
		groups: map[protocol.GroupID]groupcast.AgentGroup{}, joined: map[protocol.GroupID]netip.AddrPort{},
		jobs: map[protocol.TransferNo]*job{}, setbacks: map[protocol.TransferNo]*setback{}, bad: map[protocol.TransferNo]badManifest{}, looked: make(chan looked), unsent: map[protocol.TransferNo]bool{},
	}, nil
}

func (a *Agent) say(l Line) {
	l.At = time.Now()
	a.cfg.Say(l)
}

// Run receives until ctx ends, with Once until one transfer is through. It reconnects by
// itself; the errors it returns are those that waiting does not mend.
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
		err = a.desk(ctx)
	}
	cancel()
	a.stopJobs()
	feeds.Wait()
	if a.cfg.LoggedIn != nil && !a.cfg.LoggedIn() {
		if err := Forget(context.WithoutCancel(ctx), a.cfg.Ledger, a.cfg.Server); err != nil {
			a.cfg.Log.Warn("what is half received is still there", "err", err)
		}
	}
	if a.intake != nil {
		err = errors.Join(err, a.intake.Close())
	}
	if errors.Is(err, errOnce) || errors.Is(feedErr, context.Canceled) {
		feedErr = nil
	}
	if errors.Is(err, errOnce) || errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(feedErr, err)
}

var (
	errOnce  = errors.New("one transfer is through")
	errNoKey = errors.New("the server's signing key is not known yet")
)

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

// desk is the loop that owns groups and jobs.
func (a *Agent) desk(ctx context.Context) error {
	spaces := time.NewTicker(5 * time.Second)
	defer spaces.Stop()
	defer a.sendUnsent(ctx)
	var progress <-chan time.Time
	if a.cfg.Progress > 0 {
		every := time.NewTicker(a.cfg.Progress)
		defer every.Stop()
		progress = every.C
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-a.events:
			a.handle(ctx, e)
		case e := <-a.ended:
			if err := a.close(ctx, e); err != nil {
				return err
			}
		case l := <-a.looked:
			a.lookedAt(ctx, l)
		case n := <-a.announces:
			a.expect(n)
		case <-a.lookAgain:
			a.look(ctx)
		case <-a.receiptTurn:
			a.resendReceipts(ctx)
		case <-progress:
			a.sayProgress()
		case <-spaces.C:
			a.lookAtWaiting(ctx)
			a.tellSpace(ctx, false)
			a.rejoin()
			if a.receiptsDue && time.Now().After(a.receiptsFrom) {
				a.resendReceipts(ctx)
			}
		}
	}
}

// sayProgress says of everything that is received how far it has come.
func (a *Agent) sayProgress() {
	for _, j := range a.jobs {
		if g := j.staging(); g != nil && !j.wants {
			n, of := g.Bytes(), j.offer.TotalBytes
			a.say(Line{Kind: "progress", Group: j.group.Name, Transfer: j.offer.Transfer, Bytes: n, Of: of,
				Text: fmt.Sprintf("%s: %s of %s", j.group.Name, size(n), size(of))})
		}
	}
}

func (a *Agent) handle(ctx context.Context, e groupcast.AgentEvent) {
	if e.Kind == groupcast.AgentHello {
		a.judge(e.Server)
	}
	if a.foreign != "" && e.Kind != groupcast.AgentProbe {
		a.decline(ctx, e)
		return
	}
	switch e.Kind {
	case groupcast.AgentHello, groupcast.AgentHint:
		a.readState(ctx, e.Kind == groupcast.AgentHello)
	case groupcast.AgentOffer:
		if e.Offer != nil {
			a.hear(ctx, *e.Offer)
		}
	case groupcast.AgentProbe:
		a.answerProbe(ctx, e.Probe)
	case groupcast.AgentEnd:
		if e.Over {
			a.over(ctx, e.Transfer)
			return
		}
		if j := a.jobs[e.Transfer]; j != nil && e.Session != nil && j.offer.Session == *e.Session {
			j.cancel()
		}
	}
}

// readState takes over groups and offers as they are now.
func (a *Agent) readState(ctx context.Context, hello bool) {
	if a.foreign != "" {
		return
	}
	asked := time.Now()
	state, err := a.cfg.Client.AgentState(ctx)
	if err != nil {
		a.cfg.Log.Warn("state not read", "err", err)
		return
	}
	if err := a.trust(state); err != nil {
		a.say(Line{Kind: "warning", Text: err.Error()})
		return
	}
	a.receiptVersion = state.Receipts
	a.checkClock(state.Now, asked)
	a.setGroups(state.Groups)
	if hello {
		a.say(Line{Kind: "connected", Text: fmt.Sprintf("connected to %s as %s; %s; files go to %s", a.cfg.Address, state.Device.Name, plural(len(a.groups), "group"), a.cfg.Dir)})
		a.resendReceipts(ctx)
		a.tellSpace(ctx, true)
		a.told.Store(0) // another server process does not know it
		a.tellMTU(ctx)
	}
	a.notice(state)
	offered := map[protocol.TransferNo]bool{}
	for _, o := range state.Offers {
		if parsed, err := wire.ParseOffer(o.Offer); err == nil {
			offered[parsed.Transfer] = true
		}
		a.take(ctx, o)
	}
	for no, j := range a.jobs {
		if !offered[no] {
			j.cancel() // no longer ours: removed, cancelled or over
		}
	}
	a.forgetSetbacks(offered)
	if state.OwedComplete {
		owed := map[protocol.TransferNo]bool{}
		for _, no := range state.Owed {
			owed[no] = true
		}
		for no, j := range a.jobs {
			if !owed[no] {
				j.over = true
			}
		}
		a.sweep(ctx, func(no protocol.TransferNo) bool { return owed[no] })
	}
}

// trust checks the signing leaf against the pin, opens the sockets once and keeps them on the way
// to the server.
func (a *Agent) trust(state groupcast.AgentState) error {
	key, err := a.cfg.VerifySigning(state.Signing)
	if err != nil {
		return fmt.Errorf("the server's signing key: %w", err)
	}
	a.mu.Lock()
	a.verify = &key
	a.mu.Unlock()
	a.openIntake()
	return nil
}

func (a *Agent) checkClock(server, asked time.Time) {
	if a.cfg.Seen != nil {
		a.cfg.Seen(server)
	}
	now := time.Now()
	off := now.Add(-now.Sub(asked) / 2).Sub(server)
	if off.Abs() > maxClockOff && !a.warned {
		a.warned = true
		a.say(Line{Kind: "warning", Text: fmt.Sprintf("this machine's clock is off by %s against the server's; nothing depends on it, but times shown here do", off.Round(time.Second))})
	}
}

// setGroups joins the addresses of new groups and leaves those of old ones.
func (a *Agent) setGroups(groups []groupcast.AgentGroup) {
	next, twins := map[protocol.GroupID]groupcast.AgentGroup{}, map[protocol.GroupID]bool{}
	for _, g := range groups {
		if !groupName.MatchString(g.Name) || len(next) == maxGroups {
			a.cfg.Log.Warn("group left out", "group", g.ID.String())
			continue
		}
		if other, taken := twin(g, groups); taken {
			if !a.twins[g.ID] {
				a.say(Line{Kind: "warning", Group: g.Name, Text: fmt.Sprintf("group %s is left out: some file systems take its folder for that of group %s; an administrator has to make a group of another name", g.Name, other)})
			}
			twins[g.ID] = true
			continue
		}
		next[g.ID] = g
		if _, ok := a.groups[g.ID]; !ok {
			a.say(Line{Kind: "group", Group: g.Name, Text: fmt.Sprintf("in group %s (%s)", g.Name, g.Address)})
			if err := a.join(g); err != nil {
				a.say(Line{Kind: "warning", Group: g.Name, Text: fmt.Sprintf("group %s: no multicast here (%v); its files come over HTTPS", g.Name, err)})
			}
		}
	}
	for id, addr := range a.joined {
		if _, ok := next[id]; !ok {
			_ = a.intake.Leave(addr, netip.Addr{}) // the interface may be gone
			delete(a.joined, id)
			a.say(Line{Kind: "group", Group: a.groups[id].Name, Text: "no longer in group " + a.groups[id].Name})
		}
	}
	a.groups, a.twins = next, twins
}
