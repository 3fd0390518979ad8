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
		if _, err := g.Commit(context.Background()); !errors.Is(err, spooltest.ErrPower) {
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
