package delivery

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

// A device that is at work for as long as it takes is neither silent nor waited for in vain.
func TestADeviceAtWorkIsNotSilent(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		o := a.offered()
		_, err := a.ready(o)
		w.must(err)
		find := func() groupcast.Delivery {
			t.Helper()
			all, err := w.Deliveries(w.ctx, tr.No, groupcast.Window{})
			w.must(err)
			if len(all.Rows) != 1 {
				t.Fatalf("%+v", all)
			}
			return all.Rows[0]
		}
		for i := range 200 { // ten minutes
			time.Sleep(3 * time.Second)
			work := &groupcast.Work{Phase: groupcast.WorkWriting, Done: 1_000_000 + i, Of: 2_000_000}
			w.must(a.report(groupcast.AgentReport{Transfer: tr.No, Work: work}))
			if d := find(); !d.Waited() || d.Work == nil || d.Work.Of != tr.Files || time.Since(d.Work.At) > time.Second {
				t.Fatalf("after %d reports: %+v", i+1, d)
			}
		}
		if d := find(); d.Reason != "writing 1 of 1 files" {
			t.Errorf("%q", d.Reason)
		}
		w.must(a.report(groupcast.AgentReport{Transfer: tr.No, Work: &groupcast.Work{Phase: "sleeping"}}))
		if d := find(); d.Work != nil {
			t.Errorf("%+v", d.Work)
		}
		time.Sleep(5 * time.Minute)
		if d := find(); d.Waited() {
			t.Errorf("one that says nothing is still waited for: %+v", d)
		}
	})
}
