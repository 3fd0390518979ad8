package spool_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// What was delivered in format 2 and is sent again in format 1 is known by another hash: nothing of it is fetched, and
// it gets the time that it has at the source now. A file that its user edited since says nothing of that.
func TestAPagedDeliveryIsKnownToFormat1(t *testing.T) {
	dir, ledger := t.TempDir(), spooltest.NewLedger()
	s, p := openPaged(t, dir, ledger), pagedOf(t, 1, pagedFiles(), nil)
	g, err := p.stage(s)
	must(t, err)
	p.receive(t, g)
	must(t, g.Remove())
	touched, edited := filepath.Join(dir, "lab", "big"), filepath.Join(dir, "lab", "many", "a")
	must(t, os.Chtimes(touched, time.Time{}, time.Unix(12345, 0)))

	files := pagedFiles()
	files["many/a"] = noise(len(files["many/a"]), 99)
	must(t, os.WriteFile(edited, files["many/a"], 0o640)) // what is to come, and not what was delivered
	again := makeTransfer(t, files)
	h, err := s.Stage(t.Context(), 4, again.layout)
	must(t, err)
	had := 0
	for _, o := range h.Outcomes() {
		if o.Result != spool.AlreadyHad || o.Path == "many/a" {
			t.Errorf("%+v", o)
		}
		had++
	}
	if had != len(files)-1 || h.Missing() == 0 {
		t.Errorf("%d of %d files are known, %d blocks are missing", had, len(files), h.Missing())
	}
	must(t, again.writeMissing(h))
	err = h.Commit(t.Context())
	must(t, err)
	for path := range files {
		fi, err := os.Stat(filepath.Join(dir, "lab", path))
		must(t, err)
		if !fi.ModTime().Equal(time.Unix(0, 1_600_000_000_123_456_789)) {
			t.Errorf("%s has the time %v", path, fi.ModTime())
		}
		if d := ledger.Paths[path]; d.BLAKE3 || d.Transfer != 4 || !d.MTime.Equal(fi.ModTime()) {
			t.Errorf("the ledger has %+v of %s", d, path)
		}
	}
	must(t, h.Remove())
}

// A file that lies there with the content that came gets the time of the source.
func TestTheSameContentGetsTheTime(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "lab", "f")
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte("same"), 0o600))
	ledger := spooltest.NewLedger()
	ledger.Paths["f"] = spool.Delivered{Transfer: 1, Size: 9} // something else was delivered
	deliver(t, open(t, dir, ledger), 2, makeTransfer(t, map[string][]byte{"f": []byte("same")}))
	fi, err := os.Stat(name)
	must(t, err)
	if !fi.ModTime().Equal(time.Unix(0, 1_600_000_000_123_456_789)) || fi.Mode().Perm() != 0o640 {
		t.Errorf("it has the time %v and mode %v", fi.ModTime(), fi.Mode())
	}
	if d := ledger.Paths["f"]; d.Transfer != 2 || !d.MTime.Equal(fi.ModTime()) {
		t.Errorf("the ledger has %+v", d)
	}
}
