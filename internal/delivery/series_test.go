package delivery

import (
	"math"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/sender"
)

func TestASeriesOutlivesItsTransferAndTheServer(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, _, _ := running(w, "ann", "bob")
		time.Sleep(3*time.Second + progressEvery)
		_, err := w.Cancel(w.ctx, tr.No, by)
		w.must(err)
		time.Sleep(2 * seriesQuiet)
		w.settle()
		before, err := w.Series(w.ctx, tr.No, time.Time{})
		w.must(err)
		if len(before) < 2 || before[0].Sent == 0 {
			t.Fatalf("the series is %+v", before)
		}
		rest, err := w.Series(w.ctx, tr.No, before[0].At)
		w.must(err)
		if len(rest) != len(before)-1 || rest[0] != before[1] {
			t.Errorf("after the first: %+v of %+v", rest, before)
		}
		w.reboot()
		after, err := w.Series(w.ctx, tr.No, time.Time{})
		w.must(err)
		if len(after) != len(before) || !after[0].At.Equal(before[0].At) {
			t.Errorf("after a restart %+v, before %+v", after, before)
		}
		if _, err := w.Series(w.ctx, 999, time.Time{}); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("of no transfer: %v", err)
		}
	})
}

func TestALossMapOutlivesItsTransferAndTheServer(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, _ := running(w, "ann", "bob")
		w.sender().Report(sender.DeviceStatus{Device: agents[0].id, LossPercent: 7.5})
		time.Sleep(3*time.Second + progressEvery)
		live, err := w.LossMap(w.ctx, tr.No)
		w.must(err)
		if len(live.Devices) != 1 || live.Devices[0].Device != "pc-ann" || live.Devices[0].Mean != 7.5 ||
			live.Devices[0].Cells[0] != 15 {
			t.Fatalf("while it runs: %+v", live)
		}
		_, err = w.Cancel(w.ctx, tr.No, by)
		w.must(err)
		time.Sleep(2 * seriesQuiet)
		w.settle()
		w.reboot()
		kept, err := w.LossMap(w.ctx, tr.No)
		w.must(err)
		if len(kept.Devices) != 1 || len(kept.Devices[0].Cells) != len(kept.Seconds) || len(kept.Seconds) < 3 ||
			!kept.Start.Equal(live.Start) {
			t.Fatalf("after a restart: %+v", kept)
		}
		if _, err := w.LossMap(w.ctx, 999); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("of no transfer: %v", err)
		}
	})
}

func TestATransferSaysWhenItsDevicesAreDone(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob", "eve")
		w.enrol("off", "g")
		_, err := w.does(tr.No, agents[2].id, groupcast.CatchUp)
		w.must(err)
		for i := range 3 { // 500 bytes in all, 100 a second
			w.must(agents[2].report(groupcast.AgentReport{Transfer: tr.No, Bytes: uint64(i+1) * 100, Path: groupcast.PathHTTPS}))
			time.Sleep(time.Second)
		}
		for i := range 2 {
			w.must(agents[i].receipt(offers[i], groupcast.DeliveryVerified, groupcast.PathMulticast))
		}
		got := w.shown(tr.No)
		e := got.Estimates
		if len(e) != 3 || !e[0].Done || e[1].Waits != 1 || e[2].Devices != 4 || e[2].At.IsZero() {
			t.Fatalf("estimates %+v", e)
		}
		// Two of four have it, one has 300 of 500 bytes, one is off.
		if want := (2 + 300./500) / 3; got.Away != 1 || got.Stuck != 0 || math.Abs(got.Standing.Share-want) > 1e-9 {
			t.Errorf("away %d, stuck %d, share %v, want 1, 0, %v", got.Away, got.Stuck, got.Standing.Share, want)
		}
		w.remove("off", "g")
		got = w.shown(tr.No)
		if e := got.Estimates; len(e) != 3 || e[2].At.Before(w.now()) || e[2].At.After(w.now().Add(10*time.Second)) {
			t.Fatalf("with everybody here at %v: estimates %+v", w.now(), e)
		}
	})
}
