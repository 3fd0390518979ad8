package sender

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// reader is a device that is made of the parts without sockets or files: it has the skeleton, and keeps pages and
// blocks in memory. All of it runs in one goroutine, but for what the lock guards.
type reader struct {
	t       *testing.T
	s       *signed
	offer   format2.Offer
	keys    *seal.Session
	syncKey seal.VerifyKey
	chain   *seal.ChainEnd
	sealer  *seal.FeedbackSealer
	up      net.Conn
	machine *recv.Receiver
	book    *pages.Book
	code    *fec.Code
	loss    float64
	rnd     *rand.Rand
	rigged  *rig

	mu      sync.Mutex
	blocks  map[uint32][]byte
	sent    map[wireSymbol]int // symbols that came, lost ones included
	syncs   []format2.Sync
	over    bool // the session ended
	done    bool
	fetched int // pages that it would fetch over HTTPS
}

// wireSymbol names a symbol.
type wireSymbol struct {
	block protocol.BlockNumber
	index protocol.SymbolIndex
}

// newReader attaches a device that lacks these blocks of the stream; nil: everything.
func newReader(t *testing.T, r *rig, s *signed, loss float64, lacks []protocol.Range) *reader {
	t.Helper()
	signed := r.sender.Offer()
	offer, err := seal.VerifyOffer2(s.key.Public(), signed.Bytes, signed.Signature)
	must(t, err)
	h, err := r.sender.Attach(protocol.NewDeviceID(), lacks, lacks == nil)
	must(t, err)
	d := &reader{
		t: t, s: s, offer: offer, loss: loss, rnd: rand.New(rand.NewPCG(7, uint64(100*loss))), code: fec.NewCode(), rigged: r,
		book:   pages.NewBook(s.pageTerms(), offer.Pages, int(offer.Entries), s.key.Public(), s.cut),
		blocks: make(map[uint32][]byte), sent: make(map[wireSymbol]int),
		chain: seal.NewChainEnd(offer.Session, 0, offer.Anchor),
	}
	secret, err := seal.ParseSecret(h.SessionSecret)
	must(t, err)
	d.keys, err = seal.NewSession2(secret, signed.Bytes)
	must(t, err)
	d.syncKey, err = seal.VerifyKeyFrom(offer.SyncKey[:])
	must(t, err)
	d.sealer = sealerOf(t, h)
	d.up, err = net.Dial("udp", r.address().String())
	must(t, err)
	t.Cleanup(func() { d.up.Close() })
	d.begin(h, lacks)
	return d
}

// Length makes a reader the layout of its session.
func (d *reader) Length(b protocol.BlockNumber) (int, bool) {
	if b < d.offer.FirstPage() {
		return len(d.s.head[b]), true
	}
	_, n := d.s.cut.Block(uint32(b - d.offer.FirstStream()))
	return n, n > 0
}

func (d *reader) begin(h groupcast.Handout, lacks []protocol.Range) {
	first, err := d.openSync(h.Sync)
	must(d.t, err)
	stream := int(d.offer.FirstStream())
	have := protocol.NewBlockSet(stream + d.s.cut.Blocks())
	have.AddRange(protocol.Range{First: 0, Count: uint32(d.offer.FirstPage())})
	if lacks != nil {
		have.AddRange(protocol.Range{First: protocol.BlockNumber(stream), Count: uint32(d.s.cut.Blocks())})
		for _, r := range lacks {
			for b := r.First; b < r.End(); b++ {
				have.Remove(protocol.BlockNumber(stream) + b)
			}
		}
	}
	d.machine = recv.New(recv.Config{
		Layout: d, Blocks: have.Len(), Head: stream, Pages: int(d.offer.Pages), Have: have,
		SymbolSize: int(d.offer.SymbolSize), First: first.Sync, Waiting: true,
	}, time.Now(), rand.New(rand.NewPCG(1, 2)))
	d.declare(first)
}

// openSync opens a SYNC as the document says: element before signature.
func (d *reader) openSync(packet []byte) (format2.Sync, error) {
	_, body, err := d.keys.Open(nil, packet)
	if err != nil {
		return format2.Sync{}, err
	}
	_, index, element, err := format2.ParseSyncHead(body)
	if err == nil {
		_, err = d.chain.Check(time.Now().Unix(), index, element)
	}
	if err != nil {
		return format2.Sync{}, err
	}
	s, err := d.keys.VerifySync2(d.syncKey, body)
	if err == nil {
		d.chain.Take(index, element)
	}
	return s, err
}

func (d *reader) declare(s format2.Sync) {
	if _, _, given := d.s.seen(); int(s.Pages) > given {
		d.t.Errorf("a SYNC says %d pages, %d may leave", s.Pages, given)
	}
	d.machine.Declare(time.Now(), recv.Pages{Count: int(s.Pages), Front: int(s.PageFront), Lengths: s.Lengths})
}

// run hears until the device has everything and the session is over, or ctx ends.
func (d *reader) run(ctx context.Context) {
	l, err := mcast.Listen(d.offer.GroupAddr)
	if err != nil {
		d.t.Error(err)
		return
	}
	ifi, err := mcast.InterfaceByName("127.0.0.1")
	if err == nil {
		err = l.Join(ifi, d.offer.GroupAddr.Addr(), d.offer.Source.Addr())
	}
	if err != nil {
		d.t.Error(err)
		return
	}
	packets := make(chan []byte, 4096)
	var hearing sync.WaitGroup
	hearing.Go(func() { hear(l, packets) })
	defer hearing.Wait()
	defer l.Close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil && !d.finished() {
		select {
		case <-ctx.Done():
		case p := <-packets:
			d.hear(p)
		case <-timer.C:
			d.machine.HandleTimeout(time.Now())
		}
		d.pump()
		if t, ok := d.machine.NextTimeout(); ok {
			timer.Reset(time.Until(t))
		}
	}
}

// hear gives packets as the network does: with no room for more, they are lost.
func hear(l *mcast.Listener, packets chan<- []byte) {
	batch := make([]mcast.Message, 16)
	for i := range batch {
		batch[i].Buffer = make([]byte, mcast.BufferBytes)
	}
	for {
		n, err := l.ReadBatch(batch)
		if err != nil {
			return
		}
		for _, m := range batch[:n] {
			for at := 0; at < m.N; at += m.Segment {
				select {
				case packets <- bytes.Clone(m.Buffer[at:min(at+m.Segment, m.N)]):
				default:
				}
			}
		}
	}
}

func (d *reader) finished() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

func (d *reader) hear(packet []byte) {
	h, err := format2.ParseHeader(packet)
	if err != nil || h.Tag != d.keys.Tag() {
		return
	}
	now := time.Now()
	if h.Kind == wire.KindSync {
		s, err := d.openSync(packet)
		if err != nil {
			d.t.Errorf("a SYNC: %v", err)
			return
		}
		d.mu.Lock()
		d.syncs = append(d.syncs, s)
		d.over = d.over || s.Flags&format2.SyncEnd != 0
		d.mu.Unlock()
		m := s.Sync
		m.Flags = wire.SyncFlags(s.Flags & (format2.SyncPassDone | format2.SyncEnd | format2.SyncSolicit))
		d.machine.HandleSync(now, m)
		d.declare(s)
		return
	}
	_, body, err := d.keys.Open(nil, packet)
	if err != nil {
		d.t.Errorf("a data packet: %v", err)
		return
	}
	data, _, err := format2.ParseData(body, false)
	if err != nil {
		d.t.Errorf("a data packet: %v", err)
		return
	}
	d.mu.Lock()
	d.sent[wireSymbol{data.Block, data.Index}]++
	d.mu.Unlock()
	if d.rnd.Float64() >= d.loss && d.machine.Accepts(h.Number) {
		d.machine.HandleData(now, h.Number, data)
	}
}

func (d *reader) pump() {
	now := time.Now()
	for e, ok := d.machine.NextEvent(); ok; e, ok = d.machine.NextEvent() {
		d.event(e)
	}
	for f, ok := d.machine.NextFeedback(now); ok; f, ok = d.machine.NextFeedback(now) {
		p := d.sealer.Seal2(nil, format2.Feedback{Pages: uint32(d.book.Verified()), Feedback: f})
		if _, err := d.up.Write(p); err != nil && !errors.Is(err, net.ErrClosed) {
			d.t.Error(err)
		}
	}
}

func (d *reader) event(e recv.Event) {
	switch e.Kind {
	case recv.BlockReady:
		d.machine.BlockStored(time.Now(), e.Block, d.ready(e))
	case recv.Done:
		d.mu.Lock()
		d.done = true
		d.mu.Unlock()
	case recv.CatchUp:
		d.mu.Lock()
		d.fetched += len(e.Ranges)
		d.mu.Unlock()
	case recv.Silent:
		d.t.Errorf("the device hears nothing: %s", e.Reason)
	default:
	}
}

func (d *reader) ready(e recv.Event) recv.Outcome {
	k := protocol.SourceSymbols(e.Length, int(d.offer.SymbolSize))
	if err := d.code.Reconstruct(e.Symbols, k, int(d.offer.SymbolSize), e.Memory); err != nil {
		d.t.Errorf("block %d: %v", e.Block, err)
		return recv.Failed
	}
	data := bytes.Clone(e.Memory[:e.Length])
	if e.Block < d.offer.FirstStream() {
		return d.page(data)
	}
	n := uint32(e.Block - d.offer.FirstStream())
	if !d.book.Verify(n, data) {
		d.t.Errorf("block %d of the stream is another one", n)
		return recv.Mismatch
	}
	d.mu.Lock()
	d.blocks[n] = data
	d.mu.Unlock()
	return recv.Stored
}

func (d *reader) page(raw []byte) recv.Outcome {
	c, err := d.book.Add(raw)
	if err != nil {
		d.t.Errorf("a page: %v", err)
		return recv.Failed
	}
	first, stream := d.offer.FirstPage(), d.offer.FirstStream()
	var ready, held []protocol.Range
	for _, r := range c.Ready {
		ready = append(ready, protocol.Range{First: stream + r.First, Count: r.Count})
	}
	for _, r := range c.Held {
		held = append(held, protocol.Range{First: stream + r.First, Count: r.Count})
	}
	if c.Final {
		n := uint32(d.book.Verified())
		held = append(held, protocol.Range{First: first + protocol.BlockNumber(n), Count: d.offer.Pages - n})
	}
	d.machine.Known(time.Now(), ready, held)
	return recv.Stored
}

// check compares what the device has with the source, but for blocks below first and those it may lack.
func (d *reader) check(who string, lacked []protocol.Range, void func(b uint32) bool) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.done || !d.book.Final() {
		d.t.Errorf("%s: done %v, %d pages, final %v", who, d.done, d.book.Verified(), d.book.Final())
	}
	for _, r := range lacked {
		for b := uint32(r.First); b < uint32(r.End()); b++ {
			if !void(b) && !bytes.Equal(d.blocks[b], d.s.block(b)) {
				d.t.Errorf("%s: block %d is another one, or not there", who, b)
			}
		}
	}
}

// heard gives the SYNCs so far.
func (d *reader) heard() []format2.Sync {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]format2.Sync(nil), d.syncs...)
}
