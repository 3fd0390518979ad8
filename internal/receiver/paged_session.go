package receiver

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/wire"
)

// pagedSession is what is special about a session of a paged transfer.
type pagedSession struct {
	r        *Receiver
	cfg      PagedConfig
	syncs    pagedSyncs // guarded by r.mu
	skeleton *skeletonBlocks
	ready    chan struct{} // closed when there is content

	content atomic.Pointer[PagedContent] // nil: there is no skeleton yet

	// turn is held while a page is taken and the machine is told what it brings: pages reach it one after another. It
	// is taken before r.mu.
	turn  sync.Mutex
	early [][]byte // pages that came before the skeleton; the server signed them

	// Guarded by r.mu:
	verified uint32             // pages
	there    *protocol.BlockSet // blocks of the stream that are counted in r.bytes
}

// NewPaged checks the hand-out against the offer and prepares a session of a paged transfer.
func NewPaged(cfg PagedConfig) (*Receiver, error) {
	o := cfg.Offer
	secret, err := seal.ParseSecret(cfg.Handout.SessionSecret)
	if err != nil {
		return nil, fmt.Errorf("session secret: %w", err)
	}
	keys, err := seal.NewSession2(secret, cfg.OfferBytes)
	if err != nil {
		return nil, err
	}
	p := &pagedSession{
		cfg: cfg, skeleton: newSkeletonBlocks(o, cfg.Scratch), ready: make(chan struct{}),
		there: protocol.NewBlockSet(int(o.Blocks)),
	}
	first, err := p.syncs.begin(keys, o, cfg.Handout.Sync)
	if err != nil {
		return nil, fmt.Errorf("first SYNC of the hand-out: %w", err)
	}
	p.r = newReceiver(setup{cfg.Endpoint, cfg.Handout, cfg.OnCatchUp, cfg.OnSilent, cfg.OnFeedback}, terms{
		tag: o.Tag, symbol: int(o.SymbolSize), data: dataBytes(o), paged: true, port: o.Source.Port(),
		sync:  [2]int{format2.MinSyncPacket, int(o.SymbolSize) + protocol.DataOverhead},
		group: o.GroupAddr, source: o.Source.Addr().Unmap(), feedbackPort: o.FeedbackPort,
	}, keys)
	if o.Flags&format2.OfferMACs != 0 {
		p.r.marked = newMarked(cfg, first)
	}
	err = p.r.prepare(recv.Config{
		Layout: pagedLayout{p.skeleton, o, nil}, Blocks: int(o.FirstStream()) + int(o.Blocks), Head: int(o.FirstStream()),
		Pages: int(o.Pages), MaxK: int(o.MaxK), First: asSync(first),
	}, p)
	if err != nil {
		return nil, err
	}
	if cfg.Content != nil {
		p.skeleton.skip()
		if err := p.stage(cfg.Content); err != nil {
			p.r.closeFeedback()
			return nil, err
		}
	}
	p.r.machine.Declare(time.Now(), declared(first))
	return p.r, nil
}

// pagedLayout knows the lengths of blocks: before there is a cut, those of the skeleton.
type pagedLayout struct {
	skeleton *skeletonBlocks
	offer    format2.Offer
	cut      *skeleton.Cut
}

// Length is a block's length; false: it is not known yet. The machine knows those of pages out of SYNCs.
func (l pagedLayout) Length(b protocol.BlockNumber) (int, bool) {
	stream := l.offer.FirstStream()
	switch {
	case b < l.offer.FirstPage():
		return l.skeleton.length(b), true
	case l.cut == nil:
		return 0, false
	case b < stream:
		return 0, true
	}
	_, n := l.cut.Block(uint32(b - stream))
	return n, true
}

func (p *pagedSession) begin() error { return nil }

func (p *pagedSession) end() {
	if err := p.skeleton.clear(); err != nil {
		p.r.cfg.Endpoint.cfg.Log.Debug("the file of a skeleton is still there", "err", err)
	}
}

func (p *pagedSession) known() bool { return p.now() != nil }

// now is what the device has; nil before there is a skeleton.
func (p *pagedSession) now() PagedContent {
	if c := p.content.Load(); c != nil {
		return *c
	}
	return nil
}

func (p *pagedSession) sync() error {
	if c := p.now(); c != nil {
		return c.Sync()
	}
	return nil
}

func (p *pagedSession) body(f wire.Feedback) []byte {
	return format2.AppendFeedback(nil, format2.Feedback{Pages: p.verified, Feedback: f})
}

func (p *pagedSession) seal(dst []byte, by *seal.FeedbackSealer, f wire.Feedback) []byte {
	return by.Seal2(dst, format2.Feedback{Pages: p.verified, Feedback: f})
}

// store verifies a decoded block and stores it.
func (p *pagedSession) store(b protocol.BlockNumber, data []byte) {
	o, bytes := recv.Mismatch, 0
	switch {
	case data == nil: // it could not be decoded
	case b < p.cfg.Offer.FirstPage():
		p.storeSkeleton(b, data)
		return
	case b < p.cfg.Offer.FirstStream():
		o = p.storePage(b, data)
	default:
		o, bytes = p.storeBlock(uint32(b-p.cfg.Offer.FirstStream()), data)
	}
	p.r.finishJob(b, o, bytes)
}

func (p *pagedSession) storeSkeleton(b protocol.BlockNumber, data []byte) {
	o, err := p.skeleton.put(b, data)
	p.r.finishJob(b, o, 0)
	switch {
	case err != nil:
	case o == recv.Stored && b == 0:
		p.indexReady()
	default:
		err = p.skeletonReady()
	}
	if err != nil {
		p.r.fail(err)
	}
}

// indexReady has the blocks of the skeleton verified that are there.
func (p *pagedSession) indexReady() {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	now := time.Now()
	p.r.machine.Known(now, []protocol.Range{{First: 1, Count: uint32(p.skeleton.blocks)}}, nil)
	p.r.drain(now)
	p.r.wakeLoop()
}

// storeBlock stores a block of the stream.
func (p *pagedSession) storeBlock(b uint32, data []byte) (recv.Outcome, int) {
	c := p.now()
	if c == nil {
		return recv.Failed, 0 // cannot happen: the machine waits for its page
	}
	ok, err := c.WriteBlock(b, data)
	switch {
	case err != nil:
		p.r.fail(fmt.Errorf("storing block %d: %w", b, err))
		return recv.Failed, 0
	case !ok && !p.isThere(b):
		return recv.Mismatch, 0
	}
	return recv.Stored, p.count(b)
}

// isThere says whether a block is held by a page that came meanwhile: its file is void.
func (p *pagedSession) isThere(b uint32) bool {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	return p.there.Has(protocol.BlockNumber(b))
}

// count gives the bytes of a block that is there now; 0 if it was before.
func (p *pagedSession) count(b uint32) int {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	return p.countLocked(b)
}

func (p *pagedSession) countLocked(b uint32) int {
	if !p.there.Add(protocol.BlockNumber(b)) {
		return 0
	}
	_, n := p.now().Cut().Block(b)
	return n
}

// supply takes a block of the stream that was fetched over HTTPS.
func (p *pagedSession) supply(b protocol.BlockNumber, data []byte) error {
	c := p.now()
	if c == nil {
		return ErrNoSkeleton
	}
	if uint32(b) >= p.cfg.Offer.Blocks {
		return fmt.Errorf("there is no block %d", b)
	}
	ok, err := c.WriteBlock(uint32(b), data)
	switch {
	case err != nil:
		return fmt.Errorf("storing block %d: %w", b, err)
	case !ok:
		return fmt.Errorf("block %d is not what its page says, or its page is not here", b)
	}
	p.r.supplied(p.cfg.Offer.FirstStream()+b, p.count(uint32(b)))
	return nil
}

// ErrNoSkeleton says that nothing else can be verified yet.
var ErrNoSkeleton = errors.New("the skeleton is not known yet")

var errNotPaged = errors.New("the transfer is not paged")

// SupplySkeleton takes the skeleton of a paged transfer, which was fetched over HTTPS, and verifies it. When it
// returns nil, OnSkeleton has returned, and SupplyPage and Supply may be called.
func (r *Receiver) SupplySkeleton(raw io.Reader) error {
	p, is := r.format.(*pagedSession)
	if !is {
		return errNotPaged
	}
	if p.known() {
		return nil
	}
	if err := p.skeleton.supply(raw); err != nil {
		return err
	}
	if err := p.skeletonReady(); err != nil {
		r.fail(err)
		return err
	}
	select { // it may have come by multicast at the same time
	case <-p.ready:
		return nil
	case <-r.gone:
		return ErrSessionOver
	}
}

// skeletonReady calls OnSkeleton once all of the skeleton is there.
func (p *pagedSession) skeletonReady() error {
	raw := p.skeleton.whole()
	if raw == nil {
		return nil
	}
	c, err := p.cfg.OnSkeleton(raw)
	if err != nil {
		return err
	}
	if err := p.skeleton.clear(); err != nil {
		return fmt.Errorf("the file of the skeleton: %w", err)
	}
	return p.stage(c)
}

// stage begins to use what the device has of the transfer.
func (p *pagedSession) stage(c PagedContent) error {
	o := p.cfg.Offer
	if cut := c.Cut(); cut.Blocks() != int(o.Blocks) || cut.Bytes() != o.Bytes {
		const format = "the skeleton of transfer %d is not acceptable: " +
			"its files are %d bytes in %d blocks, the offer says %d in %d"
		return groupcast.Errorf(groupcast.EInvalid, format, o.Transfer, cut.Bytes(), cut.Blocks(), o.Bytes, o.Blocks)
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	p.content.Store(&c)
	p.begun(c)
	p.learn(c, c.Known())
	early := p.early
	p.early = nil
	close(p.ready)
	for _, raw := range early {
		if err := p.add(raw); err != nil && !errors.Is(err, pages.ErrAhead) {
			return err
		}
	}
	return nil
}

// begun gives the machine what there is.
func (p *pagedSession) begun(c PagedContent) {
	o, stream := p.cfg.Offer, c.Have()
	have := protocol.NewBlockSet(int(o.FirstStream()) + int(o.Blocks))
	have.AddRange(protocol.Range{Count: uint32(o.FirstPage())})
	have.AddRange(protocol.Range{First: o.FirstPage(), Count: uint32(c.Verified())})
	for _, r := range stream.Members() {
		have.AddRange(protocol.Range{First: o.FirstStream() + r.First, Count: r.Count})
	}
	r := p.r
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for b := range o.FirstPage() { // what is left of the skeleton in the pool
		r.machine.BlockSupplied(now, b)
	}
	r.machine.SetLayout(now, pagedLayout{p.skeleton, o, c.Cut()}, have)
	for b, ok := stream.Next(0); ok; b, ok = stream.Next(b + 1) {
		r.bytes += uint64(p.countLocked(uint32(b)))
	}
}
