package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// smallDisk mounts a disk of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=700"); err != nil {
		t.Skipf("a disk of its own needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes the last byte of a disk.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 16, 1 << 12, 1} {
		for err = nil; err == nil; _, err = f.Write(make([]byte, size)) {
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}

// What must not come undone uses what is kept of a full disk; what may is refused in words; and
// when there is room again, all goes on with the same database.
func TestAFullDiskInWordsAndWithRoomMade(t *testing.T) {
	dir := smallDisk(t, "8m")
	ballast, parts := filepath.Join(dir, "ballast"), 0
	makeRoom := func() bool {
		parts--
		return parts >= 0 && os.Truncate(ballast, int64(parts)<<18) == nil
	}
	s, err := OpenWith(t.Context(), filepath.Join(dir, "db.sqlite"), makeRoom)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	set := func(ctx context.Context, q *queries.Queries) error {
		return q.SetSetting(ctx, queries.SetSettingParams{Name: "long", Value: strings.Repeat("x", 100_000)})
	}
	parts = 2
	if err := os.WriteFile(ballast, make([]byte, parts<<18), 0o600); err != nil {
		t.Fatal(err)
	}
	fill(t, filepath.Join(dir, "others"))
	for range 100 {
		if err = s.db.Quickly(t.Context(), set); err != nil {
			break
		}
	}
	if groupcast.ErrorCode(err) != groupcast.EUnavailable || !strings.Contains(err.Error(), "the server's disk is full") {
		t.Fatalf("a full disk: %v", err)
	}
	if parts != 2 {
		t.Error("what may come undone took of what is kept")
	}
	if err := s.db.Durably(t.Context(), set); err != nil || parts == 2 {
		t.Fatalf("out of what is kept: %v, %d parts", err, parts)
	}
	for range 1000 {
		if err = s.db.Durably(t.Context(), set); err != nil {
			break
		}
	}
	if err == nil {
		t.Log("the log of the database was used again; nothing more was needed")
	}
	if err := os.Remove(filepath.Join(dir, "others")); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Quickly(t.Context(), set); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// A server starts while its disk is full.
func TestOpensOnAFullDiskWithRoomMade(t *testing.T) {
	dir := smallDisk(t, "8m")
	path, ballast, parts := filepath.Join(dir, "db.sqlite"), filepath.Join(dir, "ballast"), 4
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ballast, make([]byte, parts<<18), 0o600); err != nil {
		t.Fatal(err)
	}
	fill(t, filepath.Join(dir, "others"))
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "the server's disk") {
		t.Errorf("without room: %v", err)
	}
	s, err = OpenWith(t.Context(), path, func() bool {
		parts--
		return parts >= 0 && os.Truncate(ballast, int64(parts)<<18) == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetSetting(t.Context(), "who", "me"); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAReadOnlyDiskInWords(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "db.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.db.Read(t.Context(), func(q *queries.Queries) error { // by a connection that may only read
		_, err := q.DeleteAudit(t.Context(), 1)
		return err
	})
	if groupcast.ErrorCode(err) != groupcast.EUnavailable ||
		!strings.Contains(err.Error(), "the server's disk is read-only") {
		t.Errorf("%v", err)
	}
}
