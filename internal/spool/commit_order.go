package spool

import (
	"sync"
	"sync/atomic"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// Shared is what the spools of one agent have in common: transfers that may write the same
// path take turns at it, and what they will still take of the disk is added up. It is safe
// for concurrent use.
type Shared struct {
	// mu is held from the last look at the ledger until the ledger knows what was moved, and
	// while a staging is admitted: then none of them is between its two names.
	mu     sync.Mutex
	round  atomic.Uint64             // of commits so far
	staged map[*Staging]bool         // those that were admitted and are not over
	looked map[protocol.GroupID]bool // groups of which it is known what a crash caught

	probing sync.Mutex // held while it is found out whether the disk works
}

// NewShared makes what the spools of one agent share.
func NewShared() *Shared {
	return &Shared{staged: map[*Staging]bool{}, looked: map[protocol.GroupID]bool{}}
}

// turn waits until no other transfer moves files to their names; done ends it.
func (s *Shared) turn() (done func()) {
	s.mu.Lock()
	return func() {
		s.round.Add(1)
		s.mu.Unlock()
	}
}

// admit takes a staging in if it fits beside what the others will still take.
func (s *Shared) admit(g *Staging) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := g.checkSpace(s.promised()); err != nil {
		return trouble.OrDisk(err)
	}
	s.staged[g] = true
	return nil
}

// leave ends what a staging was promised.
func (s *Shared) leave(g *Staging) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.staged, g)
}

// Promised is how many bytes of the disk the running transfers will still take.
func (s *Shared) Promised() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.promised()
}

func (s *Shared) promised() (sum uint64) {
	for g := range s.staged {
		need, _ := g.need()
		sum += need
	}
	return sum
}
