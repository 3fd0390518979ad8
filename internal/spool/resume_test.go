package spool_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

func TestTenThousandSmallFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	files := map[string][]byte{}
	for i := range 10_000 {
		files[fmt.Sprintf("d%02d/f%04d", i%100, i)] = noise(64, uint64(i))
	}
	dir := t.TempDir()
	tr := makeTransfer(t, files)
	start := time.Now()
	deliver(t, open(t, dir, spooltest.NewLedger()), 1, tr)
	t.Logf("10,000 files committed in %v", time.Since(start))
	have, err := os.ReadFile(filepath.Join(dir, "lab/d07/f0407"))
	if err != nil || !bytes.Equal(have, files["d07/f0407"]) {
		t.Errorf("%v", err)
	}
}

func TestResumeKeepsWhatIsThere(t *testing.T) {
	dir, l := t.TempDir(), spooltest.NewLedger()
	s := open(t, dir, l)
	tr := makeTransfer(t, map[string][]byte{"big": noise(5<<20, 8)})
	g, err := s.Stage(context.Background(), 1, tr.layout)
	if err != nil {
		t.Fatal(err)
	}
	first := tr.layout.FirstStream()
	for b := first; b < first+10; b++ {
		if err := g.WriteBlock(b, tr.block(b)); err != nil {
			t.Fatal(err)
		}
	}
	// kill -9: nothing is closed. A torn record at the journal's end is forgotten.
	again, err := open(t, dir, l).Stage(context.Background(), 1, tr.layout)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if want := tr.layout.Blocks() - int(first) - 10; again.Missing() != want {
		t.Errorf("%d blocks missing after the restart, want %d", again.Missing(), want)
	}
	buf := make([]byte, tr.layout.Longest())
	if n, err := again.ReadBlock(first+3, buf); err != nil || !bytes.Equal(buf[:n], tr.block(first+3)) {
		t.Errorf("block %d: %v", first+3, err)
	}
	if raw, ok, err := s.Manifest(1); err != nil || !ok || len(raw) == 0 {
		t.Errorf("the manifest was not kept: %v", err)
	}
}
