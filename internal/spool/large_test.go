package spool_test

import (
	"bytes"
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
