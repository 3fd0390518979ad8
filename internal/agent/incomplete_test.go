package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast"
)

// tree writes a folder with files in it, and a folder of them that stands in nobody's way.
func (w *world) tree(inFolder, beside int) string {
	w.t.Helper()
	top := filepath.Join(w.t.TempDir(), "tree")
	check(w.t, os.MkdirAll(filepath.Join(top, "a"), 0o755))
	for i := range inFolder {
		check(w.t, os.WriteFile(filepath.Join(top, "a", fmt.Sprintf("%04d", i)), []byte(fmt.Sprint("in ", i)), 0o644))
	}
	big := make([]byte, 100_000)
	for i := range beside {
		check(w.t, os.WriteFile(filepath.Join(top, fmt.Sprintf("b%04d", i)), append(big, fmt.Sprint(i)...), 0o644))
	}
	return top
}

// inTheWay puts a file of the user where a folder of tree should be.
func (w *world) inTheWay(a *device) string {
	w.t.Helper()
	path := filepath.Join(a.cfg.Dir, w.group, "tree", "a")
	check(w.t, os.MkdirAll(filepath.Dir(path), 0o755))
	check(w.t, os.WriteFile(path, []byte("mine"), 0o644))
	return path
}

// A file that is not groupcast's stands where a folder should be: everything below it is missing.
// All of it is named, the rest lies there, and a retry brings what is missing and nothing twice.
func TestIncompleteAndRetried(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("anna", true).run()
	const missing = 2*groupcast.MaxEntryPage + 31
	path := w.tree(missing, 20)
	inTheWay := w.inTheWay(a)

	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	d := w.until(tr, "anna", groupcast.DeliveryIncomplete)
	if d.Missing < missing || d.Entries < missing+20 || d.Missing >= d.Entries || d.Reason == "" {
		t.Errorf("%+v", d)
	}
	w.await("the agent to say so", func() bool { return a.count("incomplete") == 1 })
	if _, err := os.Stat(filepath.Join(a.cfg.Dir, w.group, "tree", "b0007")); err != nil {
		t.Error(err)
	}
	seen := map[string]bool{}
	for from := 0; ; {
		list, err := w.server.DeliveryEntries(t.Context(), local, tr.No, a.in.Device.ID,
			groupcast.Window{From: from, Limit: 100})
		check(t, err)
		if list.Total != d.Missing || list.Listed != d.Missing {
			t.Fatalf("%d of %d listed, %d missing", list.Listed, list.Total, d.Missing)
		}
		for _, e := range list.Entries {
			seen[e.Path] = e.Result == groupcast.EntryMissing && e.Reason != ""
		}
		if from += len(list.Entries); from == list.Total || len(list.Entries) == 0 {
			break
		}
	}
	if len(seen) != d.Missing || !seen["tree/a/0000"] || !seen[fmt.Sprintf("tree/a/%04d", missing-1)] {
		t.Errorf("%d named of %d", len(seen), d.Missing)
	}
	w.await("the transfer to be over", func() bool { return !w.open(tr) })
	before := w.counted(tr, 0)
	if before.Incomplete != 1 || before.Verified != 0 || before.Owed != 0 {
		t.Errorf("%+v", before)
	}

	check(t, os.Remove(inTheWay))
	_, err := w.server.RetryTransfer(t.Context(), local, tr.No)
	check(t, err)
	if d = w.until(tr, "anna", groupcast.DeliveryVerified); d.Missing != 0 || d.Bytes != tr.Bytes {
		t.Errorf("%+v", d)
	}
	if _, err := os.Stat(filepath.Join(inTheWay, "0000")); err != nil {
		t.Error(err)
	}
	after := w.counted(tr, before.HTTPSBytes)
	if again := after.HTTPSBytes - before.HTTPSBytes; again > 400_000 { // of two million: blocks hold several files
		t.Errorf("%d bytes came again to bring %d small files", again, missing)
	}
}

// counted waits until more than so many bytes over HTTPS are counted of a transfer that is over: it is over first.
func (w *world) counted(t groupcast.Transfer, than uint64) (now groupcast.Transfer) {
	w.await("the bytes over HTTPS to be counted", func() (yes bool) {
		var err error
		now, err = w.server.Transfer(w.t.Context(), local, t.No)
		check(w.t, err)
		return !now.State.Open() && now.HTTPSBytes > than
	})
	return now
}

func (w *world) open(t groupcast.Transfer) bool {
	now, err := w.server.Transfer(w.t.Context(), local, t.No)
	check(w.t, err)
	return now.State.Open()
}

// Links that cannot be made are entries like any other: a transfer of nothing else is not verified.
func TestOnlyLinksAndNoneOfThem(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("anna", true).run()
	top := filepath.Join(t.TempDir(), "links")
	check(t, os.Mkdir(top, 0o755))
	check(t, os.Symlink("elsewhere", filepath.Join(top, "one")))
	check(t, os.MkdirAll(filepath.Join(a.cfg.Dir, w.group, "links"), 0o755))
	check(t, os.WriteFile(filepath.Join(a.cfg.Dir, w.group, "links", "one"), []byte("mine"), 0o644))
	d := w.until(w.send(groupcast.NewTransfer{Paths: []string{top}, Now: true}), "anna", groupcast.DeliveryIncomplete)
	if d.Missing != 1 {
		t.Errorf("%+v", d)
	}
}

// What the receiver edited stays, the new file lies beside it, and that is said.
func TestKeptBesideIsCounted(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("anna", true).run()
	path, _ := w.file("report.bin", 5000)
	w.until(w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true}), "anna", groupcast.DeliveryVerified)
	check(t, os.WriteFile(filepath.Join(a.cfg.Dir, w.group, "report.bin"), []byte("edited"), 0o644))
	check(t, os.WriteFile(path, []byte("a new version"), 0o644))
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	d := w.until(tr, "anna", groupcast.DeliveryVerified)
	list, err := w.server.DeliveryEntries(t.Context(), local, tr.No, a.in.Device.ID, groupcast.Window{})
	check(t, err)
	if d.Beside != 1 || d.Missing != 0 || len(list.Entries) != 1 || list.Entries[0].Result != groupcast.EntryBeside ||
		list.Entries[0].Name == "" {
		t.Errorf("%+v, %+v", d.Tally, list)
	}
}
