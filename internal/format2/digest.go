package format2

import (
	"github.com/zeebo/blake3"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Contexts of BLAKE3's key derivation mode: no digest of one role passes for one of another.
var (
	blocks    = blake3.NewDeriveKey("groupcast 2 block")
	skeletons = blake3.NewDeriveKey("groupcast 2 skeleton")
	pages     = blake3.NewDeriveKey("groupcast 2 page")
	roots     = blake3.NewDeriveKey("groupcast 2 root")
	lackSets  = blake3.NewDeriveKey("groupcast 2 lacks")
)

func digestOf(context *blake3.Hasher, data []byte) (d protocol.Digest) {
	h := context.Clone()
	_, _ = h.Write(data) // never fails
	h.Sum(d[:0])
	return d
}

// LeafDigest is the digest of a block of the skeleton or of the stream.
func LeafDigest(block []byte) protocol.Digest { return digestOf(blocks, block) }

// SkeletonDigest is that of the skeleton's index, which is block 0; it stands in the offer.
func SkeletonDigest(index []byte) protocol.Digest { return digestOf(skeletons, index) }

// PageDigest is what the next page says of a page, out of what is signed of it.
func PageDigest(page []byte) protocol.Digest { return digestOf(pages, page) }

// Root is the digest of the final page, out of what is signed of it.
func Root(page []byte) protocol.Digest { return digestOf(roots, page) }

// LacksDigest is that of a set of blocks, as AppendLacks writes it.
func LacksDigest(lacks []byte) protocol.Digest { return digestOf(lackSets, lacks) }

// ContentDigest is a file's identity: BLAKE3 of its content, without a key.
func ContentDigest(content []byte) protocol.Digest { return blake3.Sum256(content) }

// ContentHasher is ContentDigest of a file that comes in parts.
type ContentHasher struct{ h *blake3.Hasher }

// NewContentHasher begins a file.
func NewContentHasher() *ContentHasher { return &ContentHasher{blake3.New()} }

// Write takes the next part; it never fails.
func (c *ContentHasher) Write(part []byte) (int, error) { return c.h.Write(part) }

// Digest is that of the file; then the next one begins.
func (c *ContentHasher) Digest() (d protocol.Digest) {
	c.h.Sum(d[:0])
	c.h.Reset()
	return d
}
