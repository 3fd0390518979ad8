package agent

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/wire"
)

// plain is a transfer of format 1: its manifest is known whole before anything is stored.
type plain struct {
	*transfer
	offer  wire.Offer
	staged atomic.Pointer[spool.Staging] // set once the manifest is known, by whoever learns it
}

func (t *plain) onDisk() staging {
	if g := t.staging(); g != nil {
		return plainStaging{g}
	}
	return nil
}

// plainStaging is what is stored of a transfer of format 1.
type plainStaging struct{ *spool.Staging }

// Outcomes are those of all entries.
func (g plainStaging) EachOutcome(show func(spool.Outcome)) error {
	for _, o := range g.Outcomes() {
		show(o)
	}
	return nil
}

func (t *plain) root() protocol.Digest { return t.offer.IndexDigest }

func (t *plain) letGo() { t.staged.Store(nil) }

func (t *plain) answer(ctx context.Context, r groupcast.Ready) (groupcast.Handout, error) {
	if g := t.staging(); g != nil {
		r.Lacks = g.Has().Missing(maxLacks)
	} else {
		r.LacksAll = true
	}
	return t.ready(ctx, r)
}

func (t *plain) share() (blocks int, bar [64]byte) {
	g := t.staging()
	first, has := g.Layout().FirstStream(), g.Has()
	return max(has.Count()-int(first), 0), has.Bar(first)
}

func (t *plain) looking() *groupcast.Work {
	if t.staging() != nil {
		return nil
	}
	return &groupcast.Work{Phase: groupcast.WorkLooking, Of: t.transfer.offer.Entries}
}

// prepare stages the transfer if its manifest is known or small.
func (t *plain) prepare(ctx context.Context) error {
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

func (t *plain) stage(ctx context.Context, whole *manifest.Layout) error {
	g, err := t.spool.Stage(ctx, t.offer.Transfer, whole)
	if err != nil {
		return err
	}
	t.staged.Store(g)
	return nil
}

// stageNow fetches the manifest over HTTPS, unless it is known, and stages what it promises.
func (t *plain) stageNow(ctx context.Context) error {
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

// contents says how many files come, or how many entries while the list of them is not known.
func (t *plain) contents() string {
	g := t.staging()
	if g == nil {
		return contentsOf(int(t.offer.Files), -1)
	}
	files := 0
	for _, f := range g.Layout().Manifest().Files {
		if f.Kind != manifest.KindFolder {
			files++
		}
	}
	return contentsOf(int(t.offer.Files), files)
}

// contentsOf says what a transfer consists of; files < 0: how many of its entries are files is not known yet.
func contentsOf(entries, files int) string {
	switch {
	case files > 0:
		return loop.Plural(files, "file")
	case files == 0:
		return loop.Plural(entries, "folder")
	case entries == 1:
		return "1 file or folder"
	}
	return fmt.Sprintf("%d files and folders", entries)
}

// listen takes part in the session.
func (t *plain) listen(ctx context.Context, h groupcast.Handout) error {
	blocks := 1 + int(t.offer.ManifestBlocks) + int(t.offer.Blocks)
	return t.takePart(ctx, blocks, func(ctx context.Context, side *side) (running, error) {
		h.FeedbackAddr = t.feedbackTo(t.offer.FeedbackPort)
		r, err := receiver.New(receiver.Config{
			Endpoint: t.agent.endpoint, Verify: t.verify, Offer: t.offer, OfferBytes: t.raw.Offer, Handout: h,
			Manifest: t.knownManifest(), OnManifest: t.onManifest(ctx),
			OnCatchUp: side.fetch, OnSilent: side.silent, OnFeedback: side.feedback,
		})
		return &plainSession{r, t}, err
	})
}

func (t *plain) knownManifest() []byte {
	if t.staging() == nil {
		return nil
	}
	raw, _, _ := t.spool.Manifest(t.offer.Transfer) // without it the session brings it
	return raw
}

// onManifest stages what the session's manifest promises.
func (t *plain) onManifest(
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

func (t *plain) staging() *spool.Staging { return t.staged.Load() }

// plainSession is a session of format 1.
type plainSession struct {
	*receiver.Receiver
	transfer *plain
}

func (s *plainSession) promise(ctx context.Context) error {
	raw, err := s.transfer.fetchRaw(ctx)
	if err != nil {
		return err
	}
	return s.SupplyManifest(raw)
}

func (s *plainSession) missing(runs int) []protocol.Range {
	return s.transfer.staging().Has().Missing(runs)
}

func (s *plainSession) fetch(ctx context.Context, ranges []protocol.Range) error {
	put := func(_ *manifest.Layout, b protocol.BlockNumber, data []byte) error { return s.Supply(b, data) }
	return s.transfer.fetchRanges(ctx, missingOf(ranges, s.transfer.staging().Has()), put)
}

// missingOf gives the parts of ranges that are not there.
func missingOf(ranges []protocol.Range, has *protocol.BlockSet) []protocol.Range {
	left := protocol.NewBlockSet(has.Len())
	for _, r := range ranges {
		left.AddRange(r)
	}
	for b, ok := left.Next(0); ok; b, ok = left.Next(b + 1) {
		if has.Has(b) {
			left.Remove(b)
		}
	}
	return left.Members()
}
