package digest

import (
	"context"
	"crypto/sha256"
	"sync"

	"github.com/zeebo/blake3"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

// Whole is how large a file may be that is read at once.
const Whole = bufferBytes

// buffers are for reading: of many small files one that each had for itself would cost more than the reading.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, bufferBytes)
	return &b
}}

const bufferBytes = 256 << 10

// HoldsWhole says whether a name has a regular file of just this size, Whole at most, with this digest, and what mode
// and time it has.
func HoldsWhole(
	ctx context.Context, f diskfs.FS, name string, size uint64, want protocol.Digest, by Kind,
) (m diskfs.Meta, is bool, err error) {
	some := buffers.Get().(*[]byte)
	defer buffers.Put(some)
	b := (*some)[:size]
	m, whole, err := diskfs.ReadWhole(f, name, b)
	if err != nil || !whole {
		return m, false, err
	}
	return m, isOf(b, want, by), ctx.Err()
}

func isOf(b []byte, want protocol.Digest, by Kind) bool {
	return by&BLAKE3 != 0 && protocol.Digest(blake3.Sum256(b)) == want ||
		by&SHA256 != 0 && protocol.Digest(sha256.Sum256(b)) == want
}
