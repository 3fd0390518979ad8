package manifest_test

import (
	"crypto/sha256"
	"testing"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// The hash of a block, beside the one that was not chosen (docs/adr/0004).
func BenchmarkHash(b *testing.B) {
	data := make([]byte, protocol.BlockSize)
	b.Run("blake3", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			manifest.LeafDigest(data)
		}
	})
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			sha256.Sum256(data)
		}
	})
}
