package delivery

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// everything fetches all blocks of a transfer, as far as it comes.
func everything(w *world, a *agent, o wire.Offer) (string, error) {
	w.Helper()
	r, err := a.blocks(o.Transfer, 1+o.ManifestBlocks, o.Blocks)
	w.must(err)
	data, err := io.ReadAll(r)
	w.must(r.Close())
	synctest.Wait()
	w.settle()
	return string(data), err
}

// TestALostFileTakesNobodyWithIt: of three files one changes and one goes. The third is
// delivered, the lost ones are named, and a retry takes what is there then.
func TestALostFileTakesNobodyWithIt(t *testing.T) {
	withContent(t, map[string]string{"d/a": "aaa", "d/b": "bbb", "d/c": "ccc"}, func(w *world, dir string) {
		a := w.enrol("ann", "g").attach()
		tr := w.sendFiles(nil, filepath.Join(dir, "d"))
		first := a.offered()
		w.must(os.WriteFile(filepath.Join(dir, "d/a"), []byte("torn"), 0o644))
		w.must(os.Remove(filepath.Join(dir, "d/b")))
		if got, err := everything(w, a, first); err == nil {
			t.Fatalf("a file that changed was sent: %q", got)
		}
		second := a.offered()
		if second.Transfer != tr.No || second.Number <= first.Number || second.IndexDigest == first.IndexDigest ||
			second.Files != 2 {
			t.Fatalf("the offer of what is left: %+v", second)
		}
		if got, err := everything(w, a, second); err != nil || got != "ccc" {
			t.Fatalf("what is left: %q, %v", got, err)
		}
		w.must(a.receipt(second, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		w.must(a.receipt(second, groupcast.DeliveryVerified, groupcast.PathHTTPS)) // said twice
		now := w.shown(tr.No)
		if now.State != groupcast.TransferDone || now.Lost != 2 || now.Incomplete != 1 || now.Verified != 0 {
			t.Fatalf("in the end: %+v", now)
		}
		lost, _, err := w.store.LeftOut(w.ctx, tr.No, groupcast.Window{})
		w.must(err)
		changed := groupcast.LeftOut{Path: "d/a", Why: groupcast.WhyChanged}
		if len(lost) != 2 || lost[0] != changed || lost[1].Why != groupcast.WhyGone {
			t.Fatalf("lost: %+v", lost)
		}
		entries, err := w.Entries(w.ctx, tr.No, a.id, groupcast.Window{})
		w.must(err)
		if entries.Total != 2 || entries.Entries[0].Path != "d/a" ||
			!strings.Contains(entries.Entries[1].Reason, "gone at the server") {
			t.Fatalf("what the device lacks: %+v", entries)
		}
		w.must(os.WriteFile(filepath.Join(dir, "d/b"), []byte("back"), 0o644))
		again, err := w.Retry(w.ctx, tr.No)
		w.must(err)
		if again.Owed != 1 || again.Lost != 0 {
			t.Fatalf("after a retry: %+v", again)
		}
		synctest.Wait()
		third := a.offered()
		if got, err := everything(w, a, third); err != nil || got != "tornbackccc" {
			t.Fatalf("the new state: %q, %v", got, err)
		}
		wantCode(t, a.receipt(second, groupcast.DeliveryVerified, groupcast.PathHTTPS), groupcast.EClosed)
		w.must(a.receipt(third, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		now = w.shown(tr.No)
		if now.State != groupcast.TransferDone || now.Verified != 1 {
			t.Fatalf("after the retry: %+v", now)
		}
		names, err := os.ReadDir(filepath.Join(w.dir, "content"))
		if w.must(err); len(names) != 0 {
			t.Errorf("%d editions are left", len(names))
		}
	})
}

// TestAlmostAllIsLost: of a large tree one file is left, whose manifest is small. It is delivered,
// the transfer ends, and what a device lacks is named file by file.
func TestAlmostAllIsLost(t *testing.T) {
	const many = 2500
	files := map[string]string{"d/a": "aaa"}
	for i := range many {
		files[fmt.Sprintf("d/f%04d", i)] = "f"
	}
	withContent(t, files, func(w *world, dir string) {
		a := w.enrol("ann", "g").attach()
		tr := w.sendFiles(nil, filepath.Join(dir, "d"))
		first := a.offered()
		for i := range many {
			w.must(os.Remove(filepath.Join(dir, fmt.Sprintf("d/f%04d", i))))
		}
		w.openLibrary()
		if _, err := everything(w, a, first); err == nil {
			t.Fatal("files that are gone were sent")
		}
		second := a.offered()
		got, err := everything(w, a, second)
		if w.must(err); got != "aaa" {
			t.Fatalf("what is left: %q", got)
		}
		w.must(a.receipt(second, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		now := w.shown(tr.No)
		if now.State != groupcast.TransferDone || now.Lost != many || now.Incomplete != 1 {
			t.Fatalf("in the end: %+v", now)
		}
		for from := 0; from < many; from += 1000 {
			page, err := w.Entries(w.ctx, tr.No, a.id, groupcast.Window{From: from})
			w.must(err)
			if page.Total != many || page.Listed != many || len(page.Entries) != min(1000, many-from) {
				t.Fatalf("from %d on: %d of %d, %d in all", from, len(page.Entries), page.Listed, page.Total)
			}
		}
	})
}

// TestWhoHasAllOfItKeepsIt: a device that stored everything before a file was lost has what was
// promised, whenever its receipt comes.
func TestWhoHasAllOfItKeepsIt(t *testing.T) {
	withContent(t, map[string]string{"d/a": "aaa", "d/b": "bbb"}, func(w *world, dir string) {
		ann, bob := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach()
		viaHTTPS := func(tr *store.Transfer) { tr.Via = groupcast.ViaHTTPS }
		tr := w.sendFiles(viaHTTPS, filepath.Join(dir, "d"))
		first := ann.offered()
		bob.offered()
		if got, err := everything(w, ann, first); err != nil || got != "aaabbb" {
			t.Fatalf("%q, %v", got, err)
		}
		w.must(os.Remove(filepath.Join(dir, "d/a")))
		w.openLibrary()
		_, err := everything(w, bob, first)
		if err == nil {
			t.Fatal("a file that is gone was sent")
		}
		w.must(ann.receipt(first, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		second := bob.offered()
		if got, err := everything(w, bob, second); err != nil || got != "bbb" {
			t.Fatalf("%q, %v", got, err)
		}
		w.must(bob.receipt(second, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		now := w.shown(tr.No)
		if now.Verified != 1 || now.Incomplete != 1 || now.Lost != 1 {
			t.Fatalf("%+v", now)
		}
	})
}

// TestNothingIsLeft: a transfer of which every file is lost fails, says why, and can be retried.
func TestNothingIsLeft(t *testing.T) {
	withContent(t, map[string]string{"a": "aaa"}, func(w *world, dir string) {
		a := w.enrol("ann", "g").attach()
		tr := w.sendFiles(nil, filepath.Join(dir, "a"))
		w.must(os.Remove(filepath.Join(dir, "a")))
		if _, err := everything(w, a, a.offered()); err == nil {
			t.Fatal("a file that is gone was sent")
		}
		now := w.shown(tr.No)
		if now.State != groupcast.TransferFailed || !strings.Contains(now.Reason, "a is gone") {
			t.Fatalf("%s: %s", now.State, now.Reason)
		}
		if _, err := w.Retry(w.ctx, tr.No); groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Fatalf("a retry of nothing: %v", err)
		}
		w.must(os.WriteFile(filepath.Join(dir, "a"), []byte("new"), 0o644))
		_, err := w.Retry(w.ctx, tr.No)
		w.must(err)
		synctest.Wait()
		o := a.offers()
		if got, err := everything(w, a, o[len(o)-1]); err != nil || got != "new" {
			t.Fatalf("%q, %v", got, err)
		}
	})
}
