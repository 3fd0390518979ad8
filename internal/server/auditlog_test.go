package server

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

// TestStrangersDoNotFillTheAuditLog: what is refused without an account is counted, two entries a minute at most.
func TestStrangersDoNotFillTheAuditLog(t *testing.T) {
	inBubble(t, func(w *world) {
		start := w.now()
		for i := range 6000 {
			w.refused(w.ctx, "login.failed", "ann", fmt.Sprintf("192.0.2.%d", i%50))
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(2 * time.Minute)
		entries, err := w.Audit(w.ctx, local, groupcast.AuditQuery{Action: "login.failed"})
		w.must(err)
		if most := 2*int(w.now().Sub(start)/time.Minute) + 2; len(entries) > most || len(entries) < 4 {
			t.Errorf("6,000 refusals in 5 minutes are %d entries, want two a minute at most", len(entries))
		}
		counted := 0
		for _, e := range entries {
			n := 1
			if e.Detail != "" {
				_, err := fmt.Sscanf(e.Detail, "%d more", &n)
				w.must(err)
			}
			counted += n
		}
		if counted != 6000 {
			t.Errorf("%d of 6,000 refusals are counted", counted)
		}
		if d := fmt.Sprint(entries); !strings.Contains(d, "from 50 addresses") {
			t.Errorf("the entries are %s", d)
		}
	})
}

// TestNothingToSetUp: without a one-time link the call answers as if it did not exist, and writes nothing.
func TestNothingToSetUp(t *testing.T) {
	inBubble(t, func(w *world) {
		for range 100 {
			_, err := w.FirstAdmin(w.ctx, "192.0.2.1", groupcast.FirstAdmin{Token: "x", Name: "eve", Password: password})
			if groupcast.ErrorCode(err) != groupcast.ENotFound {
				t.Fatalf("got %v, want ENotFound", err)
			}
		}
		entries, err := w.Audit(w.ctx, local, groupcast.AuditQuery{Action: "admin"})
		w.must(err)
		if len(entries) != 0 {
			t.Errorf("%d entries", len(entries))
		}
	})
}

// TestOldAuditGoesToFiles: nothing is deleted that was not written elsewhere before.
func TestOldAuditGoesToFiles(t *testing.T) {
	inBubble(t, func(w *world) {
		w.cfg.AuditKeep, w.cfg.AuditRows = 30*24*time.Hour, 3000
		before, err := w.store.OldestAudit(w.ctx, 1)
		w.must(err)
		for i := range 5000 {
			w.must(w.store.AppendAudit(w.ctx, groupcast.AuditEntry{At: w.now().Add(-20 * 24 * time.Hour), Action: "test", Object: fmt.Sprint(i)}))
		}
		w.pruneAudit(w.ctx)
		left, err := w.store.OldestAudit(w.ctx, 1)
		w.must(err)
		if left.Total != 3000 {
			t.Errorf("%d entries are left, want 3000", left.Total)
		}
		w.cfg.AuditKeep = 10 * 24 * time.Hour
		w.pruneAudit(w.ctx)
		left, err = w.store.OldestAudit(w.ctx, 10)
		w.must(err)
		for _, e := range left.Rows {
			if e.Action == "test" {
				t.Fatalf("an entry of 20 days ago is left: %+v", e)
			}
		}
		if got := exported(t, filepath.Join(w.cfg.Dir, "audit")); got < 5000 || got > 5000+before.Total {
			t.Errorf("%d entries lie in files, want 5,000 and up to %d that were there before", got, before.Total)
		}
	})
}

// exported counts the entries in the files of a folder.
func exported(t *testing.T, dir string) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(z); lines.Scan(); n++ {
			var e groupcast.AuditEntry
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
		}
	}
	return n
}
