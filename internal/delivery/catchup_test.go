package delivery

import (
	"io"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store"
)

func TestADeliveryThatAsksForTooMuchFails(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		_, err := a.ready(a.offered())
		w.must(err)
		w.source = long
		for range 4 { // more than three times its size
			r, err := a.blocks(tr.No, 0, 1)
			w.must(err)
			io.Copy(io.Discard, r)
			w.must(r.Close())
		}
		got := w.shown(tr.No)
		if got.Failed != 1 || got.State != groupcast.TransferDone {
			t.Fatalf("%+v", got)
		}
	})
}

func TestWhatNobodyFetchesExpires(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		w.enrol("off", "g")
		tr := w.send("g", func(n *store.Transfer) { n.ExpiresAt = w.now().Add(time.Hour) })
		time.Sleep(time.Hour)
		w.Sweep(w.ctx)
		got := w.shown(tr.No)
		if got.State != groupcast.TransferExpired || got.Owed != 0 {
			t.Fatalf("%+v", got)
		}
		if got, err := w.Retry(w.ctx, tr.No); err != nil || got.Owed != 1 || !got.State.Open() {
			t.Fatalf("retry after it expired: %+v, %v", got, err)
		}
	})
}

func TestADeviceFetchesAFewTimesAtOnceOnly(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		for range maxStreams {
			r, err := a.blocks(tr.No, 0, 1)
			w.must(err)
			defer r.Close()
		}
		if _, err := a.blocks(tr.No, 0, 1); groupcast.ErrorCode(err) != groupcast.EExhausted {
			t.Fatal(err)
		}
	})
}
