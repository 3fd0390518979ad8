package server

import (
	"testing"

	"github.com/groupcast/groupcast"
)

// TestSendingWhatHasEndedMeanwhile: between the list of what is pending and the word to send it, one of
// the transfers ends. The others go out, and nothing has failed.
func TestSendingWhatHasEndedMeanwhile(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		held := func(n *groupcast.NewTransfer) { n.Hold, n.Now = true, false }
		open := []groupcast.Transfer{w.send("g", held), w.send("g", held)}
		if _, err := w.CancelTransfer(w.ctx, local, open[0].No); err != nil {
			t.Fatal(err)
		}
		sent, err := w.sendEach(w.ctx, local, open)
		if err != nil || len(sent) != 1 || sent[0].No != open[1].No {
			t.Errorf("sent %+v, %v; want transfer %d only", sent, err, open[1].No)
		}
		none := []groupcast.Transfer{{No: 99}}
		if _, err := w.sendEach(w.ctx, local, none); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("a transfer that never was: %v", err)
		}
	})
}
