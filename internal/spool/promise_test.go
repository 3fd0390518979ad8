package spool_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// crowded is a disk with room for 5 MiB that the transfers of one agent share.
type crowded struct {
	t      *testing.T
	disk   *spooltest.Disk
	ledger *spooltest.Ledger
	shared *spool.Shared
}

func newCrowded(t *testing.T) *crowded {
	c := &crowded{t: t, disk: newDisk(), ledger: spooltest.NewLedger(), shared: spool.NewShared()}
	c.disk.Capacity = 5 << 20
	return c
}

func (c *crowded) stage(no protocol.TransferNo, tr *transfer) (*spool.Staging, error) {
	c.t.Helper()
	s, err := spool.Open(spool.Config{Dir: "x", Group: "lab", Ledger: c.ledger, FS: c.disk, Reserve: -1, Shared: c.shared})
	if err != nil {
		c.t.Fatal(err)
	}
	return s.Stage(context.Background(), no, tr.layout)
}

func (c *crowded) begin(no protocol.TransferNo, tr *transfer) *spool.Staging {
	c.t.Helper()
	g, err := c.stage(no, tr)
	if err != nil {
		c.t.Fatal(err)
	}
	return g
}

func (c *crowded) promised(want uint64, when string) {
	c.t.Helper()
	if have := c.shared.Promised(); have != want {
		c.t.Errorf("%s %d bytes are promised, not %d", when, have, want)
	}
}

// TestStagingsAtOnceAddUp: two transfers that each fit, but not both, are not both begun; what
// one has on the disk already is not counted twice; one that is over makes room.
func TestStagingsAtOnceAddUp(t *testing.T) {
	c := newCrowded(t)
	large := makeTransfer(t, map[string][]byte{"a": noise(3<<20, 1)})
	medium := makeTransfer(t, map[string][]byte{"b": noise(5<<19, 2)})
	small := makeTransfer(t, map[string][]byte{"c": noise(3<<19, 3)})
	first := c.begin(1, large)
	var refused *spool.Refused
	if _, err := c.stage(2, medium); !errors.As(err, &refused) || refused.Kind != "space" ||
		!strings.Contains(refused.Reason, "other transfers will take 3.15 MB") {
		t.Errorf("room that is promised to another: %v", err)
	}
	c.promised(3<<20, "before the first byte")
	if err := large.writeMissing(first); err != nil {
		t.Fatal(err)
	}
	c.promised(0, "with every byte there")
	second := c.begin(3, small) // what lies there is not counted twice
	if err := first.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	c.promised(3<<19, "with the first delivered")
	if err := errors.Join(first.Remove(), second.Remove()); err != nil {
		t.Fatal(err)
	}
	c.promised(0, "when all is over")
}

// TestWhatEndsAPromise: a staging that is closed, or could not be opened, takes no room.
func TestWhatEndsAPromise(t *testing.T) {
	c := newCrowded(t)
	tr := makeTransfer(t, map[string][]byte{"a": noise(3<<20, 1)})
	c.disk.FailSync = errors.New("the disk does not answer")
	if _, err := c.stage(1, tr); !errors.Is(err, c.disk.FailSync) {
		t.Fatalf("%v", err)
	}
	c.promised(0, "after a staging that failed")
	c.disk.FailSync = nil
	if err := c.begin(1, tr).Close(); err != nil {
		t.Fatal(err)
	}
	c.promised(0, "after the close")
	c.begin(2, tr)
}
