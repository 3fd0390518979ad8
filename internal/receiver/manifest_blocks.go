package receiver

import (
	"errors"
	"sync"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

// head collects the first blocks of a session, the index and the manifest, and holds what
// becomes of them: layout and store. It is safe for concurrent use.
type head struct {
	first protocol.BlockNumber // of the stream: all below belong to the head
	bytes int                  // of the manifest
	ready chan struct{}        // closed when the manifest is staged

	mu     sync.Mutex
	layout *manifest.Layout // as far as it is known
	index  bool             // the index is verified
	raw    []byte           // the manifest, as far as it is there
	held   *protocol.BlockSet
	left   int // blocks of the manifest not yet verified
	taken  bool
	store  BlockStore
}

// verdictOn is what became of a block of the head.
type verdictOn struct {
	block   protocol.BlockNumber
	outcome recv.Outcome
}

func (h *head) init(o wire.Offer) error {
	l, err := manifest.NewLayout(o)
	if err != nil {
		return err
	}
	h.ready = make(chan struct{})
	h.layout, h.first = l, l.FirstStream()
	h.bytes, h.left = int(o.ManifestBytes), int(o.ManifestBlocks)
	return nil
}

func (h *head) known() *manifest.Layout {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.layout
}

// put takes a decoded block and says which blocks are verified by it: a manifest block that
// comes before the index has to wait.
func (h *head) put(b protocol.BlockNumber, data []byte) []verdictOn {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.index && h.left == 0 {
		return []verdictOn{{b, recv.Stored}} // it came by another road
	}
	if h.raw == nil {
		h.raw, h.held = make([]byte, h.bytes), protocol.NewBlockSet(int(h.first))
	}
	if b > 0 {
		copy(h.raw[int(b-1)*protocol.BlockSize:], data)
		h.held.Add(b)
		if !h.index {
			return nil
		}
		return []verdictOn{h.verify(b)}
	}
	l, err := h.layout.WithIndex(data)
	if err != nil {
		return []verdictOn{{0, recv.Mismatch}}
	}
	h.layout, h.index = l, true
	out := []verdictOn{{0, recv.Stored}}
	for b, ok := h.held.Next(1); ok; b, ok = h.held.Next(b + 1) {
		out = append(out, h.verify(b))
	}
	return out
}

func (h *head) verify(b protocol.BlockNumber) verdictOn {
	length, _ := h.layout.Length(b)
	from := int(b-1) * protocol.BlockSize
	if !h.layout.Verify(b, h.raw[from:from+length]) {
		h.held.Remove(b)
		return verdictOn{b, recv.Mismatch}
	}
	h.left--
	return verdictOn{b, recv.Stored}
}

// whole gives the layout and the manifest it was made of, once, when all of it is there; a
// nil layout says not now.
func (h *head) whole() (*manifest.Layout, []byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.taken || !h.index || h.left > 0 {
		return nil, nil, nil
	}
	h.taken = true
	raw := h.raw
	h.raw, h.held = nil, nil
	l, err := h.layout.WithManifest(raw)
	if err != nil {
		return nil, nil, err
	}
	h.layout = l
	return l, raw, nil
}

var errManifest = errors.New("the manifest is not the one that the offer vouches for")

// supply takes a manifest that came whole, and gives the blocks that waited for the index:
// workers are done with them, and nobody has told the machine.
func (h *head) supply(raw []byte) (waiting *protocol.BlockSet, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	waiting = protocol.NewBlockSet(int(h.first))
	if len(raw) != h.bytes {
		return waiting, errManifest
	}
	if h.taken {
		return waiting, nil
	}
	if _, err := h.layout.WithManifest(raw); err != nil {
		return waiting, errors.Join(errManifest, err)
	}
	if h.held != nil && !h.index {
		waiting = h.held
	}
	h.raw, h.index, h.left = raw, true, 0
	return waiting, nil
}

func (h *head) stage(s BlockStore) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.store = s
	close(h.ready)
}

// staged gives layout and store; the store is nil before the manifest is staged.
func (h *head) staged() (*manifest.Layout, BlockStore) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.layout, h.store
}

func (h *head) storeNow() BlockStore {
	_, s := h.staged()
	return s
}
