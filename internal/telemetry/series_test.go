package telemetry

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestAPointIsTheDifferenceOfSamples(t *testing.T) {
	a, b, c := protocol.DeviceID{1}, protocol.DeviceID{2}, protocol.DeviceID{3}
	at := time.Unix(1000, 0)
	var s Series
	s.Add(Sample{
		At: at, Session: protocol.SessionID{1}, Wire: 1000, Source: 8, Parity: 2, Size: 5000,
		Verified: map[protocol.DeviceID]uint64{a: 500},
	})
	s.Add(Sample{
		At: at.Add(time.Second), Session: protocol.SessionID{1}, Wire: 3000, Source: 13, Parity: 7, Loss: 2.5,
		Limiter: "cap", Size: 5000,
		Verified: map[protocol.DeviceID]uint64{a: 1500, b: 4000, c: 5000},
	})
	first, second := s.points[0], s.points[1]
	if first.Sent != 8000 || first.Repair != 1600 || first.P50 != 4000 {
		t.Errorf("first %+v", first)
	}
	// Rates are over all samples since the one before the first: two seconds.
	want := groupcast.Point{
		At: at.Add(time.Second), Sent: 16000, Repair: 8000, P10: 6000, P50: 16000, P90: 20000, Loss: 2.5, Limiter: "cap",
	}
	if second != want {
		t.Errorf("second %+v, want %+v", second, want)
	}
	s.Add(Sample{At: at.Add(2 * time.Second), Session: protocol.SessionID{2}, Wire: 100})
	if third := s.points[2]; third.Sent != 800 {
		t.Errorf("a new session counts from nothing: %+v", third)
	}
}

func TestALongSeriesGetsCoarser(t *testing.T) {
	at := time.Unix(1000, 0)
	var s Series
	const seconds = 3*groupcast.MaxPoints + 1
	for i := range uint64(seconds) {
		at = at.Add(time.Second)
		s.Add(Sample{At: at, Wire: i * 1000})
	}
	all := s.Points()
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
