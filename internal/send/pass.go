package send

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// gather is how long the next pass waits for further receivers to say what they lack.
const gather = 5 * time.Millisecond

// mostPutOff is how often in a row a pass is put off, each time for minReport, because most still
// have the last one before them.
const mostPutOff = 50

// headGap is between groups of index and manifest blocks that go out of turn.
const headGap = 100 * time.Millisecond

// pass goes once over the blocks that are wanted, a group of blocks at a time. The symbols of a group
// are interleaved, so that a burst of loss costs each block a little.
type pass struct {
	number int
	todo   *protocol.BlockSet // of this pass, not begun
	later  *protocol.BlockSet // of the next pass
	begun  *protocol.BlockSet // in any pass: a NACK may name it
	cursor protocol.BlockNumber
	width  int
	group  []member
	row    int
	at     int
	left   int       // symbols of the group
	next   time.Time // when the next pass may begin, if later has members
	sent   int       // blocks finished in this pass
	size   int       // blocks of this pass
	put    int       // times in a row that the next pass was put off
	headAt time.Time // when index and manifest may go out of turn again
	aside  bool      // the group is out of turn, and no part of the pass
}

// member is a block of the group being sent.
type member struct {
	block protocol.BlockNumber
	k     int
	total int // k and the parity sent unasked
}

func newPass(blocks, width int) pass {
	return pass{
		number: 1, width: width,
		todo:  protocol.NewBlockSet(blocks),
		later: protocol.NewBlockSet(blocks),
		begun: protocol.NewBlockSet(blocks),
	}
}

// add puts a block into this pass, if it is still ahead, else into the next one.
func (p *pass) add(now time.Time, b protocol.BlockNumber) {
	switch {
	case int(b) >= p.todo.Len() || p.inGroup(b):
	case b >= p.cursor:
		if p.todo.Add(b) {
			p.size++
		}
	default:
		if p.later.Count() == 0 {
			p.next = now.Add(gather)
		}
		p.later.Add(b)
	}
}

func (p *pass) inGroup(b protocol.BlockNumber) bool {
	for _, m := range p.group {
		if m.block == b {
			return true
		}
	}
	return false
}

// ahead says whether the pass still brings source symbols of b.
func (p *pass) ahead(b protocol.BlockNumber) bool { return p.todo.Has(b) || p.inGroup(b) }

// idle says that no symbol of this pass is left.
func (p *pass) idle() bool { return len(p.group) == 0 && p.todo.Count() == 0 }

// done says that no pass is left.
func (p *pass) done() bool { return p.idle() && p.later.Count() == 0 }

// startAt is when the next pass may begin.
func (p *pass) startAt() (time.Time, bool) { return p.next, p.idle() && p.later.Count() > 0 }

// front is the block below which this pass has sent all it will send.
func (p *pass) front() protocol.BlockNumber {
	if len(p.group) > 0 && !p.aside {
		return p.group[0].block
	}
	if b, ok := p.todo.Next(p.cursor); ok {
		return b
	}
	return protocol.BlockNumber(p.todo.Len())
}

// high is the first block that none of the next n blocks of the pass reaches.
func (p *pass) high(n int) protocol.BlockNumber {
	b := p.cursor
	for ; n > 0; n-- {
		next, ok := p.todo.Next(b)
		if !ok {
			return protocol.BlockNumber(p.todo.Len())
		}
		b = next + 1
	}
	return b
}

// startPass begins the next pass once this one is through and its time has come.
func (s *Sender) startPass(now time.Time) {
	p := &s.pass
	if at, ok := p.startAt(); !ok || now.Before(at) {
		return
	}
	if p.put < mostPutOff && s.choked() {
		p.put++
		p.next = now.Add(minReport)
		return
	}
	p.put = 0
	p.todo, p.later = p.later, p.todo
	p.cursor, p.sent, p.size = 0, 0, p.todo.Count()
	p.number++
	s.syncSoon()
}

// nextOfPass gives the next symbol of the pass.
func (s *Sender) nextOfPass(now time.Time) (SymbolRef, bool) {
	p := &s.pass
	if len(p.group) == 0 && !s.loadGroup(now) {
		return SymbolRef{}, false
	}
	for p.row >= p.group[p.at].total {
		p.step()
	}
	ref := s.passSymbol(p.group[p.at], p.row)
	p.step()
	if p.left--; p.left == 0 {
		s.finishGroup(now)
	}
	return ref, true
}

func (p *pass) step() {
	if p.at++; p.at == len(p.group) {
		p.row, p.at = p.row+1, 0
	}
}

func (s *Sender) passSymbol(m member, row int) SymbolRef {
	if row < m.k {
		s.count.Source++
		return SymbolRef{m.block, protocol.SymbolIndex(row)}
	}
	s.count.Proactive++
	return s.freshParity(m.block, m.k)
}

// freshParity uses up the next row of a block; the caller knows that there is one.
func (s *Sender) freshParity(b protocol.BlockNumber, k int) SymbolRef {
	i := k + int(s.parity[b])
	s.parity[b]++
	return SymbolRef{b, protocol.SymbolIndex(i)}
}

// loadGroup takes the next blocks of the pass; what was owed of them the pass will bring.
func (s *Sender) loadGroup(now time.Time) bool {
	p := &s.pass
	p.row, p.at, p.left = 0, 0, 0
	p.aside = false
	head := protocol.BlockNumber(s.cfg.Head)
	if s.loadUrgent() || s.loadHead(now, head) {
		return true
	}
	for width := s.width(); len(p.group) < width; {
		b, ok := p.todo.Next(p.cursor)
		if !ok || len(p.group) > 0 && p.group[0].block < head && b >= head {
			break // index and manifest are asked for before the stream goes on
		}
		if !s.readable(b) {
			break
		}
		p.todo.Remove(b)
		p.cursor = b + 1
		s.join(b)
	}
	return len(p.group) > 0 || s.loadAside()
}

// width is how many blocks are sent in turn. Against bursts that is worth its price; where
// nothing is lost, the fewer the blocks that come in at once, the more of them the receivers
// find in their processors' caches when they are whole (ADR 5). A large group would ask for
// each of them before its loss is known.
func (s *Sender) width() int {
	if s.loss < minLoss && s.prompt() {
		return min(s.pass.width, calmInterleave)
	}
	return s.pass.width
}

// loadHead sends index and manifest next if a device asked for them again: one that joined too late for
// them can do little with the stream until it has them. Devices that keep asking get no more than a small
// share of the traffic.
func (s *Sender) loadHead(now time.Time, head protocol.BlockNumber) bool {
	p := &s.pass
	if now.Before(p.headAt) {
		return false
	}
	for b, ok := p.later.Next(0); ok && b < head && len(p.group) < p.width; b, ok = p.later.Next(b + 1) {
		if !s.readable(b) {
			continue
		}
		p.later.Remove(b)
		p.headAt = now.Add(headGap)
		s.join(b)
	}
	p.aside = s.cfg.Pages > 0 && len(p.group) > 0
	return len(p.group) > 0
}

// join puts a block into the group that is sent next.
func (s *Sender) join(b protocol.BlockNumber) {
	p := &s.pass
	p.begun.Add(b)
	s.forgive(b)
	k := s.k(b)
	m := member{b, k, k + s.unasked(b, k)}
	p.group = append(p.group, m)
	p.left += m.total
}

// finishGroup notes that the group is through: receivers may ask for it now.
func (s *Sender) finishGroup(now time.Time) {
	p := &s.pass
	if s.loss >= minLoss {
		s.parityQ.sent(now.Add(s.answerTime()), p.group)
	}
	if !p.aside {
		p.sent += len(p.group)
	}
	s.pagesFinished(p.group)
	head := p.group[0].block < protocol.BlockNumber(s.cfg.Head)
	p.group = p.group[:0]
	s.sync.frontMoved = true
	if p.idle() || head {
		s.syncSoon()
	}
}

// answerTime is how long the NACKs of a group take to come at most, mostly.
func (s *Sender) answerTime() time.Duration {
	return protocol.SyncInterval + time.Duration(2+int(s.backoff()))*s.grtt
}
