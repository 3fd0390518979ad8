package server

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
)

// uploaded is a complete upload of one small file.
func (w *world) uploaded() string {
	w.Helper()
	u, err := w.CreateUpload(w.ctx, local, []groupcast.UploadEntry{{Path: "f", Kind: "file", Size: 6, Mode: 0o644}})
	w.must(err)
	_, err = w.WriteUpload(w.ctx, local, u.ID, "f", 0, strings.NewReader("abcdef"))
	w.must(err)
	return u.ID
}

// The same files for several groups are one upload: the first of them to be through must not take
// it from the others.
func TestAnUploadStaysUntilItsLastTransferIsOver(t *testing.T) {
	withContent(t, nil, func(w *world, _ string) {
		w.group("h")
		a := w.enrol("ann", "g").attach()
		id := w.uploaded()
		first, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Upload: id, Now: true})
		w.must(err)
		second, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "h", Upload: id, Hold: true})
		w.must(err)
		o := a.offered()
		_, err = a.ready(o)
		w.must(err)
		w.must(a.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		if tr, err := w.Transfer(w.ctx, local, first.No); err != nil || tr.State != groupcast.TransferDone {
			t.Fatalf("%+v, %v", tr, err)
		}
		if _, err := w.Upload(w.ctx, local, id); err != nil {
			t.Fatalf("transfer %d lost its content with the first: %v", second.No, err)
		}
		row, err := w.store.Transfer(w.ctx, second.No)
		w.must(err)
		w.must(w.content.Remove(row.Content))
		if _, err := w.Upload(w.ctx, local, id); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("nobody needs it any more: %v", err)
		}
	})
}

func TestUnfinishedUploadsAreListedAndDeleted(t *testing.T) {
	withContent(t, nil, func(w *world, _ string) {
		id, used := w.uploaded(), w.uploaded()
		_, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Upload: used, Hold: true})
		w.must(err)
		list, err := w.UnfinishedUploads(w.ctx, local)
		w.must(err)
		if len(list) != 1 || list[0].ID != id || list[0].Name != "f" || list[0].Held != 6 || list[0].By == "" || list[0].Files != 1 {
			t.Fatalf("%+v", list)
		}
		w.must(w.DeleteUpload(w.ctx, local, id))
		if list, err = w.UnfinishedUploads(w.ctx, local); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// What was killed in the middle of a backup or a restore goes at the next start.
func TestWhatAKilledServerLeftIsSwept(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".backup-1/db.sqlite", ".restore-2/ca.key", ".ca.key.345", "ca.key", "uploads/u/entries.json"} {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := sweepLeft(dir); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	hidden, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) != 2 || len(hidden) != 0 {
		t.Errorf("%v, %v, %v", left, hidden, err)
	}
}

// tight is a disk on which nothing more fits.
type tight struct{ anyRoom }

func (tight) Fits(uint64) error {
	return groupcast.Errorf(groupcast.EExhausted, "the server's disk is full")
}

// A copy that does not fit leaves nothing behind, and files in place need no room.
func TestACopyThatDoesNotFitIsRefused(t *testing.T) {
	withContent(t, map[string]string{"d/a": "before"}, func(w *world, dir string) {
		lib, err := content.OpenLibrary(w.dir, content.UploadLimits{Room: tight{}}, tight{}.Holds)
		w.must(err)
		w.content = lib
		n := groupcast.NewTransfer{Group: "g", Paths: []string{filepath.Join(dir, "d")}, Copy: true, Hold: true}
		if _, err := w.AddTransfer(w.ctx, local, n); groupcast.ErrorCode(err) != groupcast.EExhausted {
			t.Errorf("%v", err)
		}
		if ids, _ := lib.Uploads.List(); len(ids) != 0 {
			t.Errorf("left behind: %v", ids)
		}
		n.Copy = false
		if _, err := w.AddTransfer(w.ctx, local, n); err != nil {
			t.Error(err)
		}
	})
}

// No hint names a command that cannot work: what was promised to a deleted group goes to nobody.
func TestATransferOfADeletedGroupSaysSo(t *testing.T) {
	withContent(t, map[string]string{"d/a": "before"}, func(w *world, dir string) {
		tr, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: []string{filepath.Join(dir, "d")}, Hold: true})
		w.must(err)
		w.must(w.DeleteGroup(w.ctx, local, "g"))
		for what, try := range map[string]func() error{
			"retry": func() error { _, err := w.RetryTransfer(w.ctx, local, tr.No); return err },
			"send":  func() error { _, err := w.SendTransfer(w.ctx, local, tr.No); return err },
		} {
			for _, again := range []bool{false, true} { // another group of the name is not the one that was promised it
				if again && what == "retry" {
					w.group("g")
				}
				err := try()
				if groupcast.ErrorCode(err) != groupcast.EConflict || !strings.Contains(err.Error(), "was deleted") || strings.Contains(err.Error(), "retry") {
					t.Errorf("%s: %v", what, err)
				}
			}
		}
	})
}

// TestWhatOfAnUploadCannotBeSent: names, links and patterns are judged before anything is declared.
func TestWhatOfAnUploadCannotBeSent(t *testing.T) {
	withContent(t, nil, func(w *world, _ string) {
		page, err := w.CheckUpload(w.ctx, local, []groupcast.UploadEntry{
			{Path: "d/fine", Kind: "file"},
			{Path: "d/old.tmp", Kind: "file"},
			{Path: "d/build/deep/x.o", Kind: "file"}, // its folders are no entries of their own
			{Path: "d/build.txt", Kind: "file"},
			{Path: "d/../x", Kind: "file"},
			{Path: "d/" + strings.Repeat("n", 5000), Kind: "file"},
			{Path: "d/link", Kind: "symlink", Target: "/etc/passwd"},
		}, []string{"*.tmp", "build/"})
		w.must(err)
		var got []string
		for _, l := range page.Entries {
			got = append(got, string(l.Why)+" "+l.Path[:min(len(l.Path), 16)])
		}
		want := []string{"excluded d/old.tmp", "excluded d/build/deep/x.o", "name d/../x", "name d/nnnnnnnnnnnnnn", "target d/link"}
		if !slices.Equal(got, want) || page.Total != len(want) || page.Listed != len(want) {
			t.Errorf("%q of %d, want %q", got, page.Total, want)
		}
		if _, err := w.CheckUpload(w.ctx, local, nil, []string{"[a-"}); groupcast.ErrorCode(err) != groupcast.EInvalid {
			t.Errorf("a pattern that is none: %v", err)
		}
	})
}
