package send_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// testSymbol is small, so that large groups fit into memory; the machines do not care.
const testSymbol = 16

// lengths is a layout that is known from the start.
type lengths []int

func (l lengths) Length(b protocol.BlockNumber) (int, bool) {
	if int(b) >= len(l) {
		return 0, false
	}
	return l[b], true
}

// even is n blocks of k symbols.
func even(n, k int) lengths {
	l := make(lengths, n)
	for i := range l {
		l[i] = k * testSymbol
	}
	return l
}

// symbol is the content of a symbol: what it says of itself.
func symbol(b protocol.BlockNumber, i protocol.SymbolIndex) []byte {
	out := make([]byte, testSymbol)
	binary.BigEndian.PutUint32(out, uint32(b))
	out[4] = byte(i)
	return out
}

// world is a sender and its receivers, joined by a network in virtual time.
type world struct {
	t       testing.TB
	clock   *netsim.Clock
	rnd     *rand.Rand
	layout  lengths
	s       *send.Sender
	peers   []*peer
	tick    uint64 // of the sender's newest timer
	over    bool
	overAt  time.Time
	start   time.Time
	events  []send.Event
	trace   uint64 // hash of everything sent
	nacked  uint64 // feedback packets with asks
	fed     uint64 // feedback packets
	source  uint64 // data packets sent
	inTurn  int    // most blocks of which a train had source symbols
	passEnd time.Time
	hold    func() time.Duration // a train waits so long in a queue of its own, and SYNCs do not; nil: none does
	pad     int                  // bytes that a data packet has on links beyond its symbol
	lie     func(p *peer, f *wire.Feedback)
	code    *fec.Code
	content [][]byte      // nil: symbols are only counted
	cpu     *cpu          // nil: everybody has one of their own, which takes no time
	cost    time.Duration // of a packet or a timer on it
}

type peer struct {
	w        *world
	dev      send.Device
	r        *recv.Receiver
	down, up *netsim.Link
	have     *protocol.BlockSet // on its disk
	alive    bool
	joined   bool
	tick     uint64
	doneAt   time.Time
	behind   send.Cause
	reason   string
	most     int // blocks in the pool
	caught   int // blocks asked for over HTTPS
	store    time.Duration
	silent   int
	all      bool // it says that it lacks everything
	counts   bool // what overflows on its way down is dropped by its own socket, which it tells
	task     task // on the processor that all share
}

func newWorld(t testing.TB, seed uint64, layout lengths, cfg send.Config) *world {
	w := &world{
		t: t, clock: netsim.NewClock(), rnd: rand.New(rand.NewPCG(seed, 1)), layout: layout, pad: 77 + 1408 - testSymbol,
	}
	cfg.Blocks, cfg.SymbolSize = len(layout), testSymbol
	cfg.Length = func(b protocol.BlockNumber) int { return layout[b] }
	if cfg.FrameBytes == 0 {
		cfg.FrameBytes = testSymbol + w.pad
	}
	w.start = w.clock.Now()
	w.s = send.New(cfg, w.start, rand.New(rand.NewPCG(seed, 2)))
	return w
}

// add makes a peer; join attaches it.
func (w *world) add(down, up netsim.Config) *peer {
	p := &peer{
		w: w, dev: send.Device(len(w.peers)), have: protocol.NewBlockSet(len(w.layout)), store: 200 * time.Microsecond,
	}
	p.down = netsim.NewLink(w.clock, down, rand.New(rand.NewPCG(w.rnd.Uint64(), 3)))
	p.up = netsim.NewLink(w.clock, up, rand.New(rand.NewPCG(w.rnd.Uint64(), 4)))
	w.peers = append(w.peers, p)
	return p
}

// join attaches a peer with what is on its disk: at the start, late, or after a crash.
func (p *peer) join() {
	now := p.w.clock.Now()
	p.w.s.Attach(now, p.dev, p.have.Missing(4096), p.all)
	p.r = recv.New(recv.Config{
		Layout: p.w.layout, Blocks: len(p.w.layout), Have: p.have, SymbolSize: testSymbol,
		MaxK: p.w.maxK(), PoolBytes: poolSymbols * testSymbol, First: p.w.s.Preview(now),
	}, now, rand.New(rand.NewPCG(p.w.rnd.Uint64(), 5)))
	p.alive, p.joined, p.behind = true, true, ""
	p.pump()
	p.w.pump()
}

// poolSymbols is what a receiver's pool holds: as many symbols as in the product.
const poolSymbols = protocol.ReceiverPoolBytes / protocol.DefaultSymbol

func (w *world) maxK() int {
	k := 1
	for _, n := range w.layout {
		k = max(k, protocol.SourceSymbols(n, testSymbol))
	}
	return k
}

// crash forgets everything that is not on the disk.
func (p *peer) crash() { p.alive = false }

func (w *world) pump() {
	now := w.clock.Now()
	var refs [44]send.SymbolRef
	for busy := true; busy; {
		busy = false
		for e, ok := w.s.NextEvent(); ok; e, ok = w.s.NextEvent() {
			w.event(e)
		}
		if m, n, ok := w.s.NextSync(now); ok {
			busy = true
			w.sendSync(m, n)
		}
		if t, ok := w.s.NextTrain(now, refs[:0]); ok {
			busy = true
			w.sendTrain(t)
		}
	}
	if w.passEnd.IsZero() && w.s.Status().PassDone && w.source > 0 {
		w.passEnd = now
	}
	w.arm()
}

func (w *world) arm() {
	w.tick++
	tick := w.tick
	if t, ok := w.s.NextTimeout(); ok {
		w.clock.At(t, func() {
			if tick == w.tick {
				w.s.HandleTimeout(w.clock.Now())
				w.pump()
			}
		})
	}
}

func (w *world) event(e send.Event) {
	w.events = append(w.events, e)
	switch e.Kind {
	case send.DeviceBehind:
		w.peers[e.Device].behind, w.peers[e.Device].reason = e.Cause, e.Reason
		if os.Getenv("GROUPCAST_TRACE") != "" {
			w.t.Logf("%v %+v %+v", w.clock.Now().Sub(w.start), e, w.s.Status())
		}
	case send.DeviceBack:
		w.peers[e.Device].behind = ""
	case send.Over:
		w.over, w.overAt = true, w.clock.Now()
	case send.DeviceDone:
	}
}

func (w *world) note(format string, args ...any) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%x ", w.trace)
	fmt.Fprintf(h, format, args...)
	w.trace = h.Sum64()
}

func (w *world) sendSync(m wire.Sync, n protocol.PacketNumber) {
	m.Repairs = append([]wire.Repair(nil), m.Repairs...)
	w.note("sync %d %v", n, m)
	for _, p := range w.peers {
		if p.joined {
			p.down.Send(150, func() {
				w.on(&p.task, 150, func() {
					if p.alive {
						p.r.HandleSync(w.clock.Now(), m)
						p.pump()
					}
				})
			})
		}
	}
}

// symbol gives the bytes of a symbol: of the content, if there is any.
func (w *world) symbol(ref send.SymbolRef) []byte {
	if w.content == nil {
		return symbol(ref.Block, ref.Index)
	}
	block, out := w.content[ref.Block], make([]byte, testSymbol)
	k := protocol.SourceSymbols(len(block), testSymbol)
	if int(ref.Index) < k {
		copy(out, block[int(ref.Index)*testSymbol:])
	} else if err := w.code.Parity(block, k, testSymbol, ref.Index, out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) sendTrain(t send.Train) {
	w.inTurn = max(w.inTurn, w.blocksOf(t))
	if w.hold != nil {
		t.Refs = append([]send.SymbolRef(nil), t.Refs...)
		w.clock.After(w.hold(), func() { w.carry(t) })
		return
	}
	w.carry(t)
}

func (w *world) carry(t send.Train) {
	for i, ref := range t.Refs {
		w.source++
		n := t.First + protocol.PacketNumber(i)
		w.note("%d %d", ref.Block, ref.Index)
		d := wire.Data{Block: ref.Block, Length: w.layout[ref.Block], Index: ref.Index, Symbol: w.symbol(ref)}
		for _, p := range w.peers {
			if p.joined {
				p.down.Send(testSymbol+w.pad, func() {
					w.on(&p.task, testSymbol+w.pad, func() { p.hear(n, d) })
				})
			}
		}
	}
}

func (p *peer) hear(n protocol.PacketNumber, d wire.Data) {
	now := p.w.clock.Now()
	if p.alive && p.counts {
		p.r.Overrun(now, uint32(int(p.down.Faults.Overflowed)+p.task.dropped))
	}
	if p.alive && p.r.Accepts(n) {
		p.r.HandleData(now, n, d)
		p.pump()
	}
}

func (w *world) blocksOf(t send.Train) int {
	blocks := map[protocol.BlockNumber]bool{}
	for _, ref := range t.Refs {
		if int(ref.Index)*testSymbol < w.layout[ref.Block] {
			blocks[ref.Block] = true
		}
	}
	return len(blocks)
}

func (p *peer) pump() {
	if !p.alive {
		return
	}
	now := p.w.clock.Now()
	for e, ok := p.r.NextEvent(); ok; e, ok = p.r.NextEvent() {
		p.event(e)
	}
	for f, ok := p.r.NextFeedback(now); ok; f, ok = p.r.NextFeedback(now) {
		p.feed(f)
	}
	p.most = max(p.most, p.r.Status().Partial)
	p.tick++
	tick := p.tick
	if t, ok := p.r.NextTimeout(); ok {
		p.w.clock.At(t, func() {
			if tick == p.tick && p.alive {
				p.w.on(&p.task, 0, func() {
					p.r.HandleTimeout(p.w.clock.Now())
					p.pump()
				})
			}
		})
	}
}

func (p *peer) event(e recv.Event) {
	switch e.Kind {
	case recv.BlockReady:
		if p.w.content != nil {
			p.decode(e)
		} else {
			p.check(e)
		}
		r := p.r
		p.w.clock.After(p.store, func() {
			p.have.Add(e.Block)
			if p.alive && p.r == r {
				r.BlockStored(p.w.clock.Now(), e.Block, recv.Stored)
				p.pump()
			}
		})
	case recv.Done:
		p.doneAt = p.w.clock.Now()
	case recv.CatchUp:
		for _, r := range e.Ranges {
			p.caught += int(r.Count)
		}
	case recv.Silent:
		p.silent++
	case recv.Unheard, recv.Ended:
	}
}

// decode rebuilds the block through the real code and compares it.
func (p *peer) decode(e recv.Event) {
	k := protocol.SourceSymbols(e.Length, testSymbol)
	block := e.Memory
	if err := p.w.code.Reconstruct(e.Symbols, k, testSymbol, block); err != nil {
		p.w.t.Errorf("device %d, block %d: %v", p.dev, e.Block, err)
	}
	if !bytes.Equal(block[:e.Length], p.w.content[e.Block]) {
		p.w.t.Errorf("device %d, block %d: wrong bytes", p.dev, e.Block)
	}
}

// check: k different symbols of the block, with their own bytes.
func (p *peer) check(e recv.Event) {
	k := protocol.SourceSymbols(e.Length, testSymbol)
	seen := map[protocol.SymbolIndex]bool{}
	for _, s := range e.Symbols {
		if seen[s.Index] || string(s.Data) != string(symbol(e.Block, s.Index)) {
			p.w.t.Errorf("device %d, block %d: symbol %d twice or with wrong bytes", p.dev, e.Block, s.Index)
		}
		seen[s.Index] = true
	}
	if len(seen) != k {
		p.w.t.Errorf("device %d, block %d: ready with %d of %d symbols", p.dev, e.Block, len(seen), k)
	}
}

func (p *peer) feed(f wire.Feedback) {
	w := p.w
	f.NACKs = append([]wire.NACK(nil), f.NACKs...)
	f.Ranges = append([]protocol.Range(nil), f.Ranges...)
	f.Bitmaps = append([]wire.Bitmap(nil), f.Bitmaps...)
	if w.lie != nil {
		w.lie(p, &f)
	}
	w.note("feedback %d %v", p.dev, f)
	w.fed++
	if len(f.NACKs)+len(f.Ranges) > 0 {
		w.nacked++
	}
	p.up.Send(200, func() {
		w.s.HandleFeedback(w.clock.Now(), p.dev, f)
		w.pump()
	})
}

// run goes on until the session is over or the limit is reached.
func (w *world) run(limit time.Duration) {
	end := w.start.Add(limit)
	for !w.over && w.clock.Step(end) {
	}
}

// overhead is what was sent for every source symbol.
func (w *world) overhead() float64 {
	n := 0
	for _, l := range w.layout {
		n += protocol.SourceSymbols(l, testSymbol)
	}
	return float64(w.source) / float64(n)
}

// mustFinish: the session ended and every device that is alive has everything, or was told
// to fetch the rest over HTTPS.
func (w *world) mustFinish(behindAllowed bool) {
	w.t.Helper()
	if !w.over {
		w.t.Fatalf("not over after %v: %+v\n%s", w.clock.Now().Sub(w.start), w.s.Status(), w.describe())
	}
	for _, p := range w.peers {
		if !p.alive || behindAllowed && p.behind != "" {
			continue
		}
		if p.have.Count() != len(w.layout) {
			w.t.Errorf("device %d stored %d of %d blocks, behind %q", p.dev, p.have.Count(), len(w.layout), p.behind)
		}
	}
}

func (w *world) describe() string {
	out := ""
	for _, d := range w.s.Devices() {
		out += fmt.Sprintf("%+v\n", d)
		if len(out) > 4000 {
			break
		}
	}
	for _, p := range w.peers {
		if p.r != nil && p.have.Count() < len(w.layout) && len(out) < 8000 {
			out += fmt.Sprintf("device %d: %+v\n", p.dev, p.r.Status())
		}
	}
	return out
}

// long skips a long simulation under the race detector: it has one goroutine.
func long(t *testing.T) {
	if underRace {
		t.Skip("one goroutine: the race detector only slows it down")
	}
}

// part cuts everybody off, or joins them again.
func (w *world) part(cut bool) {
	for _, p := range w.peers {
		p.down.Part(cut)
		p.up.Part(cut)
	}
}
