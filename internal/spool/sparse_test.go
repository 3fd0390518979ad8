package spool_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// tight is a file system with little room.
type tight struct {
	diskfs.FS
	free uint64
}

func (t tight) Free() (uint64, uint64, error) { return t.free, 1 << 40, nil }

// holed is a file of 64 MiB with a little in its middle and at its end, one of nothing but
// zeros, and one without any.
func holed() map[string][]byte {
	sparse := make([]byte, 64<<20)
	copy(sparse[30<<20:], noise(100, 1))
	copy(sparse[64<<20-300<<10:], noise(300<<10, 2))
	return map[string][]byte{
		"sparse": sparse, "zeros": make([]byte, 5<<20+1), "full": noise(2<<20, 3), "small": make([]byte, 1000),
	}
}

func checkHoled(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, want := range files {
		if have, err := os.ReadFile(filepath.Join(dir, "lab", name)); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s: %d bytes, %v", name, len(have), err)
		}
	}
}

// A hole stays a hole: its blocks are there from the beginning, nothing is written for them, and
// they need no room.
func TestHolesStayHoles(t *testing.T) {
	dir := t.TempDir()
	real, err := diskfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := holed()
	tr := makeTransfer(t, files)
	for free, fits := range map[uint64]bool{2 << 20: false, 12 << 20: true} {
		s, err := spool.Open(spool.Config{
			Dir: dir, FS: tight{real, free}, Group: "lab", Ledger: spooltest.NewLedger(), Reserve: -1,
		})
		if err != nil {
			t.Fatal(err)
		}
		g, err := s.Stage(context.Background(), 1, tr.layout)
		var refused *spool.Refused
		if fits != (err == nil) || err != nil && !errors.As(err, &refused) {
			t.Fatalf("%d bytes free: %v", free, err)
		}
		if err != nil {
			continue
		}
		written, bytes := 0, 0
		for b := tr.layout.FirstStream(); int(b) < tr.layout.Blocks(); b++ {
			if !g.Has().Has(b) {
				written++
				bytes += len(tr.block(b))
				if err := g.WriteBlock(b, tr.block(b)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if bytes > 4<<20 {
			t.Errorf("%d blocks with %d bytes had to come", written, bytes)
		}
		if err := g.Commit(context.Background()); err != nil || !g.Done() {
			t.Fatal(err)
		}
	}
	checkHoled(t, dir, files)
	checkAllocated(t, filepath.Join(dir, "lab", "sparse"), 2<<20)
	checkAllocated(t, filepath.Join(dir, "lab", "zeros"), 64<<10)
}

// The process dies after every block: each time holes are there, and what was written.
func TestHolesAfterACrash(t *testing.T) {
	dir := t.TempDir()
	files := holed()
	tr := makeTransfer(t, files)
	for left := -1; left != 0; {
		s := open(t, dir, spooltest.NewLedger())
		g, err := s.Stage(context.Background(), 1, tr.layout)
		if err != nil {
			t.Fatal(err)
		}
		if before := left; left >= 0 && g.Missing() != before {
			t.Fatalf("%d blocks are missing after %d", g.Missing(), before)
		}
		if b, ok := firstMissing(g, tr); ok {
			if err := g.WriteBlock(b, tr.block(b)); err != nil {
				t.Fatal(err)
			}
		}
		left = g.Missing()
		if left == 0 {
			if err := g.Commit(context.Background()); err != nil || !g.Done() {
				t.Fatal(err)
			}
		}
		if err := errors.Join(g.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	checkHoled(t, dir, files)
}

func firstMissing(g *spool.Staging, tr *transfer) (protocol.BlockNumber, bool) {
	has := g.Has()
	for b := tr.layout.FirstStream(); int(b) < tr.layout.Blocks(); b++ {
		if !has.Has(b) {
			return b, true
		}
	}
	return 0, false
}
