package digest_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/digest"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

// Whoever looks through many small files has not a large buffer for each.
func TestSmallFilesShareABuffer(t *testing.T) {
	if testing.Short() {
		t.Skip("measures memory; the race detector drops shared buffers at random")
	}
	dir := t.TempDir()
	text := []byte("a small file")
	if err := os.WriteFile(filepath.Join(dir, "small"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := diskfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	const times = 1000
	want := format2.ContentDigest(text)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		is, err := digest.Holds(context.Background(), f, "small", uint64(len(text)), want, digest.BLAKE3)
		if err != nil || !is {
			t.Fatal(is, err)
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 64<<10 {
		t.Errorf("a file of %d bytes takes %d bytes of memory", len(text), each)
	}
}

// A file has a digest, by one hash or the other, if its first bytes have it; one that has fewer was cut.
func TestHolds(t *testing.T) {
	dir := t.TempDir()
	f, err := diskfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	for _, size := range []int{0, 1, 1000, 256 << 10, 256<<10 + 1, 1 << 20} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * 7)
		}
		if err := os.WriteFile(filepath.Join(dir, "file"), append(data, "more"...), 0o600); err != nil {
			t.Fatal(err)
		}
		newer, older := format2.ContentDigest(data), protocol.Digest(sha256.Sum256(data))
		for _, c := range []struct {
			want protocol.Digest
			by   digest.Kind
			is   bool
		}{
			{newer, digest.BLAKE3, true},
			{newer, digest.SHA256, false},
			{newer, digest.Either, true},
			{older, digest.SHA256, true},
			{older, digest.BLAKE3, false},
			{older, digest.Either, true},
			{protocol.Digest{1}, digest.Either, false},
		} {
			if is, err := digest.Holds(t.Context(), f, "file", uint64(size), c.want, c.by); is != c.is || err != nil {
				t.Errorf("%d bytes, by %d: %v, %v", size, c.by, is, err)
			}
		}
		_, err := digest.Holds(t.Context(), f, "file", uint64(size)+5, newer, digest.Either)
		if !errors.Is(err, io.EOF) {
			t.Errorf("of %d bytes a file has 1 less: %v", size+5, err)
		}
	}
}
