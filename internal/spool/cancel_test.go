package spool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// versions are two states of a tree; one file stays as it is.
func versions() (old, next map[string][]byte) {
	old = map[string][]byte{"big.bin": noise(1<<20+600_000, 1), "a/small": noise(700, 2), "stays": []byte("the same")}
	return old, map[string][]byte{
		"big.bin": noise(1<<20+600_000, 3), "a/small": noise(700, 4), "stays": []byte("the same"),
	}
}

// TestACancelledCommitDecidesNothing: the second version of a tree is staged and committed, and
// the context is cancelled at the n-th operation of the disk, for every n. What is left is
// committed afterwards, by the same staging or by the next run: the new version lies under its
// names and nothing beside it.
func TestACancelledCommitDecidesNothing(t *testing.T) {
	for _, restart := range []bool{false, true} {
		total := cancelledAt(t, -1, restart)
		if total < 50 {
			t.Fatalf("%d operations: nothing was played", total)
		}
		for n := range total {
			cancelledAt(t, n, restart)
		}
		t.Logf("%d operations", total)
	}
}

func cancelledAt(t *testing.T, n int, restart bool) (operations int) {
	t.Helper()
	disk, ledger := newDisk(), spooltest.NewLedger()
	s := openOn(t, disk, ledger)
	old, next := versions()
	deliver(t, s, 1, makeTransfer(t, old))
	tr := makeTransfer(t, next)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	disk.EachStep = func() {
		if operations == n {
			cancel()
		}
		operations++
	}
	g, err := s.Stage(ctx, 2, tr.layout)
	if err == nil {
		if err = tr.writeMissing(g); err == nil {
			err = g.Commit(ctx)
		}
	}
	disk.EachStep = nil
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled at operation %d: %v", n, err)
	}
	if g != nil && !restart {
		if err := g.Commit(context.Background()); err != nil || !g.Done() {
			t.Fatalf("cancelled at operation %d: the commit after it: %v", n, err)
		}
	} else {
		if g != nil {
			if err := g.Close(); err != nil {
				t.Fatal(err)
			}
		}
		deliver(t, s, 2, tr)
	}
	have := disk.Files("lab")
	for name, want := range next {
		if !bytes.Equal(have["lab/"+name], want) {
			t.Errorf("cancelled at operation %d (restart %v): %s is not the new version", n, restart, name)
		}
	}
	if len(have) != len(next) {
		t.Errorf("cancelled at operation %d (restart %v): %d files lie there", n, restart, len(have))
	}
	return operations
}

// blind is a file system on which some files cannot be opened.
type blind struct {
	diskfs.FS
	errs map[string]error
}

func (b *blind) Open(name string, write bool) (diskfs.File, error) {
	if err := b.errs[name]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return b.FS.Open(name, write)
}

// TestWhatCannotBeReadIsNeitherEditedNorReplaced: the file of the last version cannot be read.
// That is no edit: nothing is put over it or beside it, and when it can be read again, the
// new version takes its name.
func TestWhatCannotBeReadIsNeitherEditedNorReplaced(t *testing.T) {
	for _, errno := range []error{syscall.EACCES} {
		t.Run(fmt.Sprint(errno), func(t *testing.T) {
			dir, l := t.TempDir(), spooltest.NewLedger()
			real, err := diskfs.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			disk := &blind{FS: real, errs: map[string]error{}}
			s := openOn(t, disk, l)
			deliver(t, s, 1, makeTransfer(t, map[string][]byte{"f": []byte("first"), "g": []byte("one")}))
			disk.errs["lab/f"] = errno
			out := deliver(t, s, 2, makeTransfer(t, map[string][]byte{"f": []byte("other"), "g": []byte("two")}))
			if out[0].Result != spool.Rejected || out[1].Result != spool.Committed {
				t.Errorf("%+v", out)
			}
			if have, _ := os.ReadFile(filepath.Join(dir, "lab/f")); string(have) != "first" {
				t.Errorf("f became %q", have)
			}
			delete(disk.errs, "lab/f")
			deliver(t, s, 3, makeTransfer(t, map[string][]byte{"f": []byte("third")}))
			if have, _ := os.ReadFile(filepath.Join(dir, "lab/f")); string(have) != "third" {
				t.Errorf("f is %q", have)
			}
			if left, _ := os.ReadDir(filepath.Join(dir, "lab")); len(left) != 2 {
				t.Errorf("%v lie there", left)
			}
		})
	}
}
