package delivery

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/edition"
)

func TestACancelledTransferCanBeRetriedForAWhile(t *testing.T) {
	if testing.Short() {
		t.Skip("what ticks in a week takes long with the race detector")
	}
	withContent(t, map[string]string{"a": "hello"}, func(w *world, dir string) {
		ann := w.enrol("ann", "g").attach()
		tr := w.sendFiles(nil, filepath.Join(dir, "a"))
		ann.offered()
		_, err := w.Cancel(w.ctx, tr.No, by)
		w.must(err)
		time.Sleep(edition.RetryFor - time.Minute)
		w.Sweep(w.ctx)
		got, err := w.Retry(w.ctx, tr.No)
		w.must(err)
		if got.Owed != 1 || !got.State.Open() {
			t.Fatalf("owed again: %+v", got)
		}
		o := ann.offered()
		_, err = ann.ready(o)
		w.must(err)
		if data := string(w.read(ann.blocks(tr.No, 2, 1))); data != "hello" {
			t.Fatalf("its blocks: %q", data)
		}
		_, err = w.does(tr.No, ann.id, groupcast.Drop)
		w.must(err)
		if _, err := w.Retry(w.ctx, tr.No); err != nil {
			t.Fatalf("after the drop: %v", err)
		}
		_, err = w.Cancel(w.ctx, tr.No, by)
		w.must(err)
		time.Sleep(edition.RetryFor + time.Minute)
		w.Sweep(w.ctx)
		if _, err := w.Retry(w.ctx, tr.No); groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Fatalf("after a week: %v", err)
		}
	})
}
