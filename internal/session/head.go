package session

import (
	"errors"
	"sync"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

const digestBytes = len(protocol.Digest{})

// head collects the first blocks of a session, the index and the manifest, and holds what
// becomes of them: layout and store. As recv.Layout it knows the lengths that the offer
// tells. It is safe for concurrent use.
type head struct {
	offer wire.Offer

	mu       sync.Mutex
	index    []byte
	manifest []byte
	held     *protocol.BlockSet // blocks whose bytes are in manifest, verified or not
	left     int                // blocks of the manifest not yet verified
	taken    bool               // whole gave the manifest away
	layout   Layout
	store    BlockStore
}

// verdictOn is what became of a block of the head.
type verdictOn struct {
	block   protocol.BlockNumber
	outcome recv.Outcome
}

// Length gives the length of index and manifest blocks, which the offer tells.
func (h *head) Length(b protocol.BlockNumber) (int, bool) {
	m := int(h.offer.ManifestBlocks)
	switch {
	case b == 0:
		return m * digestBytes, true
	case int(b) < m:
		return protocol.BlockSize, true
	case int(b) == m:
		return int(h.offer.ManifestBytes) - (m-1)*protocol.BlockSize, true
	}
	return 0, false
}

// put takes a decoded block and says which blocks are verified by it: a manifest block that
// comes before the index has to wait.
func (h *head) put(b protocol.BlockNumber, data []byte) []verdictOn {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.layout != nil || h.left == 0 && h.index != nil {
		return []verdictOn{{b, recv.Stored}}
	}
	h.prepare()
	if b > 0 {
		copy(h.manifest[int(b-1)*protocol.BlockSize:], data)
		h.held.Add(b)
		if h.index == nil {
			return nil
		}
		return []verdictOn{h.verify(b)}
	}
	if digestOf(0, data) != h.offer.IndexDigest {
		return []verdictOn{{0, recv.Mismatch}}
	}
	h.index = append([]byte(nil), data...)
	out := []verdictOn{{0, recv.Stored}}
	for b, ok := h.held.Next(1); ok; b, ok = h.held.Next(b + 1) {
		out = append(out, h.verify(b))
	}
	return out
}

func (h *head) prepare() {
	if h.manifest == nil {
		h.manifest = make([]byte, h.offer.ManifestBytes)
		h.held = protocol.NewBlockSet(1 + int(h.offer.ManifestBlocks))
		h.left = int(h.offer.ManifestBlocks)
	}
}

func (h *head) verify(b protocol.BlockNumber) verdictOn {
	length, _ := h.Length(b)
	from := int(b-1) * protocol.BlockSize
	want := protocol.Digest(h.index[int(b-1)*digestBytes:][:digestBytes])
	if digestOf(b, h.manifest[from:from+length]) != want {
		h.held.Remove(b)
		return verdictOn{b, recv.Mismatch}
	}
	h.left--
	return verdictOn{b, recv.Stored}
}

// whole gives the verified manifest, once.
func (h *head) whole() ([]byte, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.taken || h.index == nil || h.left > 0 {
		return nil, false
	}
	h.taken = true
	m := h.manifest
	h.manifest, h.held = nil, nil
	return m, true
}

// supply takes a manifest that came whole.
func (h *head) supply(manifest []byte) error {
	if uint64(len(manifest)) != h.offer.ManifestBytes {
		return errManifest
	}
	var index []byte
	for b := 1; b <= int(h.offer.ManifestBlocks); b++ {
		length, _ := h.Length(protocol.BlockNumber(b))
		d := digestOf(protocol.BlockNumber(b), manifest[(b-1)*protocol.BlockSize:][:length])
		index = append(index, d[:]...)
	}
	if digestOf(0, index) != h.offer.IndexDigest {
		return errManifest
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.taken {
		h.index, h.manifest, h.left = index, manifest, 0
	}
	return nil
}

var errManifest = errors.New("the manifest is not the one that the offer vouches for")

func (h *head) stage(l Layout, s BlockStore) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.layout, h.store = l, s
}

// staged gives layout and store, both nil before the manifest is staged.
func (h *head) staged() (Layout, BlockStore) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.layout, h.store
}

func (h *head) storeNow() BlockStore {
	_, s := h.staged()
	return s
}
