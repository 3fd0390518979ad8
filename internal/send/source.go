package send

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// source is what a session knows of where its blocks come from. In a session of format 1 all blocks can be read
// from its beginning, and there are no pages.
type source struct {
	ready   *protocol.BlockSet // blocks that can be read; nil: all
	dropped *protocol.BlockSet // blocks that everybody holds, by a page; nil: none
	urgent  []protocol.BlockNumber
	pages   int  // that were announced
	front   int  // of them, were sent once
	final   bool // the last of them is the final one
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

// Resumed says at the beginning of a session that an earlier one sent so many pages: they are not sent unless a
// device asks for them.
func (s *Sender) Resumed(pages int, final bool) {
	s.source.pages, s.source.front, s.source.final = pages, pages, final
}

// PagesSent gives how many pages were announced and how many of them were sent once.
func (s *Sender) PagesSent() (announced, sent int) { return s.source.pages, s.source.front }

// Available says that blocks can be read now; of a session whose config says Sourced, no other is sent.
func (s *Sender) Available(now time.Time, r protocol.Range) {
	if s.source.ready != nil {
		s.source.ready.AddRange(r)
	}
}

// Unavailable says that a block has to be read again before it can be sent.
func (s *Sender) Unavailable(b protocol.BlockNumber) {
	if s.source.ready != nil && int(b) >= s.cfg.Head {
		s.source.ready.Remove(b)
	}
}

// Lacking appends the blocks that are to be sent and cannot be read, as many as dst has room for: those that
// were asked for first, then those of the pass, in its order.
func (s *Sender) Lacking(dst []protocol.BlockNumber) []protocol.BlockNumber {
	if s.source.ready == nil {
		return dst
	}
	for _, b := range s.repair.active {
		if len(dst) < cap(dst) && !s.readable(b) {
			dst = append(dst, b)
		}
	}
	for b, ok := s.pass.todo.Next(s.pass.cursor); ok && len(dst) < cap(dst); b, ok = s.pass.todo.Next(b + 1) {
		if !s.readable(b) {
			dst = append(dst, b)
		}
	}
	return dst
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
	return s.source.ready == nil || int(b) < s.cfg.Head || s.source.ready.Has(b)
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
	if s.source.ready == nil || s.over || s.sync.ending || s.through() && s.repair.owed == 0 {
		return false
	}
	return s.devices.ever > 0 && !s.passReady() && !s.repairReady()
}

// passReady says whether the pass has a symbol that can be sent.
func (s *Sender) passReady() bool {
	if s.source.ready == nil {
		return !s.pass.idle()
	}
	if len(s.pass.group) > 0 || len(s.source.urgent) > 0 {
		return true
	}
	if b, ok := s.pass.todo.Next(s.pass.cursor); ok && s.readable(b) {
		return true
	}
	_, ok := s.outOfTurn()
	return ok
}

// repairReady says whether there is repair that can be sent.
func (s *Sender) repairReady() bool {
	if s.source.ready == nil {
		return len(s.repair.active) > 0
	}
	for _, b := range s.repair.active {
		if s.readable(b) {
			return true
		}
	}
	return false
}

// outOfTurn is a block that waits for the next pass and can be sent now, because this one is starved.
func (s *Sender) outOfTurn() (protocol.BlockNumber, bool) {
	for b, ok := s.pass.later.Next(0); ok; b, ok = s.pass.later.Next(b + 1) {
		if s.readable(b) {
			return b, true
		}
	}
	return 0, false
}

// loadUrgent takes the pages that were announced into a group of their own.
func (s *Sender) loadUrgent() bool {
	x := &s.source
	for len(x.urgent) > 0 && len(s.pass.group) < s.pass.width {
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
	if b, ok := r.queued.Next(s.firstPage()); ok && s.isPage(b) {
		for i, b := range r.active {
			if s.isPage(b) {
				r.next = i
				return true
			}
		}
	}
	for range r.active {
		if s.readable(r.active[r.next]) {
			return true
		}
		r.next = (r.next + 1) % len(r.active)
	}
	return false
}
