package spool_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// slow is a file system on which something happens before a transfer's files are durable, or
// before one replaces another.
type slow struct {
	diskfs.FS
	beforeBarrier, beforeRename func()
}

func (s *slow) SyncFolder(name string) error {
	if s.beforeBarrier != nil && strings.HasPrefix(name, ".groupcast/") {
		s.beforeBarrier()
	}
	return s.FS.SyncFolder(name)
}

func (s *slow) Rename(from, to string) error {
	if s.beforeRename != nil && strings.HasPrefix(to, "lab/") {
		s.beforeRename()
	}
	return s.FS.Rename(from, to)
}

// staged is a transfer of one file of which every block is there.
func staged(t *testing.T, s *spool.Spool, no protocol.TransferNo, text string) *spool.Staging {
	t.Helper()
	tr := makeTransfer(t, map[string][]byte{"f": []byte(text)})
	g, err := s.Stage(context.Background(), no, tr.layout)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.writeMissing(g); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// TestAnOlderTransferNeverOvertakes: an older and a newer transfer commit the same path, which
// both may replace, at the same time. Whenever the newer one comes, its file stays.
func TestAnOlderTransferNeverOvertakes(t *testing.T) {
	for _, when := range []string{"before the barrier", "before the rename"} {
		t.Run(when, func(t *testing.T) {
			dir, l, shared := t.TempDir(), spooltest.NewLedger(), spool.NewShared()
			at := func(f diskfs.FS) *spool.Spool {
				s, err := spool.Open(spool.Config{Dir: dir, Group: "lab", Ledger: l, Reserve: -1, FS: f, Shared: shared})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				return s
			}
			real, err := diskfs.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			disk := &slow{FS: real}
			deliver(t, at(nil), 4, makeTransfer(t, map[string][]byte{"f": []byte("first")}))
			older, newer := staged(t, at(disk), 5, "older"), staged(t, at(nil), 6, "newer")
			over := make(chan error, 1)
			commit := func() { over <- newer.Commit(context.Background()) }
			if when == "before the barrier" {
				disk.beforeBarrier = func() { disk.beforeBarrier = nil; commit() }
			} else {
				disk.beforeRename = func() { disk.beforeRename = nil; giveTime(commit) }
			}
			err = older.Commit(context.Background())
			if out := older.Outcomes(); err != nil || len(out) != 1 {
				t.Fatalf("%+v, %v", out, err)
			}
			if err := <-over; err != nil {
				t.Fatal(err)
			}
			if have, _ := os.ReadFile(filepath.Join(dir, "lab", "f")); string(have) != "newer" || l.Paths["f"].Transfer != 6 {
				t.Errorf("%q lies there, the ledger says %+v", have, l.Paths["f"])
			}
			if left, _ := os.ReadDir(filepath.Join(dir, "lab")); len(left) != 1 {
				t.Errorf("%v lie there", left)
			}
		})
	}
}

// giveTime starts something that may have to wait for its caller.
func giveTime(do func()) {
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(100 * time.Millisecond):
	}
}

// TestTransfersAtOnce: transfers of the same paths are staged and committed at once; the newest
// files stay, and nothing lies beside them.
func TestTransfersAtOnce(t *testing.T) {
	dir, l, shared := t.TempDir(), spooltest.NewLedger(), spool.NewShared()
	var all sync.WaitGroup
	failed := make([]error, 9)
	var newest *transfer
	for no := range failed {
		tr := makeTransfer(t, map[string][]byte{"a/small": noise(900, uint64(no)), "big": noise(1<<20+no, uint64(no))})
		newest = tr
		all.Go(func() {
			s, err := spool.Open(spool.Config{Dir: dir, Group: "lab", Ledger: l, Reserve: -1, Shared: shared})
			if err != nil {
				failed[no] = err
				return
			}
			failed[no] = errors.Join(deliverTo(s, protocol.TransferNo(no+1), tr), s.Close())
		})
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Fatal(err)
	}
	for name, want := range newest.files {
		if have, _ := os.ReadFile(filepath.Join(dir, "lab", name)); !bytes.Equal(have, want) {
			t.Errorf("%s is not the newest", name)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "lab")); len(left) != 2 {
		t.Errorf("%v lie there", left)
	}
	if n := shared.Promised(); n != 0 {
		t.Errorf("%d bytes are still promised", n)
	}
}

func deliverTo(s *spool.Spool, no protocol.TransferNo, tr *transfer) error {
	g, err := s.Stage(context.Background(), no, tr.layout)
	if err != nil {
		return err
	}
	if err := tr.writeMissing(g); err != nil {
		return err
	}
	err = g.Commit(context.Background())
	return errors.Join(err, g.Remove())
}

// TestAnOlderTransferDoesNotUndoWhatWasThereAlready: what a newer transfer found in its place is
// that transfer's from then on.
func TestAnOlderTransferDoesNotUndoWhatWasThereAlready(t *testing.T) {
	disk, ledger := spooltest.NewDisk(rand.New(rand.NewPCG(1, 1))), spooltest.NewLedger()
	deliver := func(no protocol.TransferNo, content string) {
		t.Helper()
		tr := makeTransfer(t, map[string][]byte{"f.txt": []byte(content)})
		g, err := openOn(t, disk, ledger).Stage(t.Context(), no, tr.layout)
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.writeMissing(g); err != nil {
			t.Fatal(err)
		}
		if err := g.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := g.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	deliver(4, "one")
	deliver(6, "one")
	deliver(5, "two")
	if got := string(disk.Files("lab")["lab/f.txt"]); got != "one" || ledger.Paths["f.txt"].Transfer != 6 {
		t.Errorf("%q lies there, of transfer %d", got, ledger.Paths["f.txt"].Transfer)
	}
}
