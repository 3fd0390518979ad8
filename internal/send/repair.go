package send

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Bounds of repair.
const (
	minHoldOff = 2 * time.Millisecond
	maxHoldOff = 20 * time.Millisecond
	maxResent  = 4096 // blocks with source symbols owed
)

// repairs are the blocks of which something is owed: first held off, so that the NACKs of
// several receivers merge, then sent in turn.
type repairs struct {
	waiting []held // in the order of their times
	active  []protocol.BlockNumber
	next    int // of active
	queued  *protocol.BlockSet
	resend  map[protocol.BlockNumber]*[25]byte // source symbols owed, once the rows are used up
	owed    int
}

type held struct {
	block protocol.BlockNumber
	ready time.Time
}

func newRepairs(blocks int) repairs {
	return repairs{queued: protocol.NewBlockSet(blocks), resend: make(map[protocol.BlockNumber]*[25]byte)}
}

// enqueue holds a block's repair off.
func (s *Sender) enqueue(now time.Time, b protocol.BlockNumber) {
	if s.repair.queued.Add(b) {
		s.repair.waiting = append(s.repair.waiting, held{b, now.Add(s.holdOff())})
		if s.isPage(b) {
			s.source.owed++
		}
	}
}

// promote activates what was held off long enough.
func (r *repairs) promote(now time.Time) {
	n := 0
	for n < len(r.waiting) && !now.Before(r.waiting[n].ready) {
		r.active = append(r.active, r.waiting[n].block)
		n++
	}
	if n > 0 {
		r.waiting = append(r.waiting[:0], r.waiting[n:]...)
	}
}

func (r *repairs) readyAt() (time.Time, bool) {
	if len(r.waiting) == 0 {
		return time.Time{}, false
	}
	return r.waiting[0].ready, true
}

// holdOff is how long a NACK waits for others to merge with it.
func (s *Sender) holdOff() time.Duration { return min(max(s.grtt, minHoldOff), maxHoldOff) }

// owe raises what is owed of a block to n fresh parity symbols.
func (s *Sender) owe(now time.Time, b protocol.BlockNumber, n int) {
	if n <= int(s.owed[b]) {
		return
	}
	s.repair.owed += n - int(s.owed[b])
	s.owed[b] = uint8(n)
	s.enqueue(now, b)
	s.syncSoon()
}

// oweSource adds the first n source symbols that a bitmap misses to what is owed.
func (s *Sender) oweSource(now time.Time, b protocol.BlockNumber, k, n int, missing *[25]byte) {
	m := s.repair.resend[b]
	if m == nil {
		if len(s.repair.resend) == maxResent {
			return
		}
		m = new([25]byte)
		s.repair.resend[b] = m
	}
	for j := 0; j < k && n > 0; j++ {
		if missing[j/8]&(1<<(j%8)) == 0 {
			continue
		}
		n--
		if m[j/8]&(1<<(j%8)) == 0 {
			m[j/8] |= 1 << (j % 8)
			s.repair.owed++
		}
	}
	s.enqueue(now, b)
	s.syncSoon()
}

// forgive cancels the repair of a block that is sent again from its source symbols anyway.
func (s *Sender) forgive(b protocol.BlockNumber) {
	s.repair.owed -= s.owing(b)
	s.owed[b] = 0
	delete(s.repair.resend, b)
}

// owing is how many symbols of a block are still to come as repair.
func (s *Sender) owing(b protocol.BlockNumber) int {
	n := int(s.owed[b])
	if m := s.repair.resend[b]; m != nil {
		n += ones(m)
	}
	return n
}

// nextRepair gives the next repair symbol, block by block in turn.
func (s *Sender) nextRepair() (SymbolRef, bool) {
	r := &s.repair
	for s.firstToRepair() {
		b := r.active[r.next]
		ref, ok := s.repairOf(b)
		if s.owing(b) == 0 {
			s.endRepair(b)
		} else {
			r.next++
		}
		if ok {
			return ref, true
		}
	}
	return SymbolRef{}, false
}

// endRepair removes the active block that was just sent. After the last one a SYNC is due, so that
// receivers see at once what is still missing.
func (s *Sender) endRepair(b protocol.BlockNumber) {
	r := &s.repair
	r.queued.Remove(b)
	if s.isPage(b) {
		s.source.owed--
	}
	delete(r.resend, b)
	r.active = append(r.active[:r.next], r.active[r.next+1:]...)
	if len(r.active) == 0 {
		s.syncSoon()
	}
}

func (s *Sender) repairOf(b protocol.BlockNumber) (SymbolRef, bool) {
	k := s.k(b)
	if s.owed[b] > 0 && s.rows(b, k) > 0 {
		s.owed[b]--
		s.repair.owed--
		s.count.Repair++
		return s.freshParity(b, k), true
	}
	s.repair.owed -= int(s.owed[b])
	s.owed[b] = 0
	if m := s.repair.resend[b]; m != nil {
		if j, ok := takeBit(m); ok {
			s.repair.owed--
			s.count.Resent++
			return SymbolRef{b, protocol.SymbolIndex(j)}, true
		}
	}
	return SymbolRef{}, false
}
