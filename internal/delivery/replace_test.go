package delivery

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// isReplaced says by which transfer another one is replaced as a whole; 0: by none.
func (w *world) isReplaced(no protocol.TransferNo) protocol.TransferNo {
	w.Helper()
	tr := w.shown(no)
	if closed := tr.State == groupcast.TransferCancelled && tr.Standing.Label == groupcast.LabelReplaced; closed !=
		(tr.ReplacedBy != 0) {
		w.Fatalf("it is %s (%s), replaced by %d", tr.State, tr.Standing.Label, tr.ReplacedBy)
	}
	return tr.ReplacedBy
}

// TestWhatReplacesWhat: every path of the older transfer has to be one of the newer one, in the same group.
func TestWhatReplacesWhat(t *testing.T) {
	give := map[string]string{"c/a": "1", "c/b": "2", "c/d/e": "3", "x": "4"}
	withContent(t, give, func(w *world, dir string) {
		w.enrol("ann", "g") // is off
		other := w.group("other")
		w.member("bob", "other")
		at := func(name string) string { return filepath.Join(dir, name) }
		part := w.sendFiles(nil, at("c/a"))
		file := w.sendFiles(nil, at("x"))
		tree := w.sendFiles(nil, at("c"))
		elsewhere := w.sendFiles(func(tr *store.Transfer) { tr.GroupID, tr.Group = other.ID, other.Name }, at("c"))
		for _, tr := range []groupcast.Transfer{part, file, tree, elsewhere} {
			if by := w.isReplaced(tr.No); by != 0 {
				t.Errorf("%s was replaced by %d before anything was sent again", tr.Name, by)
			}
		}
		w.must(os.WriteFile(at("c/new"), []byte("5"), 0o644))
		all := w.sendFiles(nil, at("c"), at("x"))
		if !slices.Equal(all.Replaces, []protocol.TransferNo{file.No, tree.No}) {
			t.Errorf("it replaced %v", all.Replaces)
		}
		if w.isReplaced(tree.No) != all.No || w.isReplaced(file.No) != all.No {
			t.Error("what is part of it was not replaced")
		}
		if w.isReplaced(part.No)+w.isReplaced(elsewhere.No) != 0 {
			t.Error("a transfer with another path, or to another group, was replaced")
		}
		w.must(errors.Join(os.Remove(at("c/b")), os.Remove(at("c/new"))))
		if less := w.sendFiles(nil, at("c")); len(less.Replaces) > 0 {
			t.Errorf("a transfer that lacks a path replaced %v", less.Replaces)
		}
	})
}

// TestAReplacedTransferIsStopped: devices hear that the older one is over before they are offered the newer one.
// Its session ends, who has it keeps it, and a late receipt of it is answered as after a cancellation.
func TestAReplacedTransferIsStopped(t *testing.T) {
	withContent(t, map[string]string{"f": strings.Repeat("x", 1000)}, func(w *world, dir string) {
		agents := []*agent{w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach(), w.enrol("cat", "g").attach()}
		away := w.enrol("dan", "g")
		old := w.sendFiles(nil, filepath.Join(dir, "f"))
		o := agents[0].offered()
		for _, a := range agents {
			_, err := a.ready(o)
			w.must(err)
		}
		first := w.sender()
		w.must(agents[0].receipt(o, groupcast.DeliveryVerified, groupcast.PathMulticast))
		w.must(os.WriteFile(filepath.Join(dir, "f"), []byte(strings.Repeat("y", 1000)), 0o644))
		next := w.sendFiles(nil, filepath.Join(dir, "f"))
		if first.Sealing() {
			t.Fatal("the session of the older transfer still runs")
		}
		var kinds []string
		for _, e := range waiting(agents[1].stream.Next) {
			switch {
			case e.Kind == groupcast.AgentEnd && e.Transfer == old.No && e.Over:
				kinds = append(kinds, "older over")
			case e.Kind == groupcast.AgentOffer:
				kinds = append(kinds, "offer")
			}
		}
		if !slices.Equal(kinds, []string{"offer", "older over", "offer"}) {
			t.Fatalf("the device heard %q", kinds)
		}
		wantCode(t, agents[1].receipt(o, groupcast.DeliveryVerified, groupcast.PathMulticast), groupcast.EClosed)
		if d := w.deliveryOf(old.No, "ann"); d.State != groupcast.DeliveryVerified {
			t.Errorf("who had it: %+v", d)
		}
		if d := w.deliveryOf(old.No, "dan"); d.Standing.Label != groupcast.LabelReplaced || d.ReplacedBy != next.No ||
			d.Cause != groupcast.CauseReplaced {
			t.Errorf("who was off: %+v", d)
		}
		if got := w.shown(old.No); !strings.Contains(got.Summary, "replaced by transfer 2") || got.NeedsAttention() {
			t.Errorf("the older one: %q", got.Summary)
		}
		if got := away.attach().offers(); len(got) != 1 || got[0].Transfer != next.No {
			t.Errorf("who comes back is offered %+v", got)
		}
	})
}

// TestHeldTransfersAndReplacing: one that is held replaces nothing before it is released, and is replaced by a
// newer one that is not.
func TestHeldTransfersAndReplacing(t *testing.T) {
	withContent(t, map[string]string{"f": "1"}, func(w *world, dir string) {
		w.enrol("ann", "g")
		f := filepath.Join(dir, "f")
		hold := func(tr *store.Transfer) { tr.Hold, tr.State = true, groupcast.TransferHeld }
		open, held, later := w.sendFiles(nil, f), w.sendFiles(hold, f), w.sendFiles(hold, f)
		if w.isReplaced(open.No)+w.isReplaced(held.No) != 0 {
			t.Fatal("what is held replaced something")
		}
		released, err := w.Release(w.ctx, held.No)
		w.must(err)
		if !slices.Equal(released.Replaces, []protocol.TransferNo{open.No}) || w.isReplaced(open.No) != held.No {
			t.Fatalf("released, it replaced %v", released.Replaces)
		}
		if w.isReplaced(later.No) != 0 {
			t.Fatal("an older transfer replaced a newer one")
		}
		newest := w.sendFiles(nil, f)
		if w.isReplaced(later.No) != newest.No || w.isReplaced(held.No) != newest.No {
			t.Fatal("a newer transfer left one that is held, or was, as it is")
		}
	})
}

// TestAReplacedTransferIsOwedAgain: it is undone by a retry, but for those who have the newer one. No device works
// on both at once, also after a restart.
func TestAReplacedTransferIsOwedAgain(t *testing.T) {
	withContent(t, map[string]string{"f": "1"}, func(w *world, dir string) {
		ann, bob := w.enrol("ann", "g").attach(), w.enrol("bob", "g")
		f := filepath.Join(dir, "f")
		old := w.sendFiles(nil, f)
		ann.offered()
		next := w.sendFiles(nil, f)
		o := ann.offered()
		_, err := ann.ready(o)
		w.must(err)
		w.must(ann.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		again, err := w.Retry(w.ctx, old.No)
		w.must(err)
		if again.ReplacedBy != 0 || again.Owed != 1 || len(ann.offers()) != 0 {
			t.Fatalf("owed again: %+v", again)
		}
		for _, restarted := range []bool{false, true} {
			if restarted {
				w.reboot()
			}
			bob.attach()
			time.Sleep(3 * time.Second)
			if o = bob.offered(); o.Transfer != old.No {
				t.Fatalf("restarted %v: transfer %d is offered first", restarted, o.Transfer)
			}
			if d := w.deliveryOf(next.No, "bob"); !strings.Contains(d.Reason, "through with transfer 1") {
				t.Errorf("the newer one: %q", d.Reason)
			}
			if _, err := w.does(next.No, bob.id, groupcast.CatchUp); groupcast.ErrorCode(err) != groupcast.EConflict {
				t.Errorf("both at once: %v", err)
			}
		}
		_, err = bob.ready(o)
		w.must(err)
		w.must(bob.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		if o = bob.offered(); o.Transfer != next.No {
			t.Fatalf("then transfer %d is offered", o.Transfer)
		}
	})
}

// TestNobodyIsLeftForARetry: all who did not get the older one have the newer one.
func TestNobodyIsLeftForARetry(t *testing.T) {
	withContent(t, map[string]string{"f": "1"}, func(w *world, dir string) {
		f := filepath.Join(dir, "f")
		ann := w.enrol("ann", "g")
		old := w.sendFiles(nil, f)
		w.sendFiles(nil, f)
		o := ann.attach().offered()
		_, err := ann.ready(o)
		w.must(err)
		w.must(ann.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		_, err = w.Retry(w.ctx, old.No)
		wantCode(t, err, groupcast.EConflict)
		if !strings.Contains(err.Error(), "have transfer 2") {
			t.Error(err)
		}
		if by := w.isReplaced(old.No); by != 2 {
			t.Errorf("it is replaced by %d", by)
		}
	})
}

// TestReplacedJustBeforeTheServerWasKilled: the store has it, and nothing else was done about it.
func TestReplacedJustBeforeTheServerWasKilled(t *testing.T) {
	withContent(t, map[string]string{"f": "1"}, func(w *world, dir string) {
		ann := w.enrol("ann", "g").attach()
		f := filepath.Join(dir, "f")
		w.sendFiles(nil, f)
		o := ann.offered()
		next := w.madeUp("g")
		next.Replaces = []protocol.TransferNo{o.Transfer}
		kept, _, err := w.db.AddTransfer(w.ctx, next)
		w.must(err)
		wantCode(t, func() error { _, err := ann.ready(o); return err }(), groupcast.ENotFound)
		w.reboot()
		ann.attach()
		time.Sleep(3 * time.Second)
		if got := ann.offers(); len(got) != 1 || got[0].Transfer != kept.No {
			t.Fatalf("after the restart it is offered %+v", got)
		}
	})
}

// TestWhatCannotBeReadIsNotReplaced: no list, no decision.
func TestWhatCannotBeReadIsNotReplaced(t *testing.T) {
	withContent(t, map[string]string{"f": "1"}, func(w *world, dir string) {
		w.enrol("ann", "g")
		f := filepath.Join(dir, "f")
		old := w.sendFiles(nil, f)
		kept, err := w.db.Transfer(w.ctx, old.No)
		w.must(err)
		w.must(os.Remove(filepath.Join(w.dir, "content", kept.Content, "manifest")))
		if next := w.sendFiles(nil, f); len(next.Replaces) != 0 || w.isReplaced(old.No) != 0 {
			t.Fatalf("it replaced %v", next.Replaces)
		}
	})
}
