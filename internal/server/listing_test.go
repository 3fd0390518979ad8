package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
)

// A device that is too old and comes while files are listed gets them, too: they are read for all, and what was listed
// is gone.
func TestADeviceThatComesWhileFilesAreListed(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, func(w *world) {
		w.paging()
		w.group("g")
		ann, bob := w.enrol("ann", "g"), w.enrol("bob", "g")
		ann.attachAs(speaking(2))
		bob.attachAs(speaking(2)).stream.Close()
		listed := 0
		lib, err := content.OpenLibrary(w.dir, content.UploadLimits{}, func(uint64) error {
			if listed++; listed == 1 {
				bob.attachAs(speaking(1))
			}
			return nil
		})
		w.must(err)
		w.content = lib
		tr := w.give(filepath.Join(dir, "course"), "a", "b/c")
		if listed < 2 || tr.FileHash != groupcast.SHA256 || tr.Files != 2 {
			t.Errorf("%s, %d files, the disk was asked %d times", tr.FileHash, tr.Files, listed)
		}
		if kept, err := os.ReadDir(filepath.Join(w.dir, "content")); err != nil || len(kept) != 1 {
			t.Errorf("%d are kept, %v", len(kept), err)
		}
		if len(bob.offers()) == 0 {
			t.Error("bob is offered nothing")
		}
	})
}

// A plan keeps nothing of the files that it was made of, and what cannot be sent ends no plan.
func TestAPlanLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, func(w *world) {
		w.group("g")
		w.enrol("ann", "g")
		first := w.give(filepath.Join(dir, "course"), "a", "b/c")
		w.must(os.Symlink("/etc/passwd", filepath.Join(dir, "course", "out")))
		plan, err := w.PlanTransfer(w.ctx, local, groupcast.PlanQuery{
			Groups: []string{"g"}, Paths: []string{filepath.Join(dir, "course")},
		})
		w.must(err)
		if plan.Files != 2 || plan.Folders != 2 || plan.Bytes != first.Bytes || plan.Bad != 1 || !plan.Known {
			t.Errorf("%+v", plan)
		}
		if g := plan.Groups[0]; !g.Compared || len(g.Replaces) != 1 || g.Replaces[0].Transfer != first.No {
			t.Errorf("%+v", g)
		}
		if kept, err := os.ReadDir(filepath.Join(w.dir, "content")); err != nil || len(kept) != 1 {
			t.Errorf("%d are kept, %v", len(kept), err)
		}
	})
}
