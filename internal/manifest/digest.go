package manifest

import (
	"github.com/zeebo/blake3"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Contexts of BLAKE3's key derivation mode, so that neither a block nor an index passes for the
// other, or for anything else. A prefix would do the same, but shift the data in the hasher's
// buffer, which then copies all of it.
var (
	leaves  = newDigester("groupcast 1 block")
	indexes = newDigester("groupcast 1 index")
)

// LeafDigest is the digest of a block: BLAKE3 in derive_key mode, because every receiver
// hashes everything, and on machines of all kinds it costs least (docs/adr/0004).
func LeafDigest(data []byte) protocol.Digest { return leaves.of(data) }

// IndexDigest is the digest of block 0, which holds the digests of the manifest's blocks.
func IndexDigest(index []byte) protocol.Digest { return indexes.of(index) }

// digester makes digests in one context. It is safe for concurrent use.
type digester struct{ fresh *blake3.Hasher }

func newDigester(context string) *digester {
	return &digester{blake3.NewDeriveKey(context)}
}

func (g *digester) of(data []byte) (d protocol.Digest) {
	h := g.fresh.Clone()
	_, _ = h.Write(data) // never fails
	h.Sum(d[:0])
	return d
}
