package recv

import (
	"math/rand/v2"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// silentAfter is how long no SYNC may be heard before multicast counts as broken: any member can
// seal data, and the server sends SYNCs all the time.
const silentAfter = 2 * time.Second

// waitAtMost is how long a session may take to begin: the gather window and a little.
const waitAtMost = 65 * time.Second

// Receiver is the receiving half of a session.
type Receiver struct {
	cfg    Config
	rnd    *rand.Rand
	layout Layout
	whole  bool // the layout is the manifest's

	have   *protocol.BlockSet // stored
	held   *protocol.BlockSet // stored, in the pool or left to HTTPS: not to be asked for whole
	counts [256]uint32        // of have, for the bar
	low    protocol.BlockNumber
	pool   pool
	ring   ring
	loss   losses
	delay  delays
	pages  pages
	sync   state
	asks   asking
	report reporting
	failed map[protocol.BlockNumber]int // mismatches

	high       pn
	heard      time.Time // the newest SYNC
	silent     bool
	forgedSync bool // since then there were SYNCs whose signature was not the server's …
	forges     bool // … and this is whether there ever were
	done       bool
	ended      bool
	events     []Event
	drops      Drops
	asksN      uint64
	repN       uint64
}

// New makes the machine.
func New(cfg Config, now time.Time, rnd *rand.Rand) *Receiver {
	cfg = cfg.withDefaults()
	r := &Receiver{
		cfg: cfg, rnd: rnd, layout: cfg.Layout, heard: now,
		have:   protocol.NewBlockSet(cfg.Blocks),
		held:   protocol.NewBlockSet(cfg.Blocks),
		pool:   newPool(cfg.SymbolSize, cfg.MaxK, cfg.PoolBytes),
		ring:   newRing(cfg.RingBytes, cfg.SymbolSize),
		failed: make(map[protocol.BlockNumber]int),
	}
	if last := cfg.last(); last >= 0 {
		_, r.whole = r.layout.Length(protocol.BlockNumber(last))
	}
	r.beginPages()
	r.loss.rateAt = now
	r.sync.begin(now, cfg.First, cfg.Blocks)
	r.loss.clear(cfg.First.RangeLast + 1)
	r.report.at = now.Add(r.spread(r.sync.interval))
	r.adopt(now, cfg.Have)
	return r
}

// last is the last block whose length the whole layout knows: that of a page is known when a SYNC says it. -1: none.
func (c Config) last() int {
	if c.Blocks == c.Head {
		return c.Head - c.Pages - 1 // there is nothing but empty files, folders and links
	}
	return c.Blocks - 1
}

func (c Config) withDefaults() Config {
	if c.MaxK <= 0 {
		c.MaxK = protocol.SourceSymbols(protocol.BlockSize, c.SymbolSize)
	}
	if c.PoolBytes <= 0 {
		c.PoolBytes = protocol.ReceiverPoolBytes
	}
	if c.RingBytes <= 0 {
		c.RingBytes = protocol.RingBytes
	}
	return c
}

// spread draws a moment below d.
func (r *Receiver) spread(d time.Duration) time.Duration {
	return time.Duration(r.rnd.Float64() * float64(d))
}

// adopt takes blocks that are held from elsewhere.
func (r *Receiver) adopt(now time.Time, have *protocol.BlockSet) {
	if have != nil {
		for b, ok := have.Next(0); ok; b, ok = have.Next(b + 1) {
			r.stored(b)
		}
	}
	r.checkDone(now)
}

// stored notes that a block is verified and written.
func (r *Receiver) stored(b protocol.BlockNumber) {
	if r.have.Add(b) {
		r.held.Add(b)
		if first := protocol.BlockNumber(r.cfg.Head); b >= first {
			r.counts[protocol.BarBucket(b-first, r.cfg.Blocks-r.cfg.Head)]++
		}
	}
}

func (r *Receiver) checkDone(now time.Time) {
	if r.done || !r.whole || r.have.Count() < r.cfg.Blocks {
		return
	}
	r.done = true
	r.report.sayDone(now, r.doneDelay())
	r.emit(Event{Kind: Done})
}

// SetLayout gives the whole layout once the manifest is verified, and have, what is found to
// be held already (nil: nothing).
func (r *Receiver) SetLayout(now time.Time, l Layout, have *protocol.BlockSet) {
	r.layout, r.whole = l, true
	r.adopt(now, have)
	r.ring.drain(func(d wire.Data) { r.place(now, d) })
	r.consider(now)
}

// Accepts says whether a packet number is in the window around the last signed SYNC (security.md I3).
// Call it, or Window, before a key is derived for the number.
func (r *Receiver) Accepts(n protocol.PacketNumber) bool {
	first, last := r.Window()
	return first <= n && n <= last
}

// Window gives the first and the last packet number that are accepted now. It moves with HandleSync only.
func (r *Receiver) Window() (first, last protocol.PacketNumber) {
	h := r.sync.number
	return h - min(h, protocol.NumbersBehind), min(h+protocol.NumbersAhead, protocol.MaxPacketNumber)
}

// HandleData takes an opened data packet; the symbol is copied.
func (r *Receiver) HandleData(now time.Time, n protocol.PacketNumber, d wire.Data) {
	length, known := r.length(d.Block)
	switch {
	case int(d.Block) >= r.cfg.Blocks || len(d.Symbol) != r.cfg.SymbolSize, known && (length != d.Length || length <= 0):
		r.drops.Malformed++
		return
	case !r.done && !r.have.Has(d.Block) && !r.admits(d.Block):
		r.drops.Window++
		return
	}
	r.hear(now, n, len(d.Symbol)+protocol.DataOverhead)
	r.sync.late(now, n)
	if r.done || r.have.Has(d.Block) {
		r.drops.Verified++
		return
	}
	r.place(now, d)
}

// hear notes a packet that was accepted: it is of a member, of the right length, and of a block of
// which something may come.
func (r *Receiver) hear(now time.Time, n pn, bytes int) {
	r.loss.mark(n)
	r.loss.heardBytes(now, bytes)
	r.high = max(r.high, n)
}

// admits says whether symbols of a block may be kept (security.md I8): it is in the pool, in
// the signed window, advertised, or was asked for whole.
func (r *Receiver) admits(b protocol.BlockNumber) bool {
	if r.isPage(b) {
		return int(b-r.pages.first) < r.pages.count
	}
	return r.sync.inWindow(b) || r.pool.blocks[b] != nil || r.sync.advertised(b) || r.asks.named(b)
}

// place puts a symbol into its block.
func (r *Receiver) place(now time.Time, d wire.Data) {
	length, known := r.length(d.Block)
	switch {
	case r.have.Has(d.Block):
		r.drops.Verified++
		return
	case !known && (r.whole || !r.ring.keep(d)):
		r.drops.Ring++
		return
	case !known:
		return
	case length != d.Length || length <= 0:
		r.drops.Malformed++
		return
	}
	b := r.pool.blocks[d.Block]
	if b == nil {
		if b = r.admit(now, d.Block, length); b == nil {
			r.drops.Pool++
			r.report.poolFull(r.pool.waiting(), 1)
			return
		}
	}
	if b.ready || b.holds(d.Index) {
		r.drops.Duplicate++
		return
	}
	b.add(d.Index, d.Symbol)
	r.touch(now, b, d.Index)
}

// admit makes room for a block and gives it a slab.
func (r *Receiver) admit(now time.Time, n protocol.BlockNumber, length int) *block {
	k := protocol.SourceSymbols(length, r.cfg.SymbolSize)
	if k > r.cfg.MaxK || r.held.Has(n) && !r.isPage(n) || !r.pages.room(n, r.pool.limit) {
		return nil
	}
	b := r.pool.begin(n, length, k)
	if b == nil {
		v := r.pool.victim(now)
		if v == nil {
			return nil
		}
		r.drops.Evicted += uint64(v.n)
		r.report.poolFull(r.pool.waiting(), v.n)
		r.drop(v)
		b = r.pool.begin(n, length, k)
	}
	r.held.Add(n)
	r.pages.begun(n)
	r.answered(now, n)
	return b
}

// drop forgets the symbols of a block: it will be asked for whole.
func (r *Receiver) drop(b *block) {
	r.release(b)
	r.held.Remove(b.number)
	r.low = min(r.low, b.number)
}

// touch follows what a new symbol means for its block.
func (r *Receiver) touch(now time.Time, b *block, i protocol.SymbolIndex) {
	b.touched = now
	b.cover = max(b.cover-1, 0)
	if int(i) >= b.k {
		b.high = max(b.high, int(i))
	}
	if b.tries > 0 { // the answer has begun to come: what it lacks shows soon
		b.tries = 0
		b.again = earliest(b.again, now.Add(r.sync.grtt+r.sync.reorder))
		if !r.asks.wake.IsZero() {
			r.asks.wake = earliest(r.asks.wake, b.again)
		}
	}
	if b.n == b.needs() {
		r.complete(b)
	}
}

// NextEvent gives the next event.
func (r *Receiver) NextEvent() (Event, bool) {
	if len(r.events) == 0 {
		return Event{}, false
	}
	e := r.events[0]
	r.events = r.events[1:]
	return e, true
}

func (r *Receiver) emit(e Event) { r.events = append(r.events, e) }

// BlockSupplied reports that a block came over HTTPS and was verified and written. If it was ready as
// well, its symbols stay valid until BlockStored is called for them.
func (r *Receiver) BlockSupplied(now time.Time, n protocol.BlockNumber) {
	if b := r.pool.blocks[n]; b != nil && (!b.ready || r.pages.whole[n] == b) {
		r.release(b)
	}
	r.stored(n)
	r.checkDone(now)
}

// BlockStored says what became of a block that was ready.
func (r *Receiver) BlockStored(now time.Time, n protocol.BlockNumber, o Outcome) {
	b := r.pool.blocks[n]
	switch {
	case o == Stored:
		if b != nil {
			r.release(b)
		}
		r.stored(n)
		r.checkDone(now)
		return
	case b == nil || !b.ready:
		return
	case r.have.Has(n): // it was supplied meanwhile
		r.release(b)
		return
	}
	if o == Mismatch {
		r.mismatch(now, b)
	} else {
		r.drop(b)
	}
	r.consider(now)
}

// mismatch follows a wrong digest: up to four forged symbols are located with two more each, in
// maxRounds rounds; a block with more of them comes over HTTPS.
func (r *Receiver) mismatch(now time.Time, b *block) {
	n := b.number
	r.drops.Mismatched++
	r.failed[n]++
	if r.failed[n] <= maxRounds && !r.isPage(n) {
		r.pool.suspect(b)
		b.again, b.cover, b.tries = now, 0, 0
		return
	}
	r.overHTTPS(b)
}

// overHTTPS leaves a block to HTTPS because its forged symbols cannot be located.
func (r *Receiver) overHTTPS(b *block) {
	r.drop(b)
	r.held.Add(b.number)
	reason := "a block came with a wrong digest again and again: a member of the group forges packets"
	if r.isPage(b.number) {
		reason = "a page of digests came that the server did not sign: a member of the group forges packets"
	}
	r.emit(Event{Kind: CatchUp, Ranges: []protocol.Range{{First: b.number, Count: 1}}, Reason: reason})
}

// forged says that a member forges packets: what the server sends matches its digests.
func (r *Receiver) forged() bool { return len(r.failed) > 0 || r.forges }

// ForgedSync reports a SYNC that opened with the session's key but was not signed by the server.
func (r *Receiver) ForgedSync() {
	r.forgedSync, r.forges = true, true
}

// silence says why nothing counts as heard.
func (r *Receiver) silence() string {
	if r.forgedSync {
		return "a member of the group forges the server's SYNCs: none could be verified for 2 s"
	}
	return "nothing of the group was heard for 2 s"
}

// HandleTimeout does what is due by now.
func (r *Receiver) HandleTimeout(now time.Time) {
	r.consider(now)
	r.fetchPages(now)
	if !r.silent && !r.done && !r.ended && !now.Before(r.silentAt()) {
		r.silent = true
		r.emit(Event{Kind: Silent, Reason: r.silence()})
	}
}

// silentAt is when silence counts as such.
func (r *Receiver) silentAt() time.Time {
	if r.cfg.Waiting && !r.sync.started {
		return r.heard.Add(waitAtMost)
	}
	return r.heard.Add(silentAfter)
}

// NextTimeout is when the machine wants HandleTimeout, then NextEvent and NextFeedback.
func (r *Receiver) NextTimeout() (time.Time, bool) {
	if r.done {
		return r.report.at, r.report.left > 0
	}
	t := r.report.at
	if !r.asks.at.IsZero() {
		t = earliest(t, r.asks.at)
	} else if !r.asks.wake.IsZero() {
		t = earliest(t, r.asks.wake)
	}
	if !r.silent && !r.ended {
		t = earliest(t, r.silentAt())
	}
	if at, ok := r.pages.due(); ok {
		t = earliest(t, at)
	}
	return t, true
}

// Status is a snapshot.
func (r *Receiver) Status() Status {
	return Status{
		Verified: r.have.Count(), Blocks: r.cfg.Blocks, Devices: r.sync.group, Partial: len(r.pool.order),
		Rate: uint64(r.loss.rate), GRTT: r.sync.grtt, Loss: r.loss.smooth,
		Declared: r.loss.total, Received: r.loss.arrived, Heard: r.heard, Done: r.done, Forged: len(r.failed),
		Drops: r.drops, Asks: r.asksN, Reports: r.repN,
	}
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
