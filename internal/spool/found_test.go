package spool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// lastWords is a disk whose power goes out right after the first file got its final name.
type lastWords struct{ *spooltest.Disk }

func (d lastWords) RenameNew(from, to string) error {
	err := d.Disk.RenameNew(from, to)
	if err == nil && strings.HasPrefix(to, "lab/") {
		d.CrashAfter(0)
	}
	return err
}

// TestWhatAKilledAgentMovedIsDurableBeforeItCounts: the agent is killed between a rename and
// the barrier behind it; the next one finds the file and says so in the ledger; then the
// power goes out. What the ledger knows must lie there.
func TestWhatAKilledAgentMovedIsDurableBeforeItCounts(t *testing.T) {
	tr := makeTransfer(t, map[string][]byte{"folder/f.txt": []byte("ours")})
	for seed := range uint64(10) {
		disk, ledger := spooltest.NewDisk(rand.New(rand.NewPCG(seed, 1))), spooltest.NewLedger()
		g, err := openOn(t, lastWords{disk}, ledger).Stage(context.Background(), 1, tr.layout)
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.writeMissing(g); err != nil {
			t.Fatal(err)
		}
		if err := g.Commit(context.Background()); !errors.Is(err, spooltest.ErrPower) {
			t.Fatalf("the power did not go out: %v", err)
		}
		disk.Kill()
		if _, err := openOn(t, disk, ledger).Stage(context.Background(), 1, tr.layout); err != nil {
			t.Fatal(err)
		}
		disk.Crash()
		if _, known := ledger.Paths["folder/f.txt"]; !known {
			t.Errorf("seed %d: the file was not found again", seed)
		}
		if string(disk.Files("lab")["lab/folder/f.txt"]) != "ours" {
			t.Errorf("seed %d: the ledger knows a file that is gone", seed)
		}
	}
}

// bothNames is a disk that keeps both names of a rename when the power goes out: the new one
// has just become durable, the old one was never given up.
type bothNames struct{ *spooltest.Disk }

func (d bothNames) SyncFolder(name string) error {
	err := d.Disk.SyncFolder(name)
	if err == nil && name == "lab/folder" {
		d.CrashAfter(0)
		return spooltest.ErrPower
	}
	return err
}

// TestAFileLeftUnderBothItsNamesIsDeliveredOnce: the power goes out when a file just came to
// its name beside the user's, and it still has its staged name, too. The next run finds it
// and lays no second one beside it; the next version replaces it.
func TestAFileLeftUnderBothItsNamesIsDeliveredOnce(t *testing.T) {
	for what, size := range map[string]int{"small": 700, "big": 2 << 20} {
		for seed := range uint64(10) {
			tr := makeTransfer(t, map[string][]byte{"folder/f.txt": noise(size, 1)})
			l := newLife(tr, seed)
			if err := l.plant("lab/folder/f.txt", []byte("the user's")); err != nil {
				t.Fatal(err)
			}
			g, err := openOn(t, bothNames{l.disk}, l.ledger).Stage(context.Background(), 3, tr.layout)
			if err != nil {
				t.Fatal(err)
			}
			if err := tr.writeMissing(g); err != nil {
				t.Fatal(err)
			}
			if err := g.Commit(context.Background()); !errors.Is(err, spooltest.ErrPower) {
				t.Fatalf("the power did not go out: %v", err)
			}
			l.disk.Crash()
			s := openOn(t, l.disk, l.ledger)
			deliver(t, s, 3, tr)
			if err := l.wrong(true); err != nil {
				t.Errorf("%s, seed %d: %v", what, seed, err)
			}
			deliver(t, s, 4, makeTransfer(t, map[string][]byte{"folder/f.txt": []byte("next")}))
			if have := l.disk.Files("lab/folder"); string(have["lab/folder/f (groupcast 3).txt"]) != "next" {
				t.Errorf("%s, seed %d: the next version does not replace it", what, seed)
			}
		}
	}
}
