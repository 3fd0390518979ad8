package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

// A refusal of the folder looks permanent and is not: it is said once, with its reason at the
// server, and looked at again by itself.
func TestARefusalOfTheFolderIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.enrol("anna", true)
	inTheWay := filepath.Join(a.cfg.Dir, w.group)
	check(t, os.WriteFile(inTheWay, []byte("mine"), 0o644))
	a.run()
	path, data := w.file("image.bin", 100_000)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	if got := w.until(tr, "anna", groupcast.DeliveryRefused); !strings.Contains(got.Reason, "lab") {
		t.Errorf("refused because of %q", got.Reason)
	}
	w.await("the agent to say so", func() bool { return a.count("refused") == 1 })
	// An administrator who retries is heard at once, and the same refusal is not said again.
	before := w.delivery(tr, "anna")
	_, err := w.server.RetryTransfer(t.Context(), local, tr.No)
	check(t, err)
	w.await("it to be refused again", func() bool {
		d := w.delivery(tr, "anna")
		return d.State == groupcast.DeliveryRefused && d.UpdatedAt.After(before.UpdatedAt)
	})
	check(t, os.Remove(inTheWay))
	w.until(tr, "anna", groupcast.DeliveryVerified)
	if !a.has("image.bin", data) || a.count("refused") != 1 {
		t.Errorf("it is there: %v; refused %d times", a.has("image.bin", data), a.count("refused"))
	}
}

// What waits for the disk is no longer waited for when it is not owed any more.
func TestAWaitingTransferThatIsCancelled(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("anna", true)
	inTheWay := filepath.Join(a.cfg.Dir, w.group)
	check(t, os.WriteFile(inTheWay, []byte("mine"), 0o644))
	a.run()
	path, _ := w.file("image.bin", 1000)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	w.until(tr, "anna", groupcast.DeliveryRefused)
	_, err := w.server.CancelTransfer(t.Context(), local, tr.No)
	check(t, err)
	check(t, os.Remove(inTheWay))
	path, data := w.file("other.bin", 1000)
	w.until(w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true}), "anna", groupcast.DeliveryVerified)
	if !a.has("other.bin", data) || a.has("image.bin", nil) {
		t.Error("the wrong file is there")
	}
}
