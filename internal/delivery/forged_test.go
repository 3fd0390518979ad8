package delivery

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Only blocks that the running session knows as forged go there, however many others wait for their turn.
func TestForgedBlocksDoNotWaitForTheOthers(t *testing.T) {
	withContent(t, nil, func(w *world, dir string) {
		a, b := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach()
		tr := w.sendBig(dir, 8<<20, 0, "", a, b)
		f := w.sender()
		f.Show(groupcast.SessionStatus{Rate: 8 * 8e6}) // its 64th is the least there is
		forged := protocol.NewBlockSet(tr.Blocks + 2)
		forged.AddRange(protocol.Range{First: 4, Count: 10})
		f.Forge(nil, forged)
		time.Sleep(time.Second)
		fetch := func(d *agent, first, count uint32) float64 {
			began := time.Now()
			r, err := d.blocks(tr.No, first, count)
			w.must(err)
			n := len(w.read(r, nil))
			return float64(n) / time.Since(began).Seconds()
		}
		done := make(chan float64, 1)
		go func() { done <- fetch(a, 3, 10) }() // the first of them is not forged
		time.Sleep(time.Second)
		if got := fetch(b, 4, 10); got < 1.5e6 {
			t.Errorf("forged blocks come at %.0f bytes a second", got)
		}
		if got := <-done; got > 2*128<<10 {
			t.Errorf("others come at %.0f bytes a second", got)
		}
	})
}

// That a member forges stands on the transfer within moments, and when the session is over.
func TestForgingStandsOnTheTransfer(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a, b := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach()
		tr := w.send("g", nil)
		for _, d := range []*agent{a, b} {
			_, err := d.ready(d.offered())
			w.must(err)
		}
		time.Sleep(time.Second)
		if got, err := w.Transfer(w.ctx, tr.No); err != nil || got.Forging != nil {
			t.Errorf("in peace: %+v, %v", got.Forging, err)
		}
		f := w.sender()
		want := groupcast.Forging{Code: groupcast.MemberForges, Devices: 2, Blocks: 5}
		f.Forge(&want, nil)
		time.Sleep(time.Second)
		if got, err := w.Transfer(w.ctx, tr.No); err != nil || got.Forging == nil || *got.Forging != want {
			t.Errorf("while it is sent: %+v, %v", got.Forging, err)
		}
		f.Stop()
		f.Forge(nil, nil)
		time.Sleep(time.Second)
		if got, err := w.Transfer(w.ctx, tr.No); err != nil || got.Forging == nil || *got.Forging != want {
			t.Errorf("afterwards: %+v, %v", got.Forging, err)
		}
	})
}
