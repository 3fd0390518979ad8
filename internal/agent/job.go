package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/wire"
)

// maxLacks bounds the ranges that a device names of what it lacks.
const maxLacks = 1000

// job is the work on one offer.
type job struct {
	agent     *Agent
	offer     wire.Offer
	raw       groupcast.Offered
	group     groupcast.AgentGroup
	verify    seal.VerifyKey
	spool     *spool.Spool
	staged    atomic.Pointer[spool.Staging] // set once the manifest is known, by whoever learns it
	started   time.Time
	receiving atomic.Bool // nothing is looked through any more before blocks come
	path      groupcast.Path
	cancel    context.CancelFunc
	done      chan struct{}
	next      *groupcast.Offered // a newer offer of the transfer, to begin when this one is over
	crowd     int                // devices that took part in the session
	forged    int                // blocks of it that came with a wrong digest
	wants     bool               // stands for a transfer that this device cannot take now; does nothing
	need      uint64             // then: bytes that it still takes, as far as is known
	looking   bool               // then: the disk is looked at
	over      bool               // nothing of it is owed any more: what is staged goes with it
}

// outcome is what became of a delivery.
type outcome struct {
	state  groupcast.DeliveryState // empty: not through, the server knows what is still owed
	reason string
	what   string // the file's path, or how many files
	files  int
	bytes  uint64 // that lie here
	kind   string // of a refusal
	need   uint64 // then: bytes that it still takes
	tally  groupcast.Tally
	astray []groupcast.DeliveryEntry // what does not lie under its name, the missing first
}

func (j *job) staging() *spool.Staging { return j.staged.Load() }

// run works on the offer to its end.
func (j *job) run(ctx context.Context) (outcome, error) {
	s, err := j.open()
	if err != nil {
		if spool.Hindrance(err) == nil { // whatever it is, it is about the folder as a whole
			err = &spool.Refused{Kind: "folder", Reason: err.Error()}
		}
		return j.refused(ctx, err)
	}
	j.spool = s
	defer s.Close()
	if err := j.turn(ctx); err != nil {
		return outcome{}, err
	}
	defer func() {
		if g := j.staging(); g != nil {
			_ = g.Close() // what is lost with it is fetched again
		}
	}()
	stop := j.tellWork(ctx)
	defer stop()
	if err := j.prepare(ctx); err != nil {
		return j.refused(ctx, err)
	}
	j.receiving.Store(true)
	if err := j.receive(ctx); err != nil {
		return j.refused(ctx, err)
	}
	return j.finish(ctx)
}

// open opens the folder where the group's files go.
func (j *job) open() (*spool.Spool, error) {
	id, err := j.agent.known(context.Background())
	if err != nil {
		return nil, err
	}
	return spool.Open(spool.Config{
		Known: id, Adopt: j.agent.fresh.Load(), Dir: j.agent.cfg.Dir, Group: j.group.Name, GroupID: j.group.ID, Server: j.agent.cfg.Server,
		Reserve: j.agent.cfg.Reserve, MaxSize: j.agent.cfg.MaxSize, Shared: j.agent.shared,
		Ledger: j.agent.cfg.Ledger.Book(j.agent.cfg.Server, j.group.ID, j.group.Name),
	})
}

// prepare stages the transfer if its manifest is known or small.
func (j *job) prepare(ctx context.Context) error {
	layout, err := manifest.NewLayout(j.offer)
	if err != nil {
		return &spool.Refused{Kind: "version", Reason: err.Error()}
	}
	kept, err := j.keptManifest(layout)
	if err != nil {
		return err
	}
	if kept != nil {
		return j.stage(ctx, kept)
	}
	if j.manifestByMulticast() {
		return nil
	}
	whole, err := j.fetchManifest(ctx, layout)
	if err != nil {
		return err
	}
	return j.stage(ctx, whole)
}

func (j *job) stage(ctx context.Context, whole *manifest.Layout) error {
	g, err := j.spool.Stage(ctx, j.offer.Transfer, whole)
	if err != nil {
		return err
	}
	j.staged.Store(g)
	return nil
}

// stageNow fetches the manifest over HTTPS, unless it is known, and stages what it promises.
func (j *job) stageNow(ctx context.Context) error {
	if j.staging() != nil {
		return nil
	}
	layout, err := manifest.NewLayout(j.offer)
	if err != nil {
		return err
	}
	whole, err := j.fetchManifest(ctx, layout)
	if err != nil {
		return err
	}
	return j.stage(ctx, whole)
}

// refused sorts errors: what this device cannot take is told to the server in words.
func (j *job) refused(ctx context.Context, err error) (outcome, error) {
	r, is := hindered(err)
	if !is {
		return outcome{}, err
	}
	if g := j.staging(); r.Kind == "space" && r.Need == 0 && g != nil {
		r.Need = j.offer.TotalBytes - min(j.offer.TotalBytes, g.Bytes())
	}
	j.agent.refuse(context.WithoutCancel(ctx), j.offer, r.Kind, r.Reason)
	return outcome{state: groupcast.DeliveryRefused, kind: r.Kind, reason: r.Reason, need: r.Need}, nil
}

// receive brings every block: by multicast if the server says so, else over HTTPS.
func (j *job) receive(ctx context.Context) error {
	ready := groupcast.Ready{Transfer: j.offer.Transfer, Session: j.offer.Session, LacksAll: j.staging() == nil}
	if g := j.staging(); g != nil {
		if g.Missing() == 0 {
			return nil
		}
		ready.Lacks = g.Has().Missing(maxLacks)
	}
	ready.FreeBytes, ready.MTU = j.agent.freeBytes(), j.agent.mtu()
	h, err := j.agent.cfg.Client.Ready(ctx, ready)
	if err != nil {
		return err
	}
	j.agent.say(Line{Kind: "receiving", Group: j.group.Name, Transfer: j.offer.Transfer, Of: j.offer.TotalBytes, Files: int(j.offer.Files),
		Text: fmt.Sprintf("%s: receiving %s, %s", j.group.Name, j.contents(), size(j.offer.TotalBytes))})
	if h.HTTPS || h.Started { // its blocks may have gone by
		if err := j.stageNow(ctx); err != nil {
			return err
		}
	}
	if h.HTTPS {
		return j.catchUp(ctx)
	}
	return j.listen(ctx, h)
}

// contents says how many files come, or how many entries while the list of them is not known.
func (j *job) contents() string {
	g := j.staging()
	if g == nil {
		return fmt.Sprintf("%d files and folders", j.offer.Files)
	}
	files := 0
	for _, f := range g.Layout().Manifest().Files {
		if f.Kind != manifest.KindFolder {
			files++
		}
	}
	return plural(files, "file")
}

// listen takes part in the session.
func (j *job) listen(ctx context.Context, h groupcast.Handout) error {
	h.FeedbackAddr = netip.AddrPortFrom(j.agent.serverNow(), j.offer.FeedbackPort).String()
	whole := ctx
	ctx, cancel := context.WithCancelCause(whole)
	defer cancel(nil)
	side := newSide(ctx, whole, j, cancel)
	r, err := receiver.New(receiver.Config{
		Endpoint: j.agent.intake, Verify: j.verify, Offer: j.offer, OfferBytes: j.raw.Offer, Handout: h,
		Manifest: j.knownManifest(), OnManifest: j.onManifest(ctx),
		OnCatchUp: side.fetch, OnSilent: side.silent, OnFeedback: side.feedback,
	})
	if err != nil {
		return err
	}
	j.path = groupcast.PathMulticast
	side.start(r)
	err = r.Run(ctx)
	cancel(nil)
	side.wait()
	j.crowd = r.Status().Devices
	side.tellForged(r)
	j.forged = r.Status().Forged
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) && err != nil {
		return cause
	}
	if g := j.staging(); errors.Is(err, receiver.ErrSessionOver) && g != nil && g.Missing() == 0 {
		return nil // its last word came before our last report
	}
	return err
}

func (j *job) knownManifest() []byte {
	if j.staging() == nil {
		return nil
	}
	raw, _, _ := j.spool.Manifest(j.offer.Transfer) // without it the session brings it
	return raw
}

// onManifest stages what the session's manifest promises.
func (j *job) onManifest(ctx context.Context) func(*manifest.Layout, []byte) (receiver.BlockStore, *protocol.BlockSet, error) {
	return func(layout *manifest.Layout, _ []byte) (receiver.BlockStore, *protocol.BlockSet, error) {
		if j.staging() == nil {
			if err := j.stage(ctx, layout); err != nil {
				return nil, nil, err
			}
		}
		return j.staging(), j.staging().Has(), nil
	}
}

// finish commits what is left, removes the staging and sums up.
func (j *job) finish(ctx context.Context) (outcome, error) {
	g := j.staging()
	if _, err := g.Commit(ctx); err != nil {
		return j.refused(ctx, err)
	}
	if !g.Done() {
		return outcome{}, fmt.Errorf("transfer %d: %d blocks are still missing", j.offer.Transfer, g.Missing())
	}
	out := sumUp(g.Outcomes())
	j.staged.Store(nil)
	if err := g.Remove(); err != nil {
		j.agent.cfg.Log.Warn("what was staged is still there; it is looked for again", "transfer", uint64(j.offer.Transfer), "err", err)
	}
	return out, nil
}

// close takes the end of a job: receipt, words, and the next offer of the transfer.
func (a *Agent) close(ctx context.Context, e ended) error {
	j := e.job
	delete(a.jobs, j.offer.Transfer)
	j.cancel()
	switch {
	case e.err == nil && e.out.state == groupcast.DeliveryRefused:
		a.setBack(j, e.out)
		if a.cfg.Once && lasting(e.out.kind) {
			return errOnce
		}
	case e.err == nil && e.out.state != "":
		delete(a.setbacks, j.offer.Transfer)
		a.deliverReceipt(ctx, j, e.out)
		a.say(j.line(e.out))
		if a.cfg.Once {
			return errOnce
		}
	case e.err != nil && !overtaken(e.err):
		a.stumbled(ctx, j, e.err)
	}
	if j.next != nil {
		delete(a.jobs, j.offer.Transfer)
		a.take(ctx, *j.next)
	} else if j.over {
		delete(a.jobs, j.offer.Transfer)
		a.sweepOne(ctx, j.offer.Transfer)
	}
	return nil
}

// overtaken says that the work ended because there was something newer to know, not because
// it went wrong: the session is over, or the device is not owed the transfer any more.
func overtaken(err error) bool {
	code := groupcast.ErrorCode(err)
	return errors.Is(err, context.Canceled) || errors.Is(err, receiver.ErrSessionOver) ||
		code == groupcast.ENotFound || code == groupcast.EConflict || code == groupcast.EUnconfirmed
}

func (j *job) line(out outcome) Line {
	l := Line{Kind: "done", Group: j.group.Name, Transfer: j.offer.Transfer, Outcome: out.state, Path: j.path, Files: out.files, Bytes: out.bytes, Of: j.offer.TotalBytes, Took: time.Since(j.started)}
	switch out.state {
	case groupcast.DeliveryRefused:
		l.Kind = "refused"
		l.Text = fmt.Sprintf("%s: refused: %s", j.group.Name, out.reason)
		if !lasting(out.kind) {
			l.Text += "; it is looked at again by itself"
		}
	case groupcast.DeliveryIncomplete:
		l.Kind = "incomplete"
		l.Text = fmt.Sprintf("%s: %s incomplete: %d of %d are here", j.group.Name, out.what, out.tally.Entries-out.tally.Missing, out.tally.Entries)
	case groupcast.DeliveryVerified:
		l.Text = fmt.Sprintf("%s: %s %s verified in %s (%s)", j.group.Name, out.what, size(out.bytes), l.Took.Round(10*time.Millisecond), j.path)
	default:
		l.Text = fmt.Sprintf("%s: %s: %s", j.group.Name, out.what, out.state)
	}
	if out.state != groupcast.DeliveryRefused && out.reason != "" {
		l.Text += "; " + out.reason
	}
	if l.Forging = forging(j.forged); l.Forging != nil {
		l.Text += fmt.Sprintf("; a member of the group forged packets: %s came wrong and right again", plural(j.forged, "block"))
	}
	return l
}

// stopJobs ends what still runs and waits for it.
func (a *Agent) stopJobs() {
	for _, j := range a.jobs {
		j.cancel()
	}
	for _, j := range a.jobs {
		<-j.done
	}
	a.looking.Wait()
}
