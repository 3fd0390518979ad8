package recv

import (
	"math"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Bounds of asking.
const (
	minAgain   = 20 * time.Millisecond
	maxAgain   = time.Second
	moreAfter  = 2 * time.Millisecond  // the rest of a list that did not fit
	askGap     = 25 * time.Millisecond // between asks in the long run: a sender hears 50 packets a second of a device
	leastRoom  = 4                     // blocks of a list of ranges
	askBurst   = 100                   // asks that may come early
	maxNACKs   = 90                    // of one packet
	maxRanges  = 32
	maxBitmaps = 10
	spareRows  = 24 // fewer unused rows than this beyond the deficit: say what is missing
	unheardAt  = 5  // tries
	// distrustAfter unanswered asks the highest parity index seen is left out: a server refuses an
	// ask that names parity which it never sent, and a forged symbol may have had that index.
	distrustAfter = 2
	maxRounds     = 3 // times that a block with a wrong digest gets more symbols: 2, 4, 8 in all …
	maxPleas      = 8 // … for so many asks at most …
	maxVain       = 5 // … so many of them in a row without an answer; then it comes over HTTPS (security.md M4)
	unheardGap    = 2 * time.Second
	lastSymbol    = protocol.MaxSymbols - 2 // the greatest index a sender uses
	askedBlocks   = 64                      // ranges remembered as asked for
)

// asking is when and what to ask for.
type asking struct {
	at      time.Time // the backoff runs out; zero: none runs
	begun   time.Time // it began
	paid    time.Time // until then the asks sent so far use up one each askGap
	wake    time.Time // look again then; zero: a SYNC will say
	due     bool
	again   time.Time        // hold-off of ranges
	tries   int              // of ranges
	began   int              // blocks of the newest list that have begun to come
	refused uint64           // symbols that the pool had no room for, when it was made
	room    int              // blocks of the next list; 0: any number
	ranges  []protocol.Range // the newest list
	fresh   bool             // it goes out with the next feedback
	forged  bool             // nacks are of blocks whose digest was wrong
	nacks   []wire.NACK
	bitmaps []wire.Bitmap
	unheard time.Time // when the driver was told last
}

// named says whether a block was asked for whole in the newest list of ranges.
func (a *asking) named(b protocol.BlockNumber) bool {
	for _, r := range a.ranges {
		if b >= r.First && b < r.End() {
			return true
		}
	}
	return false
}

// over says whether a time has come: what SYNCs and blocks change is considered when they
// change it.
func (a *asking) over(now time.Time) bool {
	if !a.at.IsZero() {
		return !now.Before(a.at)
	}
	return !a.wake.IsZero() && !now.Before(a.wake)
}

// affordable is when the next ask may be sent, however much is missing: a sender drops what a
// device says above a budget (security.md F5), reports included.
func (a *asking) affordable() time.Time { return a.paid.Add(-askBurst * askGap) }

// pay counts an ask.
func (a *asking) pay(now time.Time) {
	if a.paid.Before(now) {
		a.paid = now
	}
	a.paid = a.paid.Add(askGap)
}

// consider starts a backoff when something is to be asked for, and says when to look again.
func (r *Receiver) consider(now time.Time) {
	a := &r.asks
	if r.done {
		a.at, a.due = time.Time{}, false
		return
	}
	if !a.at.IsZero() {
		switch {
		case now.Before(a.at):
		case now.Before(a.affordable()):
			a.at = a.affordable()
		case now.Before(r.sync.settled()) && now.Before(a.begun.Add(maxReorder)):
			a.at = earliest(r.sync.settled(), a.begun.Add(maxReorder))
		default:
			a.at, a.due = time.Time{}, true
		}
		return
	}
	if a.due {
		return
	}
	next, more := r.sync.settle(now)
	open, wake := r.askable(now)
	if more && (wake.IsZero() || next.Before(wake)) {
		wake = next
	}
	a.wake = wake
	if open {
		a.at, a.begun = now.Add(r.backoff()), now
	}
}

// askable says whether anything may be asked for now, else when that may be so.
func (r *Receiver) askable(now time.Time) (bool, time.Time) {
	var wake time.Time
	later := func(t time.Time) {
		if wake.IsZero() || t.Before(wake) {
			wake = t
		}
	}
	for _, b := range r.pool.order {
		switch t, open := r.opens(b); {
		case !open:
		case !now.Before(t):
			return true, time.Time{}
		default:
			later(t)
		}
	}
	if _, ok := r.firstMissing(); ok {
		if !now.Before(r.asks.again) {
			return true, time.Time{}
		}
		later(r.asks.again)
	}
	return false, wake
}

// opens is when a block in the pool may be asked for; false: not before a SYNC says so.
func (r *Receiver) opens(b *block) (time.Time, bool) {
	if b.ready || !r.past(b.number) {
		return time.Time{}, false
	}
	if b.cover >= b.deficit() {
		return r.sync.coverUntil(), true
	}
	return b.again, true
}

// firstMissing is the first block that the pass is past and of which nothing is held.
func (r *Receiver) firstMissing() (protocol.BlockNumber, bool) {
	b, ok := r.held.NextMissing(r.low)
	if !ok {
		r.low = protocol.BlockNumber(r.cfg.Blocks)
		return 0, false
	}
	r.low = b
	return b, r.wantsWhole(b)
}

func (r *Receiver) wantsWhole(b protocol.BlockNumber) bool {
	_, known := r.length(b)
	return known && r.past(b)
}

// backoff is RFC 5401's truncated exponential over K·GRTT.
func (r *Receiver) backoff() time.Duration {
	t := float64(r.sync.backoff) * r.sync.grtt.Seconds()
	lambda := math.Log(float64(r.sync.group)) + 1
	x := r.rnd.Float64()*lambda/t + lambda/(t*(math.Exp(lambda)-1))
	d := t / lambda * math.Log(x*(math.Exp(lambda)-1)*t/lambda)
	return time.Duration(max(d, 0) * float64(time.Second))
}

// collect lists what is to be asked for now and starts the hold-off of each.
func (r *Receiver) collect(now time.Time) bool {
	a := &r.asks
	r.sync.settle(now)
	a.nacks, a.bitmaps = a.nacks[:0], a.bitmaps[:0]
	r.collectBlocks(now, true)
	more := true // what else is lacked goes out by itself: it is judged otherwise
	if a.forged, a.fresh = len(a.nacks) > 0, false; !a.forged {
		more = r.collectBlocks(now, false)
		a.fresh = r.collectRanges(now)
	}
	if more {
		a.at = now.Add(moreAfter)
	}
	return len(a.nacks) > 0 || a.fresh
}

// collectBlocks lists the blocks of the pool with a wrong digest, or the others, and says whether
// there was no room for all of them.
func (r *Receiver) collectBlocks(now time.Time, wrong bool) (full bool) {
	a := &r.asks
	var vain []*block
	for _, b := range r.pool.order {
		t, open := r.opens(b)
		if !open || now.Before(t) || b.wrong > 0 != wrong {
			continue
		}
		if wrong && (b.pleas == maxPleas || b.tries == maxVain) {
			vain = append(vain, b)
			continue
		}
		if full = len(a.nacks) == maxNACKs || len(a.bitmaps) == maxBitmaps; full {
			break
		}
		r.name(now, b)
	}
	for _, b := range vain {
		r.overHTTPS(b)
	}
	return full
}

// name puts a block into the list.
func (r *Receiver) name(now time.Time, b *block) {
	a := &r.asks
	n := wire.NACK{Block: b.number, Deficit: uint8(min(b.deficit(), b.k)), HighParity: wire.NoParity}
	if b.high >= 0 && b.tries < distrustAfter {
		n.HighParity = uint8(b.high)
	}
	a.nacks = append(a.nacks, n)
	unused := lastSymbol - max(b.high, b.k-1)
	if unused < b.deficit()+spareRows || b.tries >= 2 {
		a.bitmaps = append(a.bitmaps, wire.Bitmap{Block: b.number, Missing: b.missing()})
	}
	b.tries++
	if b.wrong > 0 {
		b.pleas++
	}
	b.asked, b.again = now, now.Add(r.holdOff(b.tries))
	b.cover = 0
	if b.tries >= unheardAt {
		r.tellUnheard(now)
	}
}

// answered is called when a block that was asked for whole begins to come: the other blocks of that
// NACK should follow soon. Without it, a device with a slow disk, which can take only a part of each
// answer, would wait longer and longer for the next.
func (r *Receiver) answered(now time.Time, b protocol.BlockNumber) {
	a := &r.asks
	if !a.named(b) {
		return
	}
	a.began++
	if a.tries == 0 {
		return
	}
	a.tries = 0
	a.again = earliest(a.again, now.Add(r.holdOff(1)))
	if !a.wake.IsZero() {
		a.wake = earliest(a.wake, a.again)
	}
}

// collectRanges lists the blocks of which nothing is held, unless that list is held off.
func (r *Receiver) collectRanges(now time.Time) bool {
	a := &r.asks
	if now.Before(a.again) {
		return false
	}
	first, ok := r.firstMissing()
	if !ok {
		a.tries, a.ranges = 0, a.ranges[:0]
		return false
	}
	a.ranges = a.ranges[:0]
	room := r.listRoom()
	for ok && room > 0 && len(a.ranges) < maxRanges && r.wantsWhole(first) {
		end := first + 1
		for !r.held.Has(end) && int(end) < r.cfg.Blocks && int(end-first) < room && r.wantsWhole(end) {
			end++
		}
		room -= int(end - first)
		a.ranges = append(a.ranges, protocol.Range{First: first, Count: uint32(end - first)})
		first, ok = r.held.NextMissing(end)
	}
	a.tries++
	a.again = now.Add(r.holdOff(a.tries))
	if a.tries >= unheardAt {
		r.tellUnheard(now)
	}
	return true
}

// listRoom is how many blocks to ask for whole: twice what began to come last time if that
// was more than the pool had room for, so that the group does not carry what this device's
// disk cannot take.
func (r *Receiver) listRoom() int {
	a := &r.asks
	switch {
	case r.drops.Pool > a.refused:
		a.room = max(2*a.began, leastRoom)
	case a.room > 0:
		a.room = min(2*a.room, r.cfg.Blocks)
	}
	a.began, a.refused = 0, r.drops.Pool
	if a.room == 0 {
		return r.cfg.Blocks
	}
	return a.room
}

// holdOff is how long an ask waits for its answer, with some spread so that devices that
// asked together do not ask together again.
func (r *Receiver) holdOff(tries int) time.Duration {
	d := max(2*r.sync.grtt+r.backoff()/2, minAgain) + r.sync.reorder
	d = min(d<<min(tries-1, 10), maxAgain)
	return d + r.spread(d/4)
}

func (r *Receiver) tellUnheard(now time.Time) {
	if now.Sub(r.asks.unheard) < unheardGap {
		return
	}
	r.asks.unheard = now
	r.emit(Event{Kind: Unheard, Reason: "what was asked for does not come"})
}
