package spool

import (
	"sync"
	"sync/atomic"
)

// Shared is what the spools of one agent have in common: transfers that may write the same
// path take turns at it. It is safe for concurrent use.
type Shared struct {
	commits sync.Mutex // held from the last look at the ledger until the ledger knows what was moved
	round   atomic.Uint64
}

// NewShared makes what the spools of one agent share.
func NewShared() *Shared { return &Shared{} }

// turn waits until no other transfer moves files to their names; done ends it.
func (s *Shared) turn() (done func()) {
	s.commits.Lock()
	return func() {
		s.round.Add(1)
		s.commits.Unlock()
	}
}
