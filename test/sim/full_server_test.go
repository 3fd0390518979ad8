package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// fullServer reads, hashes and signs a transfer of format 2 while its session runs, in mode full. What is durable
// outlives a crash; the rest is of one process.
type fullServer struct {
	w       *fullWorld
	edition protocol.Edition
	durable [][]byte // pages of the edition, in order
	life    int      // process
	up      bool
	session *fullSession
}

// fullSession is one process's: a writer of pages, and the machine that sends.
type fullSession struct {
	s       *fullServer
	life    int
	writer  *pages.Writer
	machine *send.Sender
	tick    uint64
	cached  []uint32 // blocks of the stream in memory, oldest first
	reading bool     // hashing goes on
	loading map[protocol.BlockNumber]bool
	lengths []int              // of the pages
	covered *protocol.BlockSet // blocks of the stream whose page is durable
	final   bool
	over    bool
	marked  *markedSession // nil: it has no MACs
}

// cacheBlocks is how many blocks stay in memory once they are hashed: others are read again.
const cacheBlocks = 48

func (w *fullWorld) terms(e protocol.Edition) format2.PageTerms {
	return format2.PageTerms{
		Server: protocol.ServerID{1}, Group: protocol.GroupID{2}, Transfer: 3, TransferID: protocol.TransferID{4},
		Skeleton: protocol.Digest{5}, Edition: e,
	}
}

// start opens a session: the first, or one after a crash. A source that changed meanwhile means a new edition.
func (s *fullServer) start() {
	w := s.w
	s.up = true
	x := &fullSession{
		s: s, life: s.life, loading: map[protocol.BlockNumber]bool{},
		writer: pages.NewWriter(w.terms(s.edition), w.most, len(w.files), w.key, w.cut),
	}
	s.session, x.covered = x, protocol.NewBlockSet(w.cut.Blocks())
	if w.plan.macs {
		x.mark()
	}
	c, err := x.writer.Resume(s.durable)
	if err != nil {
		w.fail("the server's own pages: %v", err)
		return
	}
	x.final = c.Final
	x.cover(c)
	for _, raw := range s.durable {
		x.lengths = append(x.lengths, len(raw))
	}
	x.machine = send.New(send.Config{
		Blocks: w.blocks(), Length: x.length, SymbolSize: fullSymbol, Head: w.head(), Pages: int(w.most), Sourced: true,
		Rate: rate.Config{Fixed: w.plan.rate}, Started: w.clock.Now(),
	}, w.clock.Now(), rand.New(rand.NewPCG(w.rnd.Uint64(), 2)))
	x.machine.Available(w.clock.Now(), protocol.Range{First: 0, Count: uint32(w.head())})
	x.machine.Resumed(len(s.durable), c.Final)
	for _, r := range c.Held {
		x.machine.Drop(w.clock.Now(), w.inSession(r))
	}
	for _, d := range w.devices {
		if !d.done {
			w.clock.After(within(w.rnd, 200*time.Millisecond), d.attach)
		}
	}
	for e, content := range w.files {
		if len(content) == 0 && !x.writer.Book().Finished(uint32(e)) {
			x.tell(func() error { return x.writer.Finish(uint32(e), format2.ContentDigest(nil)) })
		}
	}
	x.hash()
}

func (x *fullSession) length(b protocol.BlockNumber) int {
	w := x.s.w
	switch {
	case b == 0:
		return fullSymbol
	case int(b) < w.head():
		if n := int(b) - 1; n < len(x.lengths) {
			return x.lengths[n]
		}
		return fullSymbol
	}
	_, n := w.cut.Block(uint32(int(b) - w.head()))
	return n
}

func (s *fullServer) crash() {
	if s.up {
		s.w.count("the server crashes")
		s.up, s.session = false, nil
		s.life++
		s.w.clock.After(within(s.w.rnd, 2*time.Second), s.comeBack)
	}
}

// comeBack starts anew after a crash. A source that changed meanwhile means a new edition.
func (s *fullServer) comeBack() {
	if s.w.plan.reedition && s.edition == 1 && len(s.durable) > 0 {
		s.edition, s.durable = 2, nil
		s.w.count("a new edition")
	}
	s.start()
}

func (x *fullSession) alive() bool { return x.s.life == x.life && x.s.up && !x.over }

// hash reads and hashes the next block, as fast as the source is.
func (x *fullSession) hash() {
	w := x.s.w
	x.sign(false)
	b, ok := x.writer.Next()
	if !ok {
		x.sign(true)
		if b, ok = x.writer.Next(); !ok {
			x.reading = false
			return
		}
	}
	x.reading = true
	w.clock.After(w.plan.cost+w.stall(b), func() {
		if x.alive() {
			x.hashed(b)
			x.hash()
			x.pump()
		}
	})
}

// hashed takes a block that was read, or learns that its file changed.
func (x *fullSession) hashed(b uint32) {
	w := x.s.w
	for _, e := range w.cut.Extents(nil, b) {
		if at, changes := w.plan.changes[e.Entry]; changes && at <= b && !w.cut.Shared(b) {
			w.count("a file changes")
			x.tell(func() error { return x.writer.Void(e.Entry, format2.VoidChanged) })
			return
		}
	}
	if err := x.writer.Hashed(b, format2.LeafDigest(w.block(b))); err != nil {
		w.fail("block %d: %v", b, err)
		return
	}
	x.cache(b)
	if w.sabotage == SendBeforePage {
		x.machine.Available(w.clock.Now(), protocol.Range{First: w.streamBlock(b), Count: 1})
	}
	for _, e := range w.cut.Extents(nil, b) {
		if _, end, _ := w.cut.File(e.Entry); end != b+1 || x.writer.Book().Finished(e.Entry) {
			continue
		}
		if _, changes := w.plan.changes[e.Entry]; changes { // a small one: it is seen at its end
			w.count("a file changes")
			x.tell(func() error { return x.writer.Void(e.Entry, format2.VoidChanged) })
		} else {
			x.tell(func() error { return x.writer.Finish(e.Entry, protocol.Digest{byte(e.Entry)}) })
		}
	}
}

// tell says something of a file, unless an earlier process did.
func (x *fullSession) tell(say func() error) {
	if x.writer.Full() {
		x.sign(true)
	}
	if err := say(); err != nil {
		x.s.w.fail("a file: %v", err)
	}
}

func (x *fullSession) cache(b uint32) {
	x.cached = append(x.cached, b)
	if len(x.cached) > cacheBlocks {
		x.machine.Unavailable(x.s.w.streamBlock(x.cached[0]))
		x.cached = x.cached[1:]
	}
}

// sign signs the pages that are due. They leave once they are durable.
func (x *fullSession) sign(hurry bool) {
	w := x.s.w
	for {
		raw, c, ok, err := x.writer.Sign(hurry)
		if err != nil {
			w.fail("%v", err)
		}
		if !ok || err != nil {
			return
		}
		w.count("pages signed")
		w.clock.After(time.Millisecond, func() {
			if x.alive() {
				x.publish(raw, c)
				x.pump()
			}
		})
	}
}

// publish lets a page that is durable be sent, and its blocks.
func (x *fullSession) publish(raw []byte, c pages.Change) {
	w, now := x.s.w, x.s.w.clock.Now()
	x.s.durable = append(x.s.durable, raw)
	x.lengths = append(x.lengths, len(raw))
	x.final = c.Final
	x.cover(c)
	x.machine.Announce(now, c.Final)
	for _, r := range c.Held {
		x.machine.Drop(now, w.inSession(r))
	}
	for _, b := range x.cached {
		if x.covered.Has(protocol.BlockNumber(b)) {
			x.machine.Available(now, protocol.Range{First: w.streamBlock(b), Count: 1})
		}
	}
}

func (x *fullSession) cover(c pages.Change) {
	for _, r := range append(c.Ready, c.Held...) {
		x.covered.AddRange(r)
	}
}

// load reads blocks again that are to be sent and are not in memory any more.
func (x *fullSession) load() {
	w := x.s.w
	for _, b := range x.machine.Soon(make([]protocol.BlockNumber, 0, 28)) {
		n := uint32(int(b) - w.head())
		if int(b) < w.head() || !x.covered.Has(protocol.BlockNumber(n)) || x.loading[b] || slices.Contains(x.cached, n) {
			continue
		}
		x.loading[b] = true
		w.count("blocks read again")
		w.clock.After(3*time.Millisecond, func() {
			if x.alive() {
				delete(x.loading, b)
				x.cache(n)
				x.machine.Available(w.clock.Now(), protocol.Range{First: b, Count: 1})
				x.pump()
			}
		})
	}
}

func (x *fullSession) attach(d *fullDevice, lacks []protocol.Range, all bool) format2.Sync {
	x.machine.Attach(x.s.w.clock.Now(), send.Device(d.index), lacks, all)
	return x.sync(x.machine.Preview(x.s.w.clock.Now()))
}

func (x *fullSession) pump() {
	w := x.s.w
	if !x.alive() {
		return
	}
	now := w.clock.Now()
	var refs [32]send.SymbolRef
	for busy := true; busy && x.alive() && w.err == nil; {
		busy = false
		for e, ok := x.machine.NextEvent(); ok; e, ok = x.machine.NextEvent() {
			x.event(e)
		}
		if m, n, ok := x.machine.NextSync(now); ok && x.alive() {
			busy = true
			x.sendSync(m, n)
		}
		if t, ok := x.machine.NextTrain(now, refs[:0]); ok && x.alive() {
			busy = true
			x.sendTrain(t)
		}
	}
	if x.alive() {
		if x.machine.Starved() {
			w.count("starved")
			x.sign(true)
		}
		x.load()
		x.arm()
	}
}

func (x *fullSession) arm() {
	x.tick++
	tick := x.tick
	if t, ok := x.machine.NextTimeout(); ok {
		x.s.w.clock.At(t, func() {
			if tick == x.tick && x.alive() {
				x.machine.HandleTimeout(x.s.w.clock.Now())
				x.pump()
			}
		})
	}
}

func (x *fullSession) event(e send.Event) {
	switch e.Kind {
	case send.DeviceBehind:
		x.s.w.fail("device %d is left behind: %s (%s)", e.Device, e.Cause, e.Reason)
	case send.Over:
		x.over = true
	case send.DeviceDone, send.DeviceBack:
	}
}

// sync is what goes out: that of the machine, with what it says of the pages.
func (x *fullSession) sync(m wire.Sync) format2.Sync {
	announced, sent := x.machine.PagesSent()
	s := format2.Sync{Sync: m, Flags: format2.SyncFlags(m.Flags), Pages: uint32(announced), PageFront: uint32(sent)}
	s.Lengths = x.lengths[max(0, announced-format2.MaxSyncLengths):announced]
	if x.machine.Starved() {
		s.Flags |= format2.SyncStarved
	}
	if x.final {
		s.Flags |= format2.SyncFinal
	}
	if x.marked != nil {
		x.marked.say(&s)
	}
	return s
}

func (x *fullSession) sendSync(m wire.Sync, n protocol.PacketNumber) {
	if w := x.s.w; w.sabotage == MuteWhenStarved && x.machine.Starved() {
		return
	}
	s := x.sync(m)
	raw := format2.AppendSync(nil, s, format2.MaxSync(protocol.DefaultSymbol))
	if x.marked != nil {
		x.marked.heard = s
	}
	for _, d := range x.s.w.devices {
		d.down.Send(len(raw)+150, func() { d.hearSync(x, raw) })
	}
}

func (x *fullSession) sendTrain(t send.Train) {
	w := x.s.w
	w.symbols += len(t.Refs)
	for i, ref := range t.Refs {
		block := x.bytes(ref.Block)
		if block == nil {
			w.fail("block %d is sent and cannot be read", ref.Block)
			return
		}
		symbol := symbolOf(w.code, block, ref.Index)
		d := wire.Data{Block: ref.Block, Length: len(block), Index: ref.Index, Symbol: symbol}
		x.broadcast(t.First+protocol.PacketNumber(i), d)
	}
}

func (x *fullSession) broadcast(n protocol.PacketNumber, data wire.Data) {
	w := x.s.w
	var p marked
	if x.marked != nil {
		p = x.genuine(n, data)
	}
	for _, d := range w.devices {
		if w.isPage(data.Block) && chance(w.rnd, w.plan.pageLoss) {
			w.count("symbols of pages lost")
			continue
		}
		if x.marked != nil {
			d.down.Send(len(data.Symbol)+100, func() { d.hearMarked(x, p) })
			continue
		}
		d.down.Send(len(data.Symbol)+100, func() { d.hearData(x, n, data) })
	}
}

// bytes is what a block of the session holds; nil: it cannot be read now.
func (x *fullSession) bytes(b protocol.BlockNumber) []byte {
	w := x.s.w
	switch {
	case b == 0:
		return make([]byte, fullSymbol)
	case w.isPage(b):
		return x.s.durable[int(b)-1]
	}
	n := uint32(int(b) - w.head())
	if !x.covered.Has(protocol.BlockNumber(n)) {
		return nil // its page is not durable
	}
	return w.block(n)
}

func symbolOf(code *fec.Code, block []byte, i protocol.SymbolIndex) []byte {
	k, out := protocol.SourceSymbols(len(block), fullSymbol), make([]byte, fullSymbol)
	if int(i) < k {
		copy(out, block[int(i)*fullSymbol:])
	} else if err := code.Parity(block, k, fullSymbol, i, out); err != nil {
		panic(err)
	}
	return out
}

// forgedPage is a page that somebody with the session's key signs in the server's place.
func (w *fullWorld) forgedPage(raw []byte, key seal.SigningKey, change func(*format2.Page)) []byte {
	signed, _, _ := seal.SplitPage(raw)
	p, err := format2.ParsePage(signed)
	if err != nil {
		w.fail("the server's page: %v", err)
		return nil
	}
	change(&p)
	return seal.SignPage(key, p)
}
