package agent

import (
	"sync"

	"github.com/groupcast/groupcast/internal/protocol"
)

// wanted are the blocks that a session wants fetched over HTTPS and that are not being fetched yet. The
// session asks only once, so none may get lost: they are merged, one bit a block, however slow HTTPS is.
// It is safe for concurrent use.
type wanted struct {
	some chan struct{} // something is wanted

	mu     sync.Mutex
	blocks *protocol.BlockSet // nil: none
	of     int                // blocks of the session
	all    bool
	reason string // of the newest
}

// fetchable is what is wanted at one time.
type fetchable struct {
	ranges []protocol.Range
	all    bool
	reason string
}

func newWanted(blocks int) *wanted {
	return &wanted{some: make(chan struct{}, 1), of: blocks}
}

// add asks for blocks, or with all for everything that is missing.
func (w *wanted) add(ranges []protocol.Range, all bool, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all, w.reason = w.all || all, reason
	for _, r := range ranges {
		if w.blocks == nil {
			w.blocks = protocol.NewBlockSet(w.of)
		}
		w.blocks.AddRange(r)
	}
	select {
	case w.some <- struct{}{}:
	default: // it is said already
	}
}

// take gives what is wanted, and nothing of it is wanted any more.
func (w *wanted) take() (f fetchable, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f = fetchable{all: w.all, reason: w.reason}
	if w.blocks != nil {
		f.ranges = w.blocks.Members()
	}
	w.blocks, w.all, w.reason = nil, false, ""
	return f, f.all || len(f.ranges) > 0
}
