package server

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func TestACancelledTransferCanBeRetriedForAWhile(t *testing.T) {
	withContent(t, map[string]string{"a": "hello"}, func(w *world, dir string) {
		ann := w.enrol("ann", "g").attach()
		tr, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: []string{filepath.Join(dir, "a")}, Now: true})
		w.must(err)
		ann.offered()
		_, err = w.CancelTransfer(w.ctx, local, tr.No)
		w.must(err)
		time.Sleep(retryKeep - 2*keepHouseEvery)
		got, err := w.RetryTransfer(w.ctx, local, tr.No)
		w.must(err)
		if got.Owed != 1 || !got.State.Open() {
			t.Fatalf("owed again: %+v", got)
		}
		o := ann.offered()
		_, err = ann.ready(o)
		w.must(err)
		if data := string(w.read(w.Blocks(w.ctx, ann.p, tr.No, 2, 1))); data != "hello" {
			t.Fatalf("its blocks: %q", data)
		}
		_, err = w.ActOnDelivery(w.ctx, local, tr.No, ann.p.Device.ID, groupcast.Drop)
		w.must(err)
		if _, err := w.RetryTransfer(w.ctx, local, tr.No); err != nil {
			t.Fatalf("after the drop: %v", err)
		}
		_, err = w.CancelTransfer(w.ctx, local, tr.No)
		w.must(err)
		time.Sleep(retryKeep + 2*keepHouseEvery)
		w.settle()
		if _, err := w.RetryTransfer(w.ctx, local, tr.No); groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Fatalf("after a week: %v", err)
		}
	})
}
