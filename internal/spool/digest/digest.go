// Package digest hashes what lies on a receiver's disk.
package digest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"github.com/zeebo/blake3"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

// Kind is a hash by which a file's content is known.
type Kind uint8

// The kinds. What was delivered is known by that of the format that delivered it: whoever knows the digest alone
// compares it with Either.
const (
	SHA256 Kind = 1 << iota // format 1
	BLAKE3                  // format 2
	Either = SHA256 | BLAKE3
)

// Holds reads the first size bytes of a file and says whether they have this digest; io.EOF if it has fewer.
func Holds(ctx context.Context, f diskfs.FS, name string, size uint64, want protocol.Digest, by Kind) (bool, error) {
	if size <= bufferBytes {
		return holdsSmall(ctx, f, name, size, want, by)
	}
	var hashes []hash.Hash
	if by&SHA256 != 0 {
		hashes = append(hashes, sha256.New())
	}
	if by&BLAKE3 != 0 {
		hashes = append(hashes, blake3.New())
	}
	if err := read(ctx, f, name, size, hashes); err != nil {
		return false, err
	}
	for _, h := range hashes {
		if protocol.Digest(h.Sum(nil)) == want {
			return true, nil
		}
	}
	return false, nil
}

// holdsSmall is Holds for a file that a buffer takes whole.
func holdsSmall(
	ctx context.Context, f diskfs.FS, name string, size uint64, want protocol.Digest, by Kind,
) (bool, error) {
	h, err := f.Open(name, false)
	if err != nil {
		return false, err
	}
	defer h.Close()
	some := buffers.Get().(*[]byte)
	defer buffers.Put(some)
	whole := (*some)[:size]
	if n, err := h.ReadAt(whole, 0); n < len(whole) {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	return isOf(whole, want, by), ctx.Err()
}

func read(ctx context.Context, f diskfs.FS, name string, size uint64, into []hash.Hash) error {
	h, err := f.Open(name, false)
	if err != nil {
		return err
	}
	defer h.Close()
	in, some := io.NewSectionReader(h, 0, int64(size)), buffers.Get().(*[]byte)
	defer buffers.Put(some)
	buf := *some
	for left := size; left > 0 && ctx.Err() == nil; {
		n, err := in.Read(buf[:min(uint64(len(buf)), left)])
		for _, h := range into {
			_, _ = h.Write(buf[:n]) // never fails
		}
		left -= uint64(n)
		if err != nil && left > 0 {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	return ctx.Err()
}
