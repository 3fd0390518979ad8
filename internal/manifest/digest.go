package manifest

import (
	"encoding/binary"

	"github.com/zeebo/blake3"

	"github.com/groupcast/groupcast/internal/protocol"
)

// What is hashed before a block or an index, so that neither passes for the other.
const (
	leafLabel  = 0
	indexLabel = 1
)

// LeafDigest is the digest of a block: H(0x00 ‖ u32 length ‖ data), H being BLAKE3-256: every
// receiver hashes everything, and on machines of all kinds it costs least (docs/adr/0004).
func LeafDigest(data []byte) protocol.Digest {
	return NewLeafHash(len(data)).sumOf(data)
}

// IndexDigest is the digest of block 0, which holds the digests of the manifest's blocks:
// H(0x01 ‖ u32 count ‖ digests).
func IndexDigest(index []byte) protocol.Digest {
	return labelled(indexLabel, len(index)/digestBytes).sumOf(index)
}

// LeafHash computes a leaf digest piece by piece.
type LeafHash struct{ *blake3.Hasher }

// NewLeafHash begins the digest of a block of length bytes.
func NewLeafHash(length int) LeafHash { return labelled(leafLabel, length) }

// Digest is the digest of what was written.
func (h LeafHash) Digest() (d protocol.Digest) {
	h.Sum(d[:0])
	return d
}

func labelled(label byte, n int) LeafHash {
	h := blake3.New()
	var head [5]byte
	head[0] = label
	binary.BigEndian.PutUint32(head[1:], uint32(n))
	_, _ = h.Write(head[:]) // never fails
	return LeafHash{h}
}

func (h LeafHash) sumOf(data []byte) protocol.Digest {
	_, _ = h.Write(data)
	return h.Digest()
}
