// Package digest hashes what lies on a receiver's disk.
package digest

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

// File gives the SHA-256 of size bytes of a file from offset on.
func File(ctx context.Context, f diskfs.FS, name string, offset, size uint64) (sum protocol.Digest, err error) {
	h, err := f.Open(name, false)
	if err != nil {
		return sum, err
	}
	defer h.Close()
	hash, buf := sha256.New(), make([]byte, 256<<10)
	for size > 0 && ctx.Err() == nil {
		n, err := h.ReadAt(buf[:min(uint64(len(buf)), size)], int64(offset))
		hash.Write(buf[:n])
		offset, size = offset+uint64(n), size-uint64(n)
		if err != nil && size > 0 {
			return sum, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return protocol.Digest(hash.Sum(nil)), ctx.Err()
}
