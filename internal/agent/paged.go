package agent

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/spool"
)

// paged is a transfer of format 2: its skeleton says at once what is promised, and pages say the digests of the
// blocks while the server reads them (docs/format-2.md).
type paged struct {
	*transfer
	offer  format2.Offer
	staged atomic.Pointer[spool.Paged] // set once the skeleton is known, by whoever learns it
	looked looked
}

func (t *paged) staging() *spool.Paged { return t.staged.Load() }

func (t *paged) onDisk() staging {
	if g := t.staging(); g != nil {
		return pagedStaging{g}
	}
	return nil
}

// pagedStaging is what is stored of a paged transfer: before its final page something is missing in any case.
type pagedStaging struct{ *spool.Paged }

// Missing is how many blocks are missing, as far as is known.
func (g pagedStaging) Missing() int {
	if n := g.Paged.Missing(); n > 0 || g.Final() {
		return n
	}
	return 1
}

func (t *paged) root() protocol.Digest { return t.staging().Root() }

func (t *paged) letGo() { t.staged.Store(nil) }

func (t *paged) share() (blocks int, bar [64]byte) {
	have := t.staging().Have()
	return have.Count(), have.Bar(0)
}

func (t *paged) contents() string {
	files := -1
	if g := t.staging(); g != nil {
		files = g.Files()
	}
	return contentsOf(int(t.offer.Entries), files)
}

func (t *paged) looking() *groupcast.Work {
	if t.staging() != nil && !t.delta() {
		return nil
	}
	return t.looked.work(t.transfer.offer.Entries)
}

// prepare stages the transfer if its skeleton is known or small; in mode delta it finds what is here already.
func (t *paged) prepare(ctx context.Context) error {
	kept, there, err := t.spool.OpenSkeleton(t.offer)
	if err != nil {
		return err
	}
	if there {
		defer kept.Close()
		if err := t.stage(ctx, kept); err != nil || !t.delta() {
			return err
		}
	}
	if t.delta() {
		return t.look(ctx)
	}
	if t.byMulticast(t.offer.SkeletonBytes, t.offer.Flags&format2.OfferMulticast != 0) {
		return nil
	}
	return t.stageNow(ctx)
}

func (t *paged) stage(ctx context.Context, list io.Reader) error {
	g, err := t.spool.StagePaged(ctx, t.offer, list, t.verify)
	if err != nil {
		return err
	}
	t.staged.Store(g)
	return nil
}

// stageNow fetches the skeleton over HTTPS, unless it is known, and stages what it promises.
func (t *paged) stageNow(ctx context.Context) error {
	if t.staging() != nil {
		return nil
	}
	return t.untilRight(ctx, "skeleton", spool.ErrOtherSkeleton, func() error {
		return t.withSkeleton(ctx, func(body io.Reader) error { return t.stage(ctx, body) })
	})
}

// withSkeleton fetches the skeleton over HTTPS. It is not checked yet, and no longer than the offer says.
func (t *paged) withSkeleton(ctx context.Context, use func(io.Reader) error) error {
	body, err := t.inTurn(ctx, func() (io.ReadCloser, error) {
		return t.agent.cfg.Client.Skeleton(ctx, t.offer.Transfer, t.offer.SkeletonBytes)
	})
	if err != nil {
		return err
	}
	defer body.Close()
	return use(io.LimitReader(body, int64(t.offer.SkeletonBytes)))
}

// listen takes part in the session.
func (t *paged) listen(ctx context.Context, h groupcast.Handout) error {
	blocks := int(t.offer.FirstStream()) + int(t.offer.Blocks)
	return t.orByHTTPS(ctx, t.takePart(ctx, blocks, func(ctx context.Context, side *side) (running, error) {
		h.FeedbackAddr = t.feedbackTo(t.offer.FeedbackPort)
		r, err := receiver.NewPaged(receiver.PagedConfig{
			Endpoint: t.agent.endpoint, Verify: t.verify, Offer: t.offer, OfferBytes: t.raw.Offer, Handout: h,
			Content: t.content(), OnSkeleton: t.onSkeleton(ctx),
			Scratch:   func() (receiver.Scratch, error) { return t.spool.Scratch(t.offer.Transfer) },
			OnCatchUp: side.fetch, OnSilent: side.silent, OnFeedback: side.feedback,
			Clock: t.clock,
		})
		return &pagedSession{r, t}, err
	}))
}

// content is what is on the disk, for a session; nil before the skeleton is known.
func (t *paged) content() receiver.PagedContent {
	if g := t.staging(); g != nil {
		return g
	}
	return nil
}

// onSkeleton stages what the session's skeleton promises.
func (t *paged) onSkeleton(ctx context.Context) func(io.Reader) (receiver.PagedContent, error) {
	return func(list io.Reader) (receiver.PagedContent, error) {
		if t.staging() == nil {
			if err := t.stage(ctx, list); err != nil {
				return nil, err
			}
		}
		return t.content(), nil
	}
}

// pagedSession is a session of format 2.
type pagedSession struct {
	*receiver.Receiver
	transfer *paged
}

func (s *pagedSession) promise(ctx context.Context) error {
	return s.transfer.withSkeleton(ctx, s.SupplySkeleton)
}

// missing are the next page, and blocks that can be verified.
func (s *pagedSession) missing(runs int) (out []protocol.Range) {
	g, o := s.transfer.staging(), &s.transfer.offer
	if !g.Final() {
		out = append(out, protocol.Range{First: o.FirstPage() + protocol.BlockNumber(g.Verified()), Count: 1})
	}
	for _, r := range g.Wanted(runs - len(out)) {
		out = append(out, protocol.Range{First: o.FirstStream() + r.First, Count: r.Count})
	}
	return out
}

func (s *pagedSession) fetch(ctx context.Context, ranges []protocol.Range) error {
	t := s.transfer
	parts := receiver.PartsOf(t.offer, ranges)
	if len(parts.Pages) > 0 {
		if _, err := t.fetchPages(ctx, s.SupplyPage); err != nil {
			return err
		}
	}
	return t.fetchStream(ctx, missingOf(parts.Stream, t.staging().Have()), s.Supply)
}
