package server

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestAPointIsTheDifferenceOfSamples(t *testing.T) {
	a, b, c := protocol.DeviceID{1}, protocol.DeviceID{2}, protocol.DeviceID{3}
	at := time.Unix(1000, 0)
	var s series
	s.add(sample{at: at, session: protocol.SessionID{1}, wire: 1000, source: 8, parity: 2, size: 5000, verified: map[protocol.DeviceID]uint64{a: 500}})
	s.add(sample{at: at.Add(time.Second), session: protocol.SessionID{1}, wire: 3000, source: 13, parity: 7, loss: 2.5, limiter: "cap", size: 5000,
		verified: map[protocol.DeviceID]uint64{a: 1500, b: 4000, c: 5000}})
	first, second := s.points[0], s.points[1]
	if first.Sent != 8000 || first.Repair != 1600 || first.P50 != 4000 {
		t.Errorf("first %+v", first)
	}
	// Rates are over all samples since the one before the first: two seconds.
	want := groupcast.Point{At: at.Add(time.Second), Sent: 16000, Repair: 8000, P10: 6000, P50: 16000, P90: 20000, Loss: 2.5, Limiter: "cap"}
	if second != want {
		t.Errorf("second %+v, want %+v", second, want)
	}
	s.add(sample{at: at.Add(2 * time.Second), session: protocol.SessionID{2}, wire: 100})
	if third := s.points[2]; third.Sent != 800 {
		t.Errorf("a new session counts from nothing: %+v", third)
	}
}

func TestALongSeriesGetsCoarser(t *testing.T) {
	at := time.Unix(1000, 0)
	var s series
	const seconds = 3*groupcast.MaxPoints + 1
	for i := range uint64(seconds) {
		at = at.Add(time.Second)
		s.add(sample{at: at, wire: i * 1000})
	}
	all := s.all()
	if len(all) > groupcast.MaxPoints || len(all) < groupcast.MaxPoints/2 {
		t.Fatalf("%d points", len(all))
	}
	if last := all[len(all)-1]; !last.At.Equal(at) || last.Sent != 8000 {
		t.Errorf("the last point is %+v, not of %v", last, at)
	}
	for _, p := range all[1:] {
		if p.Sent != 8000 {
			t.Fatalf("a mean of equal points is %+v", p)
		}
	}
}

func TestASeriesOutlivesItsTransferAndTheServer(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, _, _ := running(w, "ann", "bob")
		time.Sleep(3 * time.Second)
		_, err := w.CancelTransfer(w.ctx, local, tr.No)
		w.must(err)
		time.Sleep(2 * seriesQuiet)
		w.settle()
		before, err := w.Series(w.ctx, local, tr.No, time.Time{})
		w.must(err)
		if len(before) < 2 || before[0].Sent == 0 {
			t.Fatalf("the series is %+v", before)
		}
		rest, err := w.Series(w.ctx, local, tr.No, before[0].At)
		w.must(err)
		if len(rest) != len(before)-1 || rest[0] != before[1] {
			t.Errorf("after the first: %+v of %+v", rest, before)
		}
		w.reboot()
		after, err := w.Series(w.ctx, local, tr.No, time.Time{})
		w.must(err)
		if len(after) != len(before) || !after[0].At.Equal(before[0].At) {
			t.Errorf("after a restart %+v, before %+v", after, before)
		}
		if _, err := w.Series(w.ctx, local, 999, time.Time{}); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("of no transfer: %v", err)
		}
	})
}
