package delivery

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// What is owed to a device whose version does not fit is refused at once in words, before or
// after it was sent, and goes out by itself when it comes with one that does.
func TestAnAgentThatIsTooOldIsToldAtOnce(t *testing.T) {
	inBubble(t, func(w *world) {
		w.rebootAs(speaks("3.0.0", 2, 3))
		w.group("g")
		first := w.enrol("dora", "g")
		before := w.add(w.madeUp("g"), false)
		agents := []*agent{
			w.enrol("anna", "g").attachAs(groupcast.Speaks{}),
			w.enrol("bert", "g").attachAs(speaks("2.0.0", 1, 2)),
			w.enrol("cleo", "g").attachAs(speaks("9.0.0", 4, 5)),
			first.attachAs(groupcast.Speaks{}),
		}
		after := w.send("g", nil)
		refusedWith := func(tr groupcast.Transfer, user, words string) {
			w.Helper()
			for _, d := range w.rows(tr.No) {
				is := d.State == groupcast.DeliveryRefused && d.Cause == groupcast.CauseRefused
				if d.User == user && (!is || !strings.Contains(d.Reason, words)) {
					w.Errorf("transfer %d: %s: %s, %s, %q; want %q", tr.No, user, d.State, d.Cause, d.Reason, words)
				}
			}
		}
		refusedWith(before, "dora", "too old: its receiver is groupcast of an earlier release; install groupcast 3.0.0 there")
		refusedWith(after, "anna", "install groupcast 3.0.0 there")
		refusedWith(after, "cleo", "too new: its receiver is groupcast 9.0.0")
		stored, err := w.store.Deliveries(w.ctx, after.No, groupcast.Window{})
		w.must(err)
		refused := 0
		for _, d := range stored.Rows {
			if d.State == groupcast.DeliveryRefused {
				refused++
			}
		}
		if refused != 3 {
			w.Errorf("%d deliveries are kept as refused, want 3", refused)
		}
		for i, a := range agents {
			if got := len(a.offers()); (got > 0) != (i == 1) {
				w.Errorf("agent %d was given %d offers", i, got)
			}
			if n := len(a.inState()); i != 1 && n > 0 {
				w.Errorf("agent %d finds %d offers in its state", i, n)
			}
		}
		if _, err := w.does(after.No, agents[0].id, groupcast.CatchUp); groupcast.ErrorCode(err) != groupcast.EConflict {
			w.Errorf("an administrator's catch-up gave %v", err)
		}
		agents[0].stream.Close()
		synctest.Wait()
		agents[0].attachAs(speaks("3.0.0", 2, 3))
		time.Sleep(time.Minute) // the window of the one that nobody asked for now
		got := map[protocol.TransferNo]bool{}
		for _, o := range agents[0].offers() {
			got[o.Transfer] = true
		}
		if !got[after.No] {
			w.Errorf("the newer version was offered %v", got)
		}
	})
}

func speaks(program string, least, most int) groupcast.Speaks {
	v := groupcast.Versions{Least: least, Most: most}
	return groupcast.Speaks{Program: program, Control: v, Wire: v}
}

// rebootAs starts the server again as another release.
func (w *world) rebootAs(speaks groupcast.Speaks) {
	w.speaks = speaks
	w.reboot()
}
