package digest_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/spool/digest"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

// Whoever looks through many small files has not a large buffer for each.
func TestSmallFilesShareABuffer(t *testing.T) {
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
	if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 128<<10 {
		t.Errorf("a file of %d bytes takes %d bytes of memory", len(text), each)
	}
}
