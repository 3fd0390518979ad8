package ledger_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/spool"
)

// FuzzDamagedLedger: a file with other bytes somewhere is damaged, or still read and written; it
// takes no agent down.
func FuzzDamagedLedger(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, "whole")
	l, err := ledger.Open(f.Context(), path, clock)
	if err != nil {
		f.Fatal(err)
	}
	if err := l.Deliveries(here, lab, "lab").Record([]spool.Outcome{file("a", 1, spool.Committed), file("b/c", 2,
		spool.KeptBoth)}); err != nil {
		f.Fatal(err)
	}
	if err := l.Close(); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(100), []byte{0})
	f.Add(uint32(16), []byte{0x80, 0x00, 2, 2})
	f.Add(uint32(4096*3+8), []byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, at uint32, other []byte) {
		bad := append([]byte(nil), whole...)
		copy(bad[int(at)%len(bad):], other)
		path := filepath.Join(t.TempDir(), "l")
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := ledger.Open(t.Context(), path, clock)
		if err != nil {
			return
		}
		b := l.Deliveries(here, lab, "lab")
		_, _, _ = b.Lookup("a")
		_, _ = l.Inbox(t.Context(), "lab", 100)
		_ = b.Record([]spool.Outcome{file("d", 3, spool.Committed)})
		if err := l.Close(); err != nil {
			t.Log(err)
		}
	})
}
