package recv

import (
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Clamps of what a SYNC says (security.md I2).
const (
	leastReport  = 20 * time.Millisecond
	mostReport   = 60 * time.Second
	maxBackoff   = 64
	maxReorder   = 50 * time.Millisecond
	tailGap      = 2 * time.Millisecond // between packets that a SYNC has overtaken
	reorderFor   = 4 * time.Second      // what is reordered once is expected for about so long
	leastReorder = 100 * time.Microsecond
	recentSyncs  = 32 // at least maxReorder, while they come every 2 ms
)

// state is what the newest signed SYNC says, clamped.
type state struct {
	sequence uint64
	at       time.Time // when it came
	number   pn        // its own packet number: the high-water mark
	grtt     time.Duration
	group    int
	backoff  int
	interval time.Duration
	low      protocol.BlockNumber
	high     protocol.BlockNumber
	front    protocol.BlockNumber
	passDone bool
	started  bool                    // one came over the group
	recent   [recentSyncs]overtaking // the newest, the oldest first
	gone     overtaking              // of them, what has come of the data before it has come by now
	reorder  time.Duration
	tail     time.Time // the latest packet that was overtaken by a SYNC came
	repairs  []wire.Repair
}

// overtaking is a SYNC that may have overtaken data: what has a lower number was sent before it.
type overtaking struct {
	number   pn
	at       time.Time
	front    protocol.BlockNumber
	passDone bool
}

func (y *state) begin(now time.Time, m wire.Sync, blocks int) {
	y.take(now, m, blocks)
	y.at = now
}

// take clamps and keeps a SYNC.
func (y *state) take(now time.Time, m wire.Sync, blocks int) {
	top := protocol.BlockNumber(blocks)
	y.sequence, y.at = m.Sequence, now
	if m.RangeLast < protocol.MaxPacketNumber {
		y.number = max(y.number, m.RangeLast+1)
	}
	y.grtt = min(max(time.Duration(m.GRTT)*time.Microsecond, protocol.MinGRTT), protocol.MaxGRTT)
	y.group = min(max(int(m.GroupSize), 1), protocol.MaxGroupSize)
	y.backoff = min(max(int(m.Backoff), 1), maxBackoff)
	y.interval = min(max(time.Duration(m.ReportInterval)*time.Microsecond, leastReport), mostReport)
	y.high = min(m.WindowHigh, top)
	y.low = min(m.WindowLow, y.high)
	y.front = min(m.Front, top)
	y.passDone = m.Flags&wire.SyncPassDone != 0
	y.repairs = append(y.repairs[:0], m.Repairs...)
	slices.SortFunc(y.repairs, func(a, b wire.Repair) int { return int(int64(a.Block) - int64(b.Block)) })
}

func (y *state) inWindow(b protocol.BlockNumber) bool { return b >= y.low && b < y.high }

// coming is how many symbols of a block the SYNC advertises.
func (y *state) coming(b protocol.BlockNumber) int {
	i, ok := slices.BinarySearchFunc(y.repairs, b, func(r wire.Repair, b protocol.BlockNumber) int {
		return int(int64(r.Block) - int64(b))
	})
	if !ok {
		return 0
	}
	return int(y.repairs[i].Symbols)
}

func (y *state) advertised(b protocol.BlockNumber) bool { return y.coming(b) > 0 }

// coverUntil is how long an advertisement silences: the next SYNC renews it, and 4 GRTT are
// the most that a lying server gets (security.md I2).
func (y *state) coverUntil() time.Time {
	return y.at.Add(max(4*y.grtt, 5*protocol.SyncInterval/2))
}

// past says whether the pass has sent all it will send of a block, and has for as long as packets come late.
func (y *state) past(b protocol.BlockNumber) bool {
	return (y.passDone || b < y.front) && (y.gone.passDone || b < y.gone.front)
}

// settle looks which SYNC is the newest of which everything that was sent before it has come or is lost, and says when
// the next one will be.
func (y *state) settle(now time.Time) (next time.Time, more bool) {
	y.gone = overtaking{front: y.front, passDone: y.passDone}
	if y.reorder == 0 || !y.started {
		return time.Time{}, false
	}
	for i := recentSyncs - 1; i >= 0 && !y.recent[i].at.IsZero(); i-- {
		y.gone = y.recent[i]
		at := y.gone.at.Add(y.reorder)
		if !now.Before(at) {
			return next, more
		}
		next, more = at, true
	}
	y.gone.front, y.gone.passDone = 0, false
	return next, more
}

// late follows how long packets come after the first SYNC that was sent after them: asking waits
// as long, for what is reordered is not lost.
func (y *state) late(now time.Time, n pn) {
	if !y.started || n >= y.number {
		return
	}
	first := y.at
	for _, o := range y.recent {
		if n < o.number {
			first = o.at
			break
		}
	}
	late := now.Sub(first)
	y.reorder = max(y.reorder, min(late+late/4, maxReorder)) // the next may be a little later
	y.tail = now
}

// overtakes notes a SYNC that came over the group, after what was expected before it has faded.
func (y *state) overtakes(now time.Time) {
	last := y.recent[recentSyncs-1].at
	if age := now.Sub(last); !last.IsZero() {
		y.reorder -= time.Duration(float64(y.reorder) * min(age.Seconds()/reorderFor.Seconds(), 1))
		if y.reorder < leastReorder {
			y.reorder = 0
		}
	}
	copy(y.recent[:], y.recent[1:])
	y.recent[recentSyncs-1] = overtaking{y.number, now, y.front, y.passDone}
}

// settled is when what a SYNC has overtaken counts as come or lost. A sending machine with several
// processors may queue packets at each of them: a SYNC then arrives before what was sent milliseconds
// earlier, and while that comes, nothing of it is known to be lost.
func (y *state) settled() time.Time { return y.tail.Add(tailGap) }

// HandleSync takes a SYNC with a valid signature.
func (r *Receiver) HandleSync(now time.Time, m wire.Sync) {
	if m.Sequence <= r.sync.sequence || m.RangeLast >= protocol.MaxPacketNumber {
		r.drops.Stale++
		return
	}
	r.unsaid(m)
	r.heard, r.silent, r.forgedSync = now, false, false
	r.hear(now, m.RangeLast+1, protocol.MinSyncPacket)
	r.sync.take(now, m, r.cfg.Blocks)
	r.sync.overtakes(now)
	if !r.cfg.Held {
		r.delay.sample(now, m.SentAt)
	}
	if r.sync.started {
		r.loss.declare(m)
	} else { // the group was joined somewhere within its range
		r.sync.started = true
		r.loss.begin(m.RangeLast)
	}
	for _, b := range r.pool.order {
		b.cover = r.sync.coming(b.number)
	}
	if m.Flags&wire.SyncEnd != 0 && !r.ended && !r.done {
		r.ended = true
		r.emit(Event{Kind: Ended, Reason: "the server ended the session"})
	}
	if m.Flags&wire.SyncSolicit != 0 {
		r.solicited(now)
	}
	r.consider(now)
}

// unsaid forgets what came of numbers that the server had not used when it sent a SYNC. Packets
// that overtook it are few.
func (r *Receiver) unsaid(m wire.Sync) {
	ahead := max(leastAhead, float64(m.Rate)*maxReorder.Seconds()/float64(r.cfg.SymbolSize))
	n := m.RangeLast + 2 + pn(min(ahead, seenNumbers))
	r.loss.unsaid(n)
	r.high = min(r.high, n-1)
}

// leastAhead is how many packets may always have overtaken a SYNC.
const leastAhead = 64
