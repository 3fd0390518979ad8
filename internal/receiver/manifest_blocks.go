package receiver

import (
	"errors"
	"sync"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

// manifestBlocks collects the first blocks of a session, which are the index and the manifest, and
// keeps what is made of them: the layout, and the store for the other blocks. It is safe for
// concurrent use.
type manifestBlocks struct {
	first protocol.BlockNumber // of the stream: the blocks before it are index and manifest
	bytes int                  // of the manifest
	ready chan struct{}        // closed by stage

	mu     sync.Mutex
	layout *manifest.Layout   // what is known of it
	index  bool               // the index is verified
	raw    []byte             // the manifest, as much as is there
	held   *protocol.BlockSet // its blocks in raw
	left   int                // blocks of the manifest not yet verified
	taken  bool               // whole gave the manifest
	store  BlockStore
}

// blockOutcome is what became of a block.
type blockOutcome struct {
	block   protocol.BlockNumber
	outcome recv.Outcome
}

func (m *manifestBlocks) init(o wire.Offer) error {
	l, err := manifest.NewLayout(o)
	if err != nil {
		return err
	}
	m.ready = make(chan struct{})
	m.layout, m.first = l, l.FirstStream()
	m.bytes, m.left = int(o.ManifestBytes), int(o.ManifestBlocks)
	return nil
}

// known gives what is known of the layout.
func (m *manifestBlocks) known() *manifest.Layout {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.layout
}

// put takes a decoded block and says of which blocks the outcome is now known: a block of the manifest
// can be verified only when the index is there.
func (m *manifestBlocks) put(b protocol.BlockNumber, data []byte) []blockOutcome {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.index && m.left == 0 {
		return []blockOutcome{{b, recv.Stored}} // the manifest came over HTTPS meanwhile
	}
	if m.raw == nil {
		m.raw, m.held = make([]byte, m.bytes), protocol.NewBlockSet(int(m.first))
	}
	if b > 0 {
		copy(m.raw[int(b-1)*protocol.BlockSize:], data)
		m.held.Add(b)
		if !m.index {
			return nil
		}
		return []blockOutcome{m.verify(b)}
	}
	l, err := m.layout.WithIndex(data)
	if err != nil {
		return []blockOutcome{{0, recv.Mismatch}}
	}
	m.layout, m.index = l, true
	out := []blockOutcome{{0, recv.Stored}}
	for b, ok := m.held.Next(1); ok; b, ok = m.held.Next(b + 1) {
		out = append(out, m.verify(b))
	}
	return out
}

// verify compares a block of the manifest with the index.
func (m *manifestBlocks) verify(b protocol.BlockNumber) blockOutcome {
	length, _ := m.layout.Length(b)
	from := int(b-1) * protocol.BlockSize
	if !m.layout.Verify(b, m.raw[from:from+length]) {
		m.held.Remove(b)
		return blockOutcome{b, recv.Mismatch}
	}
	m.left--
	return blockOutcome{b, recv.Stored}
}

// whole gives the layout and the manifest once, when all of it is there; otherwise the layout is nil.
func (m *manifestBlocks) whole() (*manifest.Layout, []byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.taken || !m.index || m.left > 0 {
		return nil, nil, nil
	}
	m.taken = true
	raw := m.raw
	m.raw, m.held = nil, nil
	l, err := m.layout.WithManifest(raw)
	if err != nil {
		return nil, nil, err
	}
	m.layout = l
	return l, raw, nil
}

var errManifest = errors.New("the manifest is not the one that the offer vouches for")

// supply takes the whole manifest. It gives the blocks that waited for the index: workers are done
// with them, but the machine does not know their outcome yet.
func (m *manifestBlocks) supply(raw []byte) (waiting *protocol.BlockSet, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	waiting = protocol.NewBlockSet(int(m.first))
	if len(raw) != m.bytes {
		return waiting, errManifest
	}
	if m.taken {
		return waiting, nil
	}
	if _, err := m.layout.WithManifest(raw); err != nil {
		return waiting, errors.Join(errManifest, err)
	}
	if m.held != nil && !m.index {
		waiting = m.held
	}
	m.raw, m.index, m.left = raw, true, 0
	return waiting, nil
}

// stage sets the store for the blocks of the stream.
func (m *manifestBlocks) stage(s BlockStore) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store = s
	close(m.ready)
}

// staged gives layout and store; the store is nil before the manifest is staged.
func (m *manifestBlocks) staged() (*manifest.Layout, BlockStore) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.layout, m.store
}

// storeNow gives the store, or nil before the manifest is staged.
func (m *manifestBlocks) storeNow() BlockStore {
	_, s := m.staged()
	return s
}
