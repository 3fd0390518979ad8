package sim

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

// fullDevice is a receiver of format 2: a machine, a book of pages, and staging of which a crash leaves what a
// barrier has covered.
type fullDevice struct {
	w        *fullWorld
	index    int
	down, up *netsim.Link
	alive    bool
	life     int
	machine  *recv.Receiver
	session  *fullSession
	tick     uint64
	marked   *markedDevice // of a session with MACs

	edition   protocol.Edition
	book      *pages.Book
	pages     [][]byte          // appended to the staging
	blocks    map[uint32][]byte // written to it
	leaves    map[uint32]protocol.Digest
	safe      [2]int   // pages and blocks that the newest barrier covers …
	order     []uint32 // … of the blocks, in the order in which they were written
	committed map[uint32]bool
	done      bool
}

func newFullDevice(w *fullWorld, i int) *fullDevice {
	d := &fullDevice{w: w, index: i, committed: map[uint32]bool{}}
	d.clear(1)
	cfg := netsim.Config{Delay: 2 * time.Millisecond, Loss: w.plan.loss, Jitter: time.Millisecond}
	d.down = netsim.NewLink(w.clock, cfg, rand.New(rand.NewPCG(w.rnd.Uint64(), 3)))
	d.up = netsim.NewLink(w.clock, cfg, rand.New(rand.NewPCG(w.rnd.Uint64(), 4)))
	return d
}

// clear begins the staging of an edition. Blocks of an earlier one stay, by their leaves.
func (d *fullDevice) clear(e protocol.Edition) {
	w := d.w
	d.edition, d.pages, d.safe = e, nil, [2]int{}
	d.book = pages.NewBook(w.terms(e), w.most, len(w.files), w.key.Public(), w.cut)
	if d.blocks == nil {
		d.blocks, d.leaves = map[uint32][]byte{}, map[uint32]protocol.Digest{}
	}
}

func (d *fullDevice) restart() {
	d.alive = true
	d.attach()
}

// crash leaves of the staging what the newest barrier covers: pages are durable before the blocks that they
// vouch for.
func (d *fullDevice) crash() {
	if !d.alive || d.done {
		return
	}
	d.w.count("a device crashes")
	d.alive, d.machine, d.session = false, nil, nil
	d.life++
	kept, order := d.pages[:d.safe[0]], d.order[:d.safe[1]]
	d.clear(d.edition)
	for _, n := range d.order[len(order):] {
		delete(d.blocks, n)
	}
	d.order = order
	for _, raw := range kept {
		if _, err := d.book.Add(raw); err != nil {
			d.w.fail("device %d, its own pages: %v", d.index, err)
		}
		d.pages = append(d.pages, raw)
	}
	d.safe = [2]int{len(kept), len(order)}
	for _, n := range order { // a journaled block without its page is lost
		if leaf, known := d.book.Digest(n); !known || leaf != d.leaves[n] {
			d.w.fail("device %d: a barrier covered block %d and not its page", d.index, n)
		}
	}
	d.w.clock.After(within(d.w.rnd, time.Second), d.restart)
}

// barrier makes durable what is there: the pages first.
func (d *fullDevice) barrier() {
	if d.alive {
		d.safe = [2]int{len(d.pages), len(d.order)}
		if d.w.sabotage == BarrierBeforePages {
			d.safe[0] = max(0, len(d.pages)-1)
		}
	}
	if !d.done {
		d.w.clock.After(100*time.Millisecond, d.barrier)
	}
}

func (d *fullDevice) attach() {
	w, x := d.w, d.w.server.session
	switch {
	case !d.alive || d.done || !w.server.up || x == d.session && x.alive():
		return
	case x.over: // another session begins for who came late
		w.server.life++
		w.server.start()
		return
	}
	d.session = x
	if x.s.edition != d.edition {
		d.clear(x.s.edition)
		d.order = nil
	}
	have := protocol.NewBlockSet(w.blocks())
	have.Add(0)
	for i := range d.pages {
		have.Add(protocol.BlockNumber(1 + i))
	}
	for _, n := range d.order {
		have.Add(w.streamBlock(n))
	}
	first := x.attach(d, have.Missing(4096), len(d.order) == 0)
	d.machine = recv.New(recv.Config{
		Layout: fullLayout{w}, Blocks: w.blocks(), Head: w.head(), Pages: int(w.most), Have: have, SymbolSize: fullSymbol,
		MaxK: fullMaxK, PoolBytes: fullPool * fullSymbol * fullMaxK, First: first.Sync, Held: w.plan.macs,
	}, w.clock.Now(), rand.New(rand.NewPCG(w.rnd.Uint64(), 5)))
	if x.marked != nil {
		d.beginMarked(x, first)
	}
	d.learnAgain()
	d.declare(first)
	d.pump()
	x.pump()
}

// learnAgain tells a new machine what the pages say that are here already.
func (d *fullDevice) learnAgain() {
	b := pages.NewBook(d.w.terms(d.edition), d.w.most, len(d.w.files), d.w.key.Public(), d.w.cut)
	for _, raw := range d.pages {
		c, err := b.Add(raw)
		if err != nil {
			d.w.fail("device %d, its own pages: %v", d.index, err)
			return
		}
		d.tell(c)
	}
}

// tell passes what pages bring on to the machine.
func (d *fullDevice) tell(c pages.Change) {
	var ready, held []protocol.Range
	for _, r := range c.Ready {
		ready = append(ready, d.w.inSession(r))
	}
	for _, r := range c.Held {
		held = append(held, d.w.inSession(r))
	}
	if c.Final { // what no page covers is void, and there are no more pages
		n := uint32(len(d.pages))
		held = append(held, protocol.Range{First: protocol.BlockNumber(1 + n), Count: d.w.most - n})
		for n := range uint32(d.w.cut.Blocks()) {
			if _, known := d.book.Digest(n); !known {
				held = append(held, protocol.Range{First: d.w.streamBlock(n), Count: 1})
			}
		}
	}
	d.machine.Known(d.w.clock.Now(), ready, held)
	for _, r := range c.Ready { // blocks of an earlier edition
		for b := r.First; b < r.End(); b++ {
			leaf, _ := d.book.Digest(uint32(b))
			if slices.Contains(d.order, uint32(b)) {
				continue
			}
			if old, ok := d.leaves[uint32(b)]; ok && old == leaf && d.blocks[uint32(b)] != nil {
				d.keep(uint32(b), d.blocks[uint32(b)])
				d.machine.BlockSupplied(d.w.clock.Now(), d.w.streamBlock(uint32(b)))
			}
		}
	}
}

func (d *fullDevice) declare(s format2.Sync) {
	d.machine.Declare(d.w.clock.Now(), recv.Pages{Count: int(s.Pages), Front: int(s.PageFront), Lengths: s.Lengths})
}

func (d *fullDevice) hearSync(x *fullSession, raw []byte) {
	if d.session != x {
		return
	}
	s, err := format2.ParseSync(raw)
	if err != nil {
		d.w.fail("a SYNC: %v", err)
		return
	}
	if x.marked != nil {
		d.hearMarkedSync(x, s, true)
		return
	}
	d.takeSync(s)
	d.pump()
}

func (d *fullDevice) hearData(x *fullSession, n protocol.PacketNumber, data wire.Data) {
	if d.session == x && d.machine.Accepts(n) {
		d.machine.HandleData(d.w.clock.Now(), n, data)
		if most := d.machine.Unverified(); 2*most > fullPool {
			d.w.fail("device %d keeps %d blocks that it cannot verify", d.index, most)
		}
		d.pump()
	}
}

func (d *fullDevice) pump() {
	now := d.w.clock.Now()
	for e, ok := d.machine.NextEvent(); ok && d.alive; e, ok = d.machine.NextEvent() {
		d.event(e)
	}
	for f, ok := d.machine.NextFeedback(now); ok; f, ok = d.machine.NextFeedback(now) {
		d.feed(f)
	}
	d.tick++
	tick, life := d.tick, d.life
	if t, ok := d.machine.NextTimeout(); ok {
		d.w.clock.At(t, func() {
			if tick == d.tick && d.life == life && d.alive {
				d.machine.HandleTimeout(d.w.clock.Now())
				d.pump()
			}
		})
	}
}

func (d *fullDevice) feed(f wire.Feedback) {
	body := format2.AppendFeedback(nil, format2.Feedback{Pages: uint32(d.book.Verified()), Feedback: f})
	x := d.session
	d.up.Send(len(body)+80, func() {
		f, err := format2.ParseFeedback(body)
		if err != nil {
			d.w.fail("feedback: %v", err)
			return
		}
		if x.alive() {
			x.machine.HandleFeedback(d.w.clock.Now(), sendDevice(d.index), f.Feedback)
			x.pump()
		}
	})
}

func (d *fullDevice) event(e recv.Event) {
	w := d.w
	switch e.Kind {
	case recv.BlockReady:
		d.ready(e)
	case recv.CatchUp:
		for _, r := range e.Ranges {
			if !w.isPage(r.First) {
				w.fail("device %d fetches blocks over HTTPS: %s", d.index, e.Reason)
				return
			}
			d.fetch(r.End() - 1)
		}
	case recv.Silent:
		if d.session.alive() {
			w.fail("device %d: %s", d.index, e.Reason)
		}
	case recv.Done:
		d.finish()
	case recv.Ended:
		w.clock.After(100*time.Millisecond, d.attach)
	case recv.Unheard:
	}
}

// fetch gets a page over HTTPS, and those before it.
func (d *fullDevice) fetch(b protocol.BlockNumber) {
	w, life := d.w, d.life
	w.count("pages over HTTPS")
	w.clock.After(20*time.Millisecond, func() {
		if d.life != life || !d.alive || w.server.edition != d.edition {
			return
		}
		for n := int(d.book.Verified()); n < len(w.server.durable) && n <= int(b)-1; n++ {
			d.page(w.server.durable[n])
			d.machine.BlockSupplied(w.clock.Now(), protocol.BlockNumber(n+1))
		}
		d.pump()
	})
}

// ready decodes, verifies and writes a block.
func (d *fullDevice) ready(e recv.Event) {
	k := protocol.SourceSymbols(e.Length, fullSymbol)
	if e.Suspect && d.w.plan.macs {
		d.w.fail("device %d was handed a forged packet of block %d", d.index, e.Block)
	}
	if e.Suspect {
		d.machine.BlockStored(d.w.clock.Now(), e.Block, recv.Mismatch)
		return
	}
	if err := d.w.code.Reconstruct(e.Symbols, k, fullSymbol, e.Memory); err != nil {
		d.w.fail("block %d: %v", e.Block, err)
		return
	}
	data, life := bytes.Clone(e.Memory[:e.Length]), d.life
	d.w.clock.After(300*time.Microsecond, func() {
		if d.life != life || !d.alive {
			return
		}
		d.machine.BlockStored(d.w.clock.Now(), e.Block, d.store(e.Block, data))
		d.pump()
	})
}

func (d *fullDevice) store(b protocol.BlockNumber, data []byte) recv.Outcome {
	if d.w.isPage(b) {
		return d.page(data)
	}
	n := uint32(int(b) - d.w.head())
	if !d.book.Verify(n, data) {
		return recv.Mismatch
	}
	d.keep(n, data)
	return recv.Stored
}

func (d *fullDevice) keep(n uint32, data []byte) {
	d.blocks[n] = data
	d.leaves[n], _ = d.book.Digest(n)
	d.order = append(d.order, n)
	d.commit()
}

// page takes a page, and what it brings.
func (d *fullDevice) page(raw []byte) recv.Outcome {
	w := d.w
	c, err := d.book.Add(raw)
	var f *pages.Fault
	switch {
	case errors.As(err, &f) && w.sabotaged(d, f, raw):
		return recv.Stored
	case errors.As(err, &f) && f.Final():
		w.fail("device %d: %v", d.index, err)
		return recv.Failed
	case errors.Is(err, pages.ErrAhead): // it comes again when those before it are there
		w.count("pages that came too early")
		return recv.Failed
	case err != nil:
		w.count("pages that the server did not sign")
		return recv.Mismatch
	}
	for _, p := range c.Pages {
		w.accepted(d, len(d.pages), p)
		d.pages = append(d.pages, p)
	}
	d.tell(c)
	d.commit()
	return recv.Stored
}

// commit puts files under their names whose blocks are all there, if a page lists them as finished.
func (d *fullDevice) commit() {
	w := d.w
	for e := range uint32(len(w.files)) {
		if d.committed[e] || !d.book.Finished(e) && w.sabotage != CommitUnlisted {
			continue
		}
		if content, ok := d.content(e); ok {
			d.committed[e] = true
			w.committed(d, e, content)
		}
	}
}

// content is a file as the staging has it.
func (d *fullDevice) content(e uint32) (out []byte, whole bool) {
	w := d.w
	out = make([]byte, len(w.files[e]))
	first, end, _ := w.cut.File(e)
	for b := first; b < end; b++ {
		leaf, known := d.book.Digest(b)
		_, n := w.cut.Block(b)
		data := d.blocks[b]
		switch {
		case !known:
			return nil, false
		case leaf == format2.LeafDigest(make([]byte, n)) && !w.cut.Shared(b):
			data = make([]byte, n) // a hole
		case data == nil || d.leaves[b] != leaf:
			return nil, false
		}
		at := 0
		for _, x := range w.cut.Extents(nil, b) {
			if x.Entry == e {
				copy(out[x.Offset:], data[at:at+x.Length])
			}
			at += x.Length
		}
	}
	return out, true
}

func (d *fullDevice) finish() {
	d.commit()
	d.done = true
}
