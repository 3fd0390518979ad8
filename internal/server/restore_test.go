package server

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/backup"
)

// anything passes for a whole backup.
func anything(string) error { return nil }

func TestARestoredServerSendsNothingUntilConfirmed(t *testing.T) {
	inBubble(t, func(w *world) {
		w.must(os.WriteFile(filepath.Join(w.dir, "ca.key"), []byte("the CA's key"), 0o600))
		_, agents, offers := running(w, "ann", "bob")
		r, err := w.Backup(w.ctx, local, groupcast.BackupOptions{})
		w.must(err)
		saved, err := io.ReadAll(r)
		w.must(errors.Join(err, r.Close()))
		if left, _ := filepath.Glob(filepath.Join(w.dir, ".backup-*")); len(left) > 0 {
			t.Errorf("the copy of the database was left at %v", left)
		}

		w.stop()
		if err := backup.Restore(w.dir, bytes.NewReader(saved), false, anything); groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Fatalf("restoring over a server without --force: %v", err)
		}
		w.must(backup.Restore(w.dir, bytes.NewReader(saved), true, anything))
		w.boot()
		for _, a := range agents {
			a.attach()
			if got := a.offers(); len(got) > 0 {
				t.Fatalf("offered before the memberships were confirmed: %+v", got)
			}
		}
		st, err := w.ServerStatus(w.ctx, local)
		w.must(err)
		if !st.Restored || st.Note == "" {
			t.Fatalf("status %+v", st)
		}
		if _, err := w.Blocks(w.ctx, agents[0].p, offers[0].Transfer, 0, 1); err == nil {
			t.Fatal("blocks are served before the memberships were confirmed")
		}
		w.must(w.ConfirmMemberships(w.ctx, local))
		o := agents[0].offered()
		if o.Number < offers[0].Number+1<<40 {
			t.Fatalf("offer %d may have been used in the life that was lost (%d)", o.Number, offers[0].Number)
		}
		w.reboot() // the pause does not come back
		if w.delivery.Paused() {
			t.Fatal("paused again after the next start")
		}
	})
}
