package telemetry

import (
	"reflect"
	"testing"

	"github.com/groupcast/groupcast"
)

func TestEstimates(t *testing.T) {
	same := func(n int, left uint64, rate float64) []Ahead {
		out := make([]Ahead, n)
		for i := range out {
			out[i] = Ahead{left, rate}
		}
		return out
	}
	half := func(e groupcast.Estimate) groupcast.Estimate { e.Share = 50; return e }
	most := func(e groupcast.Estimate) groupcast.Estimate { e.Share = 95; return e }
	all := func(e groupcast.Estimate) groupcast.Estimate { e.Share = 100; return e }
	type is = groupcast.Estimate
	for name, c := range map[string]struct {
		done, unknown int
		moving        []Ahead
		want          []groupcast.Estimate
	}{
		"nobody": {},
		"all done": {done: 4, want: []is{
			half(is{Devices: 2, Done: true}), most(is{Devices: 4, Done: true}), all(is{Devices: 4, Done: true}),
		}},
		"equal devices end together": {moving: same(10, 1000, 100), want: []is{
			half(is{Devices: 5, At: sec(10)}), most(is{Devices: 10, At: sec(10)}), all(is{Devices: 10, At: sec(10)}),
		}},
		"one is slow": {moving: append(same(39, 1000, 100), Ahead{1000, 10}), want: []is{
			half(is{Devices: 20, At: sec(10)}), most(is{Devices: 38, At: sec(10)}), all(is{Devices: 40, At: sec(100)}),
		}},
		"some are done, one is away": {done: 2, unknown: 1, moving: same(1, 300, 100), want: []is{
			half(is{Devices: 2, Done: true}), most(is{Devices: 4, Waits: 1, At: sec(3)}), all(is{
				Devices: 4, Waits: 1,
				At: sec(3),
			}),
		}},
		"stored is done at once, without a rate it cannot be told": {moving: []Ahead{{0, 0}, {500, 0}}, want: []is{
			half(is{Devices: 1, At: t0}), most(is{Devices: 2, Waits: 1, At: t0}), all(is{Devices: 2, Waits: 1, At: t0}),
		}},
		"an end in years cannot be told": {moving: same(1, 1<<50, 1), want: []is{
			half(is{Devices: 1, Waits: 1}), most(is{Devices: 1, Waits: 1}), all(is{Devices: 1, Waits: 1}),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Estimates(t0, c.done, c.unknown, c.moving); !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestTheRateOfADeviceFollowsWhatItVerifies(t *testing.T) {
	var p Pace
	for i := range 20 {
		p.Look(sec(float64(i)), uint64(i)*1000)
	}
	if p.Rate < 999 || p.Rate > 1001 {
		t.Fatalf("a steady 1,000 bytes a second are %f", p.Rate)
	}
	for i := range 20 {
		p.Look(sec(float64(20+i)), 19_000)
	}
	if p.Rate > 10 {
		t.Fatalf("it stands still at %f bytes a second", p.Rate)
	}
}

// TestPaceOfSlowSteps: at a low rate several blocks are whole at once, and then none for half a minute.
func TestPaceOfSlowSteps(t *testing.T) {
	for _, c := range []struct{ step, every int }{{230_400, 4}, {8 * 230_400, 30}, {8 * 230_400, 8}, {1000, 1}} {
		want := float64(c.step) / float64(c.every)
		var p Pace
		for i := range 10 * c.every {
			p.Look(sec(float64(i)), uint64(i/c.every*c.step))
			if i > c.every && (p.Rate < 0.8*want || p.Rate > 1.25*want) {
				t.Fatalf("%d bytes every %d s: after %d s they are %.0f bytes a second", c.step, c.every, i, p.Rate)
			}
		}
	}
}

// TestPaceAfterAStandstill: it is as it was a few seconds after it goes on, and what was lost is not negative.
func TestPaceAfterAStandstill(t *testing.T) {
	var p Pace
	at, bytes := 0, uint64(0)
	look := func(n int, grows uint64) {
		for range n {
			at, bytes = at+1, bytes+grows
			p.Look(sec(float64(at)), bytes)
		}
	}
	look(10, 1000)
	look(60, 0)
	if p.Rate > 1 {
		t.Errorf("after a minute of standstill %f bytes a second", p.Rate)
	}
	look(10, 1000)
	if p.Rate < 800 || p.Rate > 1000 {
		t.Errorf("ten seconds later %f bytes a second", p.Rate)
	}
	bytes = 0
	look(10, 1000)
	if p.Rate < 800 || p.Rate > 1001 {
		t.Errorf("begun anew: %f bytes a second", p.Rate)
	}
}
