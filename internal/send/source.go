package send

import (
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// stallAfter is how long a session waits for its source before its rounds stand still and silence is excused. Less
// is a source that does not keep up, and the rate is judged by what it gives.
const stallAfter = 100 * time.Millisecond

// How many of the blocks that are sent soon are looked for, of each kind; what is left is of the pass.
const (
	soonUrgent = 2
	soonHead   = 2
	soonRepair = 6
	soonPass   = 12
)

// source is what a session knows of where its blocks come from. In a session of format 1 there are no pages.
type source struct {
	ready   *protocol.BlockSet // blocks that can be read; nil: all
	dropped *protocol.BlockSet // blocks that everybody holds, by a page; nil: none
	urgent  []protocol.BlockNumber
	pages   int       // that were announced
	front   int       // of them, were sent once
	final   bool      // the last of them is the final one
	owed    int       // pages of which repair is queued
	since   time.Time // since when nothing can be sent because of the source; zero: it can
}

// firstPage is the block of page 0: pages are the last of the head.
func (s *Sender) firstPage() protocol.BlockNumber {
	return protocol.BlockNumber(s.cfg.Head - s.cfg.Pages)
}

func (s *Sender) isPage(b protocol.BlockNumber) bool {
	return s.cfg.Pages > 0 && b >= s.firstPage() && int(b) < s.cfg.Head
}

// Announce lets the next page be sent, before anything else: it is signed and durable. final: it is the last one.
func (s *Sender) Announce(now time.Time, final bool) {
	x := &s.source
	b := s.firstPage() + protocol.BlockNumber(x.pages)
	if !s.isPage(b) || x.final {
		return
	}
	x.pages, x.final = x.pages+1, final
	x.urgent = append(x.urgent, b)
	s.wanted.Add(b)
	s.syncSoon()
}

// Resumed says at the beginning of a session that there are so many pages already: they are sent to devices that lack
// everything as long as nothing was sent, and later to those that ask for them.
func (s *Sender) Resumed(pages int, final bool) {
	s.source.pages, s.source.front, s.source.final = pages, pages, final
}

// PagesSent gives how many pages were announced and how many of them were sent once.
func (s *Sender) PagesSent() (announced, sent int) { return s.source.pages, s.source.front }

// Front is the block below which this pass has sent all it will send.
func (s *Sender) Front() protocol.BlockNumber { return s.pass.front() }

// Available says that blocks can be read now; in a session whose config says Sourced, no other is sent.
func (s *Sender) Available(now time.Time, r protocol.Range) {
	if s.source.ready != nil {
		s.source.ready.AddRange(r)
	}
}

// Unavailable says that a block has to be read again before it can be sent.
func (s *Sender) Unavailable(b protocol.BlockNumber) {
	if s.source.ready != nil {
		s.source.ready.Remove(b)
	}
}

// Soon appends the blocks that are sent next as far as it is known, as many as dst has room for: those of which
// symbols are being sent, then those that can wait least. They are to be kept, and to be read if they are not there.
func (s *Sender) Soon(dst []protocol.BlockNumber) []protocol.BlockNumber {
	for _, m := range s.pass.group {
		dst = appendUpTo(dst, cap(dst), m.block)
	}
	most := len(dst) + soonUrgent
	for _, b := range s.source.urgent {
		dst = appendUpTo(dst, most, b)
	}
	most = len(dst) + soonHead
	for b, ok := s.pass.later.Next(0); ok && int(b) < s.cfg.Head && len(dst) < most; b, ok = s.pass.later.Next(b + 1) {
		dst = appendUpTo(dst, most, b)
	}
	most = len(dst) + soonRepair
	if b, ok := s.pageToRepair(); ok {
		dst = appendUpTo(dst, most, b)
	}
	for _, b := range s.repair.active[:min(len(s.repair.active), soonRepair)] {
		dst = appendUpTo(dst, most, b)
	}
	return s.soonOfPass(dst)
}

// soonOfPass appends the next blocks of the pass; of the next pass once this one is through.
func (s *Sender) soonOfPass(dst []protocol.BlockNumber) []protocol.BlockNumber {
	set, from := s.pass.todo, s.pass.cursor
	if set.Count() == 0 {
		set, from = s.pass.later, 0
	}
	if set.Count() == 0 {
		return dst
	}
	most := len(dst) + soonPass
	for b, ok := set.Next(from); ok && len(dst) < min(most, cap(dst)); b, ok = set.Next(b + 1) {
		dst = append(dst, b)
	}
	return dst
}

func appendUpTo(dst []protocol.BlockNumber, most int, b protocol.BlockNumber) []protocol.BlockNumber {
	if len(dst) >= min(most, cap(dst)) {
		return dst
	}
	return append(dst, b)
}

// Drop takes blocks that everybody holds out of what is sent: a page says that they are zeros, or void.
func (s *Sender) Drop(now time.Time, r protocol.Range) {
	if s.source.dropped == nil {
		s.source.dropped = protocol.NewBlockSet(s.cfg.Blocks)
	}
	for b := r.First; b < r.End() && int(b) < s.cfg.Blocks; b++ {
		s.source.dropped.Add(b)
		s.pass.later.Remove(b)
		if s.pass.todo.Remove(b) {
			s.pass.size--
		}
		s.forgive(b)
	}
}

func (s *Sender) readable(b protocol.BlockNumber) bool {
	return s.source.ready == nil || s.source.ready.Has(b)
}

// held says whether everybody with the pages, or the manifest, holds a block.
func (s *Sender) held(b protocol.BlockNumber) bool {
	return s.source.dropped != nil && s.source.dropped.Has(b) || s.cfg.Zeros != nil && s.cfg.Zeros.Has(b)
}

// through says that nothing of a pass is left and no page is to come.
func (s *Sender) through() bool {
	return s.pass.done() && (s.cfg.Pages == 0 || s.source.final && len(s.source.urgent) == 0)
}

// Starved says that the source is behind: the pass is not through, and nothing of it can be read.
func (s *Sender) Starved() bool { return s.waits() && !s.through() }

// waits says that there is something to send, and none of it can be read.
func (s *Sender) waits() bool {
	if s.source.ready == nil || s.over || s.sync.ending || s.devices.ever == 0 || s.passReady() || s.repairReady() {
		return false
	}
	pages := s.cfg.Pages > 0 && (len(s.source.urgent) > 0 || !s.source.final && s.pass.done())
	return pages || s.pass.todo.Count() > 0 || len(s.repair.active) > 0
}

// noteWait notes whether the session waits for its source.
func (s *Sender) noteWait(now time.Time) {
	switch {
	case !s.waits():
		s.source.since = time.Time{}
	case s.source.since.IsZero():
		s.source.since = now
	case now.Sub(s.source.since) >= stallAfter:
		s.round.starved = true
	}
}

// stalled says whether the session has waited for its source for a while.
func (s *Sender) stalled(now time.Time) bool {
	return !s.source.since.IsZero() && now.Sub(s.source.since) >= stallAfter
}

// passReady says whether the pass has a symbol that can be sent.
func (s *Sender) passReady() bool {
	if s.source.ready == nil {
		return !s.pass.idle()
	}
	if len(s.pass.group) > 0 || s.urgentReady() {
		return true
	}
	if s.pass.todo.Count() == 0 {
		return false
	}
	if b, ok := s.pass.todo.Next(s.pass.cursor); ok && s.readable(b) {
		return true
	}
	_, ok := s.outOfTurn()
	return ok
}

// urgentReady says whether the next page can be sent.
func (s *Sender) urgentReady() bool {
	return len(s.source.urgent) > 0 && s.readable(s.source.urgent[0])
}

// repairReady says whether there is repair that can be sent.
func (s *Sender) repairReady() bool {
	if s.source.ready == nil {
		return len(s.repair.active) > 0
	}
	return slices.ContainsFunc(s.repair.active, s.repairable)
}

// repairable says whether a block that is in the list of repairs can be dealt with.
func (s *Sender) repairable(b protocol.BlockNumber) bool { return s.readable(b) || s.owing(b) == 0 }

// outOfTurn is a block that waits for the next pass and can be sent now, because this one cannot go on.
func (s *Sender) outOfTurn() (protocol.BlockNumber, bool) {
	if s.pass.later.Count() == 0 || s.pass.todo.Count() == 0 {
		return 0, false
	}
	for b, ok := s.source.ready.Next(0); ok; b, ok = s.source.ready.Next(b + 1) { // fewer than those that wait
		if s.pass.later.Has(b) {
			return b, true
		}
	}
	return 0, false
}

// loadUrgent takes the pages that were announced into a group of their own.
func (s *Sender) loadUrgent() bool {
	x := &s.source
	for s.urgentReady() && len(s.pass.group) < s.pass.width {
		s.join(x.urgent[0])
		x.urgent = x.urgent[1:]
	}
	s.pass.aside = len(s.pass.group) > 0
	return s.pass.aside
}

// loadAside takes blocks of the next pass while this one is starved.
func (s *Sender) loadAside() bool {
	if s.source.ready == nil {
		return false
	}
	for len(s.pass.group) < s.pass.width {
		b, ok := s.outOfTurn()
		if !ok {
			break
		}
		s.pass.later.Remove(b)
		s.join(b)
	}
	s.pass.aside = len(s.pass.group) > 0
	return s.pass.aside
}

// pagesFinished notes pages that were sent once.
func (s *Sender) pagesFinished(group []member) {
	for _, m := range group {
		if s.isPage(m.block) {
			s.source.front = max(s.source.front, int(m.block-s.firstPage())+1)
		}
	}
}

// pagesOf is how many parity symbols go out with a page: nothing after it can be verified without it.
func pagesOf(k int) int { return max(headExtra, (k+3)/4) }

// firstToRepair is the place in the list of repairs of what goes next: pages before all others, and nothing that
// cannot be read. false: there is none.
func (s *Sender) firstToRepair() bool {
	r := &s.repair
	if r.next >= len(r.active) {
		r.next = 0
	}
	if s.source.ready == nil {
		return len(r.active) > 0
	}
	if b, ok := s.pageToRepair(); ok && s.readable(b) {
		r.next = slices.Index(r.active, b)
		return true
	}
	for range r.active {
		if s.repairable(r.active[r.next]) {
			return true
		}
		r.next = (r.next + 1) % len(r.active)
	}
	return false
}

// pageToRepair is the first page of which repair is to be sent.
func (s *Sender) pageToRepair() (protocol.BlockNumber, bool) {
	if s.source.owed == 0 {
		return 0, false
	}
	i := slices.IndexFunc(s.repair.active, s.isPage)
	if i < 0 {
		return 0, false
	}
	return s.repair.active[i], true
}
