package delivery

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

// TestPauseStopsEverything: the session ends, devices hear of it without losing what they have, nothing is handed
// out or read over HTTPS, also after a restart; a receipt of one that was through counts.
func TestPauseStopsEverything(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob", "cat")
		_, err := w.PauseTransfer(w.ctx, tr.No)
		w.must(err)
		if w.sender().Sealing() {
			t.Fatal("the session still runs when the call returns")
		}
		if e := agents[0].told(groupcast.AgentEnd); e.Over || e.Session == nil {
			t.Errorf("the device was told %+v", e)
		}
		if got := w.shown(tr.No); got.State != groupcast.TransferWaiting || got.Standing.Label != groupcast.LabelPaused ||
			!got.Paused || !strings.Contains(got.Summary, "paused until it is resumed") || got.NeedsAttention() {
			t.Errorf("it stands as %+v", got)
		}
		if d := w.deliveryOf(tr.No, "ann"); d.Cause != groupcast.CausePaused || d.Standing.Label != groupcast.LabelPaused {
			t.Errorf("a delivery: %+v", d)
		}
		for _, restarted := range []bool{false, true} {
			if restarted {
				w.reboot()
				for _, a := range agents {
					a.attach()
				}
			}
			time.Sleep(time.Minute)
			_, ready := agents[0].ready(offers[0])
			_, blocks := agents[0].blocks(tr.No, 0, 1)
			_, act := w.does(tr.No, agents[0].id, groupcast.CatchUp)
			wantCode(t, ready, groupcast.EConflict)
			wantCode(t, blocks, groupcast.ENotFound)
			wantCode(t, act, groupcast.EConflict)
			if got := agents[1].offers(); len(got) != 0 || len(agents[1].inState()) != 0 {
				t.Errorf("restarted %v: %d offers", restarted, len(got))
			}
		}
		w.must(agents[2].receipt(offers[2], groupcast.DeliveryVerified, groupcast.PathMulticast))
		_, err = w.ResumeTransfer(w.ctx, tr.No)
		w.must(err)
		time.Sleep(time.Second)
		if o := agents[0].offered(); o.Transfer != tr.No {
			t.Errorf("resumed: %+v", o)
		}
		if got := w.shown(tr.No); got.State != groupcast.TransferSending || got.Verified != 1 || got.Paused {
			t.Errorf("resumed: %+v", got)
		}
	})
}

// TestPauseCutsDownloads: a stream over HTTPS that runs breaks off.
func TestPauseCutsDownloads(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		_, err := a.ready(a.offered())
		w.must(err)
		r, err := a.blocks(tr.No, 0, 12)
		w.must(err)
		defer r.Close()
		buf := make([]byte, 1)
		_, err = r.Read(buf)
		w.must(err)
		_, err = w.PauseTransfer(w.ctx, tr.No)
		w.must(err)
		for err == nil {
			_, err = r.Read(make([]byte, 64))
		}
		if !errors.Is(err, errNotOwed) {
			t.Fatalf("the stream ended with %v", err)
		}
	})
}

// TestSendNowEndsAPause, and what is closed cannot be paused.
func TestSendNowEndsAPause(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		a.offered()
		_, err := w.PauseTransfer(w.ctx, tr.No)
		w.must(err)
		_, err = w.PauseTransfer(w.ctx, tr.No) // again
		w.must(err)
		a.told(groupcast.AgentEnd)
		got, err := w.Release(w.ctx, tr.No)
		w.must(err)
		if got.Paused {
			t.Error("it is still paused")
		}
		a.offered()
		_, err = w.Cancel(w.ctx, tr.No, by)
		w.must(err)
		_, err = w.PauseTransfer(w.ctx, tr.No)
		wantCode(t, err, groupcast.EConflict)
	})
}

// TestTheRateOfWhatRunsChanges at once, for the session and for what is sent over HTTPS.
func TestTheRateOfWhatRunsChanges(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, _, _ := running(w, "ann", "bob")
		for _, bits := range []uint64{20_000_000, 8_000_000, 0} {
			got, err := w.SetRate(w.ctx, tr.No, bits)
			w.must(err)
			if got.RateLimit != bits || w.sender().Rate() != bits/8 || w.sender().Limited() != bits/8 {
				t.Errorf("%d bit/s: the transfer has %d, its session %d, of %d", bits, got.RateLimit, w.sender().Rate(),
					w.sender().Limited())
			}
		}
		if _, err := w.SetRate(w.ctx, 99, 1); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("of no transfer: %v", err)
		}
	})
}
