package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/units"
	"github.com/groupcast/groupcast/internal/wire"
)

// maxLacks bounds the ranges that a device names of what it lacks.
const maxLacks = 1000

// transfer is the work on one offer.
type transfer struct {
	agent     *Agent
	offer     wire.Offer
	raw       groupcast.Offered
	group     groupcast.AgentGroup
	verify    seal.VerifyKey
	spool     *spool.Spool
	staged    atomic.Pointer[spool.Staging] // set once the manifest is known, by whoever learns it
	receiving atomic.Bool                   // nothing is looked through any more before blocks come
	path      groupcast.Path
	cancel    context.CancelFunc
	done      chan struct{}
	devices   int // that took part in the multicast session
	forged    int // blocks of it that came with a wrong digest
}

func (a *Agent) newTransfer(offer wire.Offer, o groupcast.Offered, g groupcast.AgentGroup) *transfer {
	return &transfer{
		agent: a, offer: offer, raw: o, group: g, cancel: func() {}, done: make(chan struct{}), path: groupcast.PathHTTPS,
	}
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

func (t *transfer) staging() *spool.Staging { return t.staged.Load() }

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
		if g := t.staging(); g != nil {
			_ = g.Close() // what is lost with it is fetched again
		}
	}()
	stop := t.tellWork(ctx)
	defer stop()
	if err := t.prepare(ctx); err != nil {
		return t.refused(err)
	}
	t.receiving.Store(true)
	if err := t.receive(ctx); err != nil {
		return t.refused(err)
	}
	return t.finish(ctx)
}

// open opens the folder where the group's files go.
func (t *transfer) open() (*spool.Spool, error) {
	id, err := t.agent.known(context.Background())
	if err != nil {
		return nil, err
	}
	return spool.Open(spool.Config{
		Known: id, Adopt: t.agent.fresh.Load(), Dir: t.agent.cfg.Dir,
		Group: t.group.Name, GroupID: t.group.ID, Server: t.agent.cfg.Server,
		Reserve: t.agent.cfg.Reserve, MaxSize: t.agent.cfg.MaxSize, Shared: t.agent.shared,
		Ledger: t.agent.cfg.Ledger.Deliveries(t.agent.cfg.Server, t.group.ID, t.group.Name),
	})
}

// prepare stages the transfer if its manifest is known or small.
func (t *transfer) prepare(ctx context.Context) error {
	layout, err := manifest.NewLayout(t.offer)
	if err != nil {
		return &spool.Refused{Kind: groupcast.RefusedVersion, Reason: err.Error()}
	}
	kept, err := t.keptManifest(layout)
	if err != nil {
		return err
	}
	if kept != nil {
		return t.stage(ctx, kept)
	}
	if t.manifestByMulticast() {
		return nil
	}
	whole, err := t.fetchManifest(ctx, layout)
	if err != nil {
		return err
	}
	return t.stage(ctx, whole)
}

func (t *transfer) stage(ctx context.Context, whole *manifest.Layout) error {
	g, err := t.spool.Stage(ctx, t.offer.Transfer, whole)
	if err != nil {
		return err
	}
	t.staged.Store(g)
	return nil
}

// stageNow fetches the manifest over HTTPS, unless it is known, and stages what it promises.
func (t *transfer) stageNow(ctx context.Context) error {
	if t.staging() != nil {
		return nil
	}
	layout, err := manifest.NewLayout(t.offer)
	if err != nil {
		return err
	}
	whole, err := t.fetchManifest(ctx, layout)
	if err != nil {
		return err
	}
	return t.stage(ctx, whole)
}

// refused distinguishes errors: if this device cannot take the transfer, the reason is reported to the server.
func (t *transfer) refused(err error) (loop.Outcome, error) {
	r, is := hindered(err)
	if !is {
		return loop.Outcome{}, err
	}
	if g := t.staging(); r.Kind == groupcast.RefusedSpace && r.Need == 0 && g != nil {
		r.Need = t.offer.TotalBytes - min(t.offer.TotalBytes, g.Bytes())
	}
	t.agent.refuse(loop.Refuse{
		Transfer: t.offer.Transfer, Session: t.offer.Session, Kind: r.Kind, Reason: r.Reason, Space: r.Space,
	})
	return t.agent.refusal(r), nil
}

// receive brings every block: by multicast if the server says so, else over HTTPS.
func (t *transfer) receive(ctx context.Context) error {
	ready := groupcast.Ready{Transfer: t.offer.Transfer, Session: t.offer.Session, LacksAll: t.staging() == nil}
	if g := t.staging(); g != nil {
		if g.Missing() == 0 {
			return nil
		}
		ready.Lacks = g.Has().Missing(maxLacks)
	}
	ready.FreeBytes, ready.DiskBytes, ready.Reserve = t.agent.room()
	ready.MTU = t.agent.mtu()
	h, err := t.ready(ctx, ready)
	if err != nil {
		return err
	}
	t.agent.say(Line{
		Kind: "receiving", Group: t.group.Name, Transfer: t.offer.Transfer, Of: t.offer.TotalBytes, Files: int(t.offer.Files),
		Text: fmt.Sprintf("%s: receiving %s, %s", t.group.Name, t.contents(), units.FormatSize(t.offer.TotalBytes)),
	})
	if h.HTTPS || h.Started { // its blocks may have gone by
		if err := t.stageNow(ctx); err != nil {
			return err
		}
	}
	if h.HTTPS {
		return t.catchUp(ctx)
	}
	return t.listen(ctx, h)
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
	if g := t.staging(); g != nil {
		first, has := g.Layout().FirstStream(), g.Has()
		bar := has.Bar(first)
		r.Blocks, r.Bytes, r.Bar = max(has.Count()-int(first), 0), g.Bytes(), bar[:]
	}
	t.agent.report(ctx, t.offer.Transfer, "progress", r)
}

// contents says how many files come, or how many entries while the list of them is not known.
func (t *transfer) contents() string {
	g := t.staging()
	if g == nil {
		return fmt.Sprintf("%d files and folders", t.offer.Files)
	}
	files := 0
	for _, f := range g.Layout().Manifest().Files {
		if f.Kind != manifest.KindFolder {
			files++
		}
	}
	return loop.Plural(files, "file")
}

// listen takes part in the session.
func (t *transfer) listen(ctx context.Context, h groupcast.Handout) error {
	h.FeedbackAddr = netip.AddrPortFrom(t.agent.serverNow(), t.offer.FeedbackPort).String()
	whole := ctx
	ctx, cancel := context.WithCancelCause(whole)
	defer cancel(nil)
	side := newSide(ctx, whole, t, cancel)
	r, err := receiver.New(receiver.Config{
		Endpoint: t.agent.endpoint, Verify: t.verify, Offer: t.offer, OfferBytes: t.raw.Offer, Handout: h,
		Manifest: t.knownManifest(), OnManifest: t.onManifest(ctx),
		OnCatchUp: side.fetch, OnSilent: side.silent, OnFeedback: side.feedback,
	})
	if err != nil {
		return err
	}
	t.path = groupcast.PathMulticast
	side.start(r)
	err = r.Run(ctx)
	cancel(nil)
	side.wait()
	t.devices = r.Status().Devices
	side.tellForged(r)
	t.forged = r.Status().Forged
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) && err != nil {
		return cause
	}
	if g := t.staging(); errors.Is(err, receiver.ErrSessionOver) && g != nil && g.Missing() == 0 {
		return nil // its last word came before our last report
	}
	return err
}

func (t *transfer) knownManifest() []byte {
	if t.staging() == nil {
		return nil
	}
	raw, _, _ := t.spool.Manifest(t.offer.Transfer) // without it the session brings it
	return raw
}

// onManifest stages what the session's manifest promises.
func (t *transfer) onManifest(
	ctx context.Context,
) func(*manifest.Layout, []byte) (receiver.BlockStore, *protocol.BlockSet, error) {
	return func(layout *manifest.Layout, _ []byte) (receiver.BlockStore, *protocol.BlockSet, error) {
		if t.staging() == nil {
			if err := t.stage(ctx, layout); err != nil {
				return nil, nil, err
			}
		}
		return t.staging(), t.staging().Has(), nil
	}
}

// finish commits what is left, removes the staging and sums up.
func (t *transfer) finish(ctx context.Context) (loop.Outcome, error) {
	g := t.staging()
	if _, err := g.Commit(ctx); err != nil {
		return t.refused(err)
	}
	if !g.Done() {
		return loop.Outcome{}, fmt.Errorf("transfer %d: %d blocks are still missing", t.offer.Transfer, g.Missing())
	}
	out := sumUp(g.Outcomes())
	t.staged.Store(nil)
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
