package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

// A server's home is copied and put back after a member was removed and more was sent. The
// devices show what they were given: nothing is sent until the memberships are confirmed, and
// then everybody who should gets everything.
func TestAServersHomeIsCopiedBack(t *testing.T) {
	w := newWorld(t)
	ann, eve := w.enrol("ann", true), w.enrol("eve", true)
	w.stop()
	home, copied := filepath.Join(w.dir, "s"), filepath.Join(w.dir, "copied")
	check(t, os.CopyFS(copied, os.DirFS(home)))
	listen := w.address
	w.start(listen)
	check(t, w.server.RemoveMember(t.Context(), local, w.group, "eve"))
	ann.run()
	eve.run()
	first, _ := w.file("first", 300_000)
	w.until(w.send(groupcast.NewTransfer{Paths: []string{first}, Now: true}), "ann", groupcast.DeliveryVerified)
	w.stop()
	check(t, os.RemoveAll(home))
	check(t, os.Rename(copied, home))
	check(t, filepath.WalkDir(home, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			err = os.Chmod(p, 0o600)
		}
		return err
	}))
	w.start(listen)
	w.await("the server to know that it was set back", func() bool {
		st, err := w.server.ServerStatus(t.Context(), local)
		return err == nil && st.SetBack == groupcast.SetBackDevice && strings.Contains(st.Note, "ann/")
	})
	path, data := w.file("second", 300_000)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}})
	check(t, w.server.RemoveMember(t.Context(), local, w.group, "eve"))
	check(t, w.server.ConfirmMemberships(t.Context(), local))
	w.until(tr, "ann", groupcast.DeliveryVerified)
	if !ann.has("second", data) || eve.has("second", data) {
		t.Error("ann lacks it, or eve has it")
	}
}

// What is below what a device was given before is refused with a reason, in words at both ends.
func TestAnOldOfferIsToldOf(t *testing.T) {
	w := newWorld(t)
	ann := w.enrol("ann", true)
	check(t, ann.cfg.Ledger.RaiseFloor(t.Context(), ann.cfg.Server, 1<<60))
	ann.run()
	path, _ := w.file("f", 1000)
	d := w.until(w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true}), "ann", groupcast.DeliveryRefused)
	if !strings.Contains(d.Reason, "set back") {
		t.Errorf("the server has %q", d.Reason)
	}
	w.await("the receiver to say so", func() bool { return strings.Contains(ann.said("warning").Text, "set back") })
}
