package menu

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/menu/menutest"
)

// begun remembers uploads as a home folder does.
type begun struct {
	ids map[string]string
	err error
}

func (b *begun) UnfinishedUpload(name string) string { return b.ids[name] }

func (b *begun) BeginUpload(name, id string) error {
	b.ids[name] = id
	return b.err
}

func (b *begun) EndUpload(name string) error {
	delete(b.ids, name)
	return b.err
}

// plant makes a folder with two files, a third that is not to be sent, and a link that cannot be.
func plant(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"a.txt": "aaaa", "b.txt": "bb", "old.tmp": "old"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "away")); err != nil {
		t.Skip("no links here:", err)
	}
	return dir
}

func TestFilesAreUploadedFromAnotherMachine(t *testing.T) {
	w, dir := menutest.New(t), plant(t)
	up := &begun{ids: map[string]string{}}
	m := &Menu{Admin: w.Remote(t), Uploads: up}
	out := answer(t, m, "6", "lab", dir, "*.tmp", "yes", "no", "yes")
	has(t, out, "1 entry: tree/away", "It is uploaded to the server first.", "What cannot be sent is left out, too.",
		"Uploading to the server", "Transfer 14: one.txt", "2 entries left out.")
	want := map[string]string{"tree/a.txt": "aaaa", "tree/b.txt": "bb"}
	if got := w.Uploaded(); !maps.Equal(got, want) || len(up.ids) != 0 {
		t.Errorf("%q came, %v is still remembered", got, up.ids)
	}
	got := strings.Join(w.Changes(), " ")
	has(t, got, "CreateUpload", "CompleteUpload", "AddTransfer[{lab [] u1")
}

func TestAnUploadThatBrokeOffGoesOn(t *testing.T) {
	w, dir := menutest.New(t), plant(t)
	up := &begun{ids: map[string]string{}}
	m := &Menu{Admin: w.Remote(t), Uploads: up}
	add := []string{"6", "lab", dir, "*.tmp away", "yes", "yes"}
	w.Accept(1)
	out := answer(t, m, add...)
	has(t, out, "That did not work", "the same line with the same path goes on where it stopped")
	if len(up.ids) != 1 || len(w.Uploaded()) != 1 {
		t.Fatalf("remembered %v, came %v", up.ids, w.Uploaded())
	}
	w.Accept(9)
	out = answer(t, m, add...)
	has(t, out, "It was begun before: what the server has is not sent again.", "Transfer 14")
	if got := strings.Count(strings.Join(w.Changes(), " "), "CreateUpload"); got != 1 || len(up.ids) != 0 {
		t.Errorf("%d uploads were begun, remembered %v", got, up.ids)
	}
	// One that the server no longer has is begun again.
	up.ids[m.uploadName(dir)] = "gone"
	has(t, answer(t, m, add...), "Transfer 14")
	// What cannot be remembered is not begun.
	up.err = groupcast.Errorf(groupcast.EInternal, "the disk is full")
	has(t, answer(t, m, add...), "That did not work: the disk is full")
}

func TestWhatCannotBeSentStopsAnUpload(t *testing.T) {
	w, dir := menutest.New(t), plant(t)
	m := &Menu{Admin: w.Remote(t)}
	out := answer(t, m, "6", "lab", dir, "", "no", "yes", "yes")
	has(t, out, "1 entry: tree/away", "That did not work")
	if got := strings.Join(w.Changes(), " "); strings.Contains(got, "AddTransfer") {
		t.Error(got)
	}
}
