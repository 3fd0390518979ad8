package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/units"
)

// maxLacks bounds the ranges that a device names of what it lacks; tests make it less.
var maxLacks = 1000

// transfer is the work on one offer.
type transfer struct {
	agent     *Agent
	offer     loop.Offer
	raw       groupcast.Offered
	group     groupcast.AgentGroup
	verify    seal.VerifyKey
	spool     *spool.Spool
	form      form
	receiving atomic.Bool // nothing is looked through any more before blocks come
	path      groupcast.Path
	cancel    context.CancelFunc
	done      chan struct{}
	devices   int // that took part in the multicast session
	forged    int // blocks of it that came with a wrong digest
}

// form is what differs between the formats of a transfer.
type form interface {
	// onDisk is what is stored of it; nil before it is known what is promised.
	onDisk() staging
	letGo() // from here on nothing is
	// prepare stages the transfer before the offer is answered, if what it promises is known or small.
	prepare(ctx context.Context) error
	// looking is how far prepare is; nil: it does not take long.
	looking() *groupcast.Work
	// stageNow stages it in any case.
	stageNow(ctx context.Context) error
	// answer answers the offer with the blocks that are not here, if it is known what is promised.
	answer(ctx context.Context, r groupcast.Ready) (groupcast.Handout, error)
	// root stands for all that was promised, in a receipt.
	root() protocol.Digest
	// share is how much of the stream is stored; only once something is on the disk.
	share() (blocks int, bar [64]byte)
	// contents says how many files come, or how many entries while the list of them is not known.
	contents() string
	// catchUp fetches over HTTPS everything that is missing; listen takes part in a session.
	catchUp(ctx context.Context) error
	listen(ctx context.Context, h groupcast.Handout) error
}

// staging is what is stored of a transfer, of either format.
type staging interface {
	Missing() int // blocks
	Bytes() uint64
	Progress() (done, of int) // of putting files in place
	Commit(ctx context.Context) error
	Done() bool
	EachOutcome(show func(spool.Outcome)) error // of all entries
	Close() error
	Remove() error
}

func (a *Agent) newTransfer(offer loop.Offer, o groupcast.Offered, g groupcast.AgentGroup) *transfer {
	t := &transfer{
		agent: a, offer: offer, raw: o, group: g, cancel: func() {}, done: make(chan struct{}), path: groupcast.PathHTTPS,
	}
	if offer.Paged != nil {
		t.form = &paged{transfer: t, offer: *offer.Paged}
	} else {
		t.form = &plain{transfer: t, offer: *offer.Plain}
	}
	return t
}

// outcome works on the offer to its end, and says what became of it.
func (t *transfer) outcome(ctx context.Context) loop.Outcome {
	out, err := t.run(ctx)
	if err != nil {
		out = loop.Outcome{}
		if !overtaken(err) {
			out.Failed = err.Error()
			t.report(t.agent.running, out.Failed)
		}
	}
	out.Path, out.Devices, out.Forged = t.path, t.devices, t.forged
	return out
}

// run works on the offer to its end.
func (t *transfer) run(ctx context.Context) (loop.Outcome, error) {
	s, err := t.open()
	if err != nil {
		if spool.Hindrance(err) == nil { // whatever it is, it is about the folder as a whole
			err = &spool.Refused{Kind: groupcast.RefusedFolder, Reason: err.Error()}
		}
		return t.refused(err)
	}
	t.spool = s
	defer s.Close()
	if err := t.turn(ctx); err != nil {
		return loop.Outcome{}, err
	}
	defer func() {
		if g := t.form.onDisk(); g != nil {
			_ = g.Close() // what is lost with it is fetched again
		}
	}()
	stop := t.tellWork(ctx)
	defer stop()
	if err := t.form.prepare(ctx); err != nil {
		return t.refused(err)
	}
	t.receiving.Store(true)
	if err := t.receive(ctx); err != nil {
		return t.refused(err)
	}
	return t.finish(ctx)
}

// readers is how many files are read at once where a tree is compared: a disk has something to do while cores hash.
const readers = 8

// open opens the folder where the group's files go.
func (t *transfer) open() (*spool.Spool, error) {
	id, err := t.agent.known(context.Background())
	if err != nil {
		return nil, err
	}
	return spool.Open(spool.Config{
		Known: id, Adopt: t.agent.fresh.Load(), Dir: t.agent.cfg.Dir,
		Group: t.group.Name, GroupID: t.group.ID, Server: t.agent.cfg.Server,
		Reserve: t.agent.cfg.Reserve, MaxSize: t.agent.cfg.MaxSize, Shared: t.agent.shared, Readers: readers,
		Ledger: t.agent.cfg.Ledger.Deliveries(t.agent.cfg.Server, t.group.ID, t.group.Name),
	})
}

// refused distinguishes errors: if this device cannot take the transfer, the reason is reported to the server.
func (t *transfer) refused(err error) (loop.Outcome, error) {
	r, is := hindered(err)
	if !is {
		return loop.Outcome{}, err
	}
	if g := t.form.onDisk(); r.Kind == groupcast.RefusedSpace && r.Need == 0 && g != nil {
		r.Need = t.offer.Bytes - min(t.offer.Bytes, g.Bytes())
	}
	t.agent.refuse(loop.Refuse{
		Transfer: t.offer.Transfer, Session: t.offer.Session, Kind: r.Kind, Reason: r.Reason, Space: r.Space,
	})
	return t.agent.refusal(r), nil
}

// receive brings every block: by multicast if the server says so, else over HTTPS.
func (t *transfer) receive(ctx context.Context) error {
	if g := t.form.onDisk(); g != nil && g.Missing() == 0 {
		return nil
	}
	ready := groupcast.Ready{Transfer: t.offer.Transfer, Session: t.offer.Session}
	ready.FreeBytes, ready.DiskBytes, ready.Reserve = t.agent.room()
	ready.MTU = t.agent.mtu()
	h, err := t.form.answer(ctx, ready)
	if err != nil {
		return err
	}
	t.agent.say(Line{
		Kind: "receiving", Group: t.group.Name, Transfer: t.offer.Transfer, Of: t.offer.Bytes, Files: t.offer.Entries,
		Text: fmt.Sprintf("%s: receiving %s, %s", t.group.Name, t.form.contents(), units.FormatSize(t.offer.Bytes)),
	})
	if h.HTTPS || h.Started { // its blocks may have gone by
		if err := t.form.stageNow(ctx); err != nil {
			return err
		}
	}
	if h.HTTPS {
		return t.form.catchUp(ctx)
	}
	return t.form.listen(ctx, h)
}

// ready answers the offer. What was said of the transfer before and did not reach the server yet is
// out of date.
func (t *transfer) ready(ctx context.Context, r groupcast.Ready) (h groupcast.Handout, err error) {
	err = t.agent.calls.ask(ctx, lane{transferCalls, t.offer.Transfer}, func(ctx context.Context) (err error) {
		h, err = t.agent.cfg.Client.Ready(ctx, r)
		return err
	})
	return h, err
}

// report sends the server the progress of the delivery over HTTPS, soon.
func (t *transfer) report(ctx context.Context, reason string) {
	r := &groupcast.AgentReport{Path: t.path, Reason: reason}
	if g := t.form.onDisk(); g != nil {
		blocks, bar := t.form.share()
		r.Blocks, r.Bytes, r.Bar = blocks, g.Bytes(), bar[:]
	}
	t.agent.report(ctx, t.offer.Transfer, "progress", r)
}

// running is a session that this device takes part in.
type running interface {
	session
	Run(ctx context.Context) error
}

// takePart takes part in a session of so many blocks, to its end.
func (t *transfer) takePart(
	whole context.Context, blocks int, open func(ctx context.Context, side *side) (running, error),
) error {
	ctx, cancel := context.WithCancelCause(whole)
	defer cancel(nil)
	side := newSide(ctx, whole, t, blocks, cancel)
	r, err := open(ctx, side)
	if err != nil {
		return err
	}
	t.path = groupcast.PathMulticast
	side.start(r)
	err = r.Run(ctx)
	cancel(nil)
	side.wait()
	t.devices = r.Status().Devices
	side.tellForged()
	t.forged = r.Status().Forged
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) && err != nil {
		return cause
	}
	if g := t.form.onDisk(); errors.Is(err, receiver.ErrSessionOver) && g != nil && g.Missing() == 0 {
		return nil // its last word came before our last report
	}
	return err
}

// feedbackTo is where feedback goes: to this port of the server.
func (t *transfer) feedbackTo(port uint16) string {
	return netip.AddrPortFrom(t.agent.serverNow(), port).String()
}

// finish commits what is left, removes the staging and sums up.
func (t *transfer) finish(ctx context.Context) (loop.Outcome, error) {
	g := t.form.onDisk()
	if err := g.Commit(ctx); err != nil {
		return t.refused(err)
	}
	if !g.Done() {
		return loop.Outcome{}, fmt.Errorf("transfer %d: %d blocks are still missing", t.offer.Transfer, g.Missing())
	}
	out, err := sumUp(g.EachOutcome)
	if err != nil {
		return t.refused(err)
	}
	out.Root = t.form.root()
	t.form.letGo()
	if err := g.Remove(); err != nil {
		t.agent.cfg.Log.Warn("what was staged is still there; it is looked for again",
			"transfer", uint64(t.offer.Transfer), "err", err)
	}
	return out, nil
}

// overtaken says that the work ended because there was something newer to know, not because
// it went wrong: the session is over, or the device is not owed the transfer any more.
func overtaken(err error) bool {
	code := groupcast.ErrorCode(err)
	return errors.Is(err, context.Canceled) || errors.Is(err, receiver.ErrSessionOver) ||
		code == groupcast.ENotFound || code == groupcast.EConflict || code == groupcast.EUnconfirmed
}
