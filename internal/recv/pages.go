package recv

import (
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// pageWait is how long a page may be incomplete after the sender sent it: without it nothing after it can be
// verified, so that it is fetched over HTTPS then.
const pageWait = 250 * time.Millisecond

// Pages is what a SYNC of format 2 says of the pages.
type Pages struct {
	Count   int   // there are
	Front   int   // of them, were sent once
	Lengths []int // of the newest
}

// pages is what is known of pages and of the blocks that they vouch for. In a session of format 1 there are none,
// and every block can be verified.
type pages struct {
	first   protocol.BlockNumber // block of page 0
	stream  protocol.BlockNumber // first block that is none
	lengths map[protocol.BlockNumber]int
	count   int
	front   int
	missing []missingPage
	known   *protocol.BlockSet // blocks of skeleton and stream whose digest is known; nil: all
	partial map[protocol.BlockNumber]bool
	whole   map[protocol.BlockNumber]*block // complete, and not to be verified yet
}

// missingPage was sent, and is not here.
type missingPage struct {
	block protocol.BlockNumber
	fetch time.Time
}

func (r *Receiver) beginPages() {
	n := r.cfg.Pages
	if n == 0 {
		return
	}
	first := protocol.BlockNumber(r.cfg.Head - n)
	r.pages = pages{
		first: first, stream: protocol.BlockNumber(r.cfg.Head), lengths: make(map[protocol.BlockNumber]int),
		known:   protocol.NewBlockSet(r.cfg.Blocks),
		partial: make(map[protocol.BlockNumber]bool), whole: make(map[protocol.BlockNumber]*block),
	}
	r.held.AddRange(protocol.Range{First: first, Count: uint32(n)}) // nothing is to be asked for before it is sent
}

func (r *Receiver) isPage(b protocol.BlockNumber) bool {
	return b >= r.pages.first && b < r.pages.stream
}

// length is a block's length, if it is known: that of a page when a SYNC has said it.
func (r *Receiver) length(b protocol.BlockNumber) (int, bool) {
	if !r.isPage(b) {
		return r.layout.Length(b)
	}
	n, known := r.pages.lengths[b]
	return n, known
}

// past says whether the sender has sent all it will send of a block unasked.
func (r *Receiver) past(b protocol.BlockNumber) bool {
	if r.isPage(b) {
		return int(b-r.pages.first) < r.pages.front
	}
	return r.sync.past(b)
}

// Declare takes what a SYNC says of the pages, after HandleSync.
func (r *Receiver) Declare(now time.Time, p Pages) {
	x := &r.pages
	if p.Count > r.cfg.Pages || p.Front > p.Count || len(p.Lengths) > p.Count || r.done {
		return
	}
	x.count = max(x.count, p.Count)
	for i, n := range p.Lengths {
		b := x.first + protocol.BlockNumber(p.Count-len(p.Lengths)+i)
		if _, known := x.lengths[b]; !known && !r.have.Has(b) {
			x.lengths[b] = n
		}
	}
	for ; x.front < p.Front; x.front++ {
		r.pageWasSent(now, x.first+protocol.BlockNumber(x.front))
	}
	r.consider(now)
}

// pageWasSent makes a page that is not here one to be asked for.
func (r *Receiver) pageWasSent(now time.Time, b protocol.BlockNumber) {
	if r.have.Has(b) {
		return
	}
	wait := pageWait
	if _, known := r.pages.lengths[b]; !known {
		wait = 0 // nobody says how long it is: it cannot be put together
	}
	r.pages.missing = append(r.pages.missing, missingPage{b, now.Add(wait)})
	if r.pool.blocks[b] == nil && wait > 0 {
		r.held.Remove(b)
		r.low = min(r.low, b)
	}
}

// due is when a page is to be fetched.
func (x *pages) due() (t time.Time, ok bool) {
	for _, m := range x.missing {
		if !ok || m.fetch.Before(t) {
			t, ok = m.fetch, true
		}
	}
	return t, ok
}

// fetchPages has the pages fetched over HTTPS that did not come in time.
func (r *Receiver) fetchPages(now time.Time) {
	x := &r.pages
	var late []protocol.Range
	x.missing = slices.DeleteFunc(x.missing, func(m missingPage) bool {
		switch {
		case r.have.Has(m.block):
			return true
		case now.Before(m.fetch):
			return false
		}
		if n := len(late); n > 0 && late[n-1].End() == m.block {
			late[n-1].Count++
		} else {
			late = append(late, protocol.Range{First: m.block, Count: 1})
		}
		return true
	})
	if len(late) > 0 {
		r.emit(Event{Kind: CatchUp, Ranges: late, Reason: "a page of digests did not come"})
	}
}

// Known says what pages that are verified bring: blocks that can be verified now, and blocks that everybody holds.
// With the final page the numbers that no page uses are among the latter. The index of the skeleton brings the
// blocks of the skeleton.
func (r *Receiver) Known(now time.Time, ready, held []protocol.Range) {
	x := &r.pages
	for _, list := range ready {
		for b := list.First; b < list.End() && int(b) < r.cfg.Blocks; b++ {
			if !x.known.Add(b) {
				continue
			}
			delete(x.partial, b)
			if k := x.whole[b]; k != nil {
				delete(x.whole, b)
				r.handOver(k)
			}
		}
	}
	for _, list := range held {
		for b := list.First; b < list.End() && int(b) < r.cfg.Blocks; b++ {
			r.holdAnyway(b)
		}
	}
	r.checkDone(now)
	r.consider(now)
}

// holdAnyway takes a block for stored: it has nothing that is delivered, or nothing but zeros.
func (r *Receiver) holdAnyway(b protocol.BlockNumber) {
	if k := r.pool.blocks[b]; k != nil {
		if k.ready && r.pages.whole[b] == nil {
			return // the driver has it
		}
		r.release(k)
	}
	r.pages.known.Add(b)
	r.stored(b)
}

// verifiable says whether a block can be verified once it is complete: the index of the skeleton and pages by
// themselves, all others once what has their digest is verified.
func (x *pages) verifiable(b protocol.BlockNumber) bool {
	return x.known == nil || b == 0 || b >= x.first && b < x.stream || x.known.Has(b)
}

// room says whether a block may take a place in the pool: those that cannot be verified take half of it at most.
func (x *pages) room(b protocol.BlockNumber, limit int) bool {
	return x.verifiable(b) || 2*(len(x.partial)+1) <= limit
}

// begun notes a block in the pool that cannot be verified yet, partial or complete.
func (x *pages) begun(b protocol.BlockNumber) {
	if !x.verifiable(b) {
		x.partial[b] = true
	}
}

// complete hands a block that has all it needs to the driver, or keeps it until its page is there.
func (r *Receiver) complete(b *block) {
	if r.pages.verifiable(b.number) {
		r.handOver(b)
		return
	}
	b.ready = true
	r.pages.whole[b.number] = b
}

func (r *Receiver) handOver(b *block) {
	r.pool.complete(b)
	r.emit(b.whole(r.cfg.SymbolSize))
}

// release gives a block's place in the pool back.
func (r *Receiver) release(b *block) {
	delete(r.pages.partial, b.number)
	delete(r.pages.whole, b.number)
	r.pool.release(b)
}

// Unverified is how many blocks of the pool wait for their page, partial ones included.
func (r *Receiver) Unverified() int { return len(r.pages.partial) }
