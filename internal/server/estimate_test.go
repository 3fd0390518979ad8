package server

import (
	"reflect"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func TestEstimates(t *testing.T) {
	same := func(n int, left uint64, rate float64) []ahead {
		out := make([]ahead, n)
		for i := range out {
			out[i] = ahead{left, rate}
		}
		return out
	}
	half := func(e groupcast.Estimate) groupcast.Estimate { e.Share = 50; return e }
	most := func(e groupcast.Estimate) groupcast.Estimate { e.Share = 95; return e }
	all := func(e groupcast.Estimate) groupcast.Estimate { e.Share = 100; return e }
	type is = groupcast.Estimate
	for name, c := range map[string]struct {
		done, unknown int
		moving        []ahead
		want          []groupcast.Estimate
	}{
		"nobody": {},
		"all done": {done: 4, want: []is{
			half(is{Devices: 2, Done: true}), most(is{Devices: 4, Done: true}), all(is{Devices: 4, Done: true})}},
		"equal devices end together": {moving: same(10, 1000, 100), want: []is{
			half(is{Devices: 5, At: sec(10)}), most(is{Devices: 10, At: sec(10)}), all(is{Devices: 10, At: sec(10)})}},
		"one is slow": {moving: append(same(39, 1000, 100), ahead{1000, 10}), want: []is{
			half(is{Devices: 20, At: sec(10)}), most(is{Devices: 38, At: sec(10)}), all(is{Devices: 40, At: sec(100)})}},
		"some are done, one is away": {done: 2, unknown: 1, moving: same(1, 300, 100), want: []is{
			half(is{Devices: 2, Done: true}), most(is{Devices: 4, Waits: 1}), all(is{Devices: 4, Waits: 1})}},
		"stored is done at once, without a rate it cannot be told": {moving: []ahead{{0, 0}, {500, 0}}, want: []is{
			half(is{Devices: 1, At: t0}), most(is{Devices: 2, Waits: 1}), all(is{Devices: 2, Waits: 1})}},
		"an end in years cannot be told": {moving: same(1, 1<<50, 1), want: []is{
			half(is{Devices: 1, Waits: 1}), most(is{Devices: 1, Waits: 1}), all(is{Devices: 1, Waits: 1})}},
	} {
		if got := estimates(t0, c.done, c.unknown, c.moving); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
	}
}

func TestTheRateOfADeviceFollowsWhatItVerifies(t *testing.T) {
	var p progress
	for i := range 20 {
		p.bytes = uint64(i) * 1000
		p.pace(sec(float64(i)))
	}
	if p.rate < 999 || p.rate > 1001 {
		t.Fatalf("a steady 1,000 bytes a second are %f", p.rate)
	}
	for i := range 20 {
		p.pace(sec(float64(20 + i)))
	}
	if p.rate > 10 {
		t.Fatalf("it stands still at %f bytes a second", p.rate)
	}
}

func TestATransferSaysWhenItsDevicesAreDone(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob", "eve")
		w.enrol("off", "g")
		_, err := w.ActOnDelivery(w.ctx, local, tr.No, agents[2].p.Device.ID, groupcast.CatchUp)
		w.must(err)
		for i := range 3 { // 500 bytes in all, 100 a second
			w.must(w.Report(w.ctx, agents[2].p, groupcast.AgentReport{Transfer: tr.No, Bytes: uint64(i+1) * 100, Path: groupcast.PathHTTPS}))
			time.Sleep(time.Second)
		}
		for i := range 2 {
			w.must(agents[i].receipt(offers[i], groupcast.DeliveryVerified, groupcast.PathMulticast))
		}
		got, err := w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		e := got.Estimates
		if len(e) != 3 || !e[0].Done || e[1].Waits != 1 || e[2].Devices != 4 || !e[2].At.IsZero() {
			t.Fatalf("estimates %+v", e)
		}
		w.must(w.RemoveMember(w.ctx, local, "g", "off"))
		got, err = w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		if e := got.Estimates; len(e) != 3 || e[2].At.Before(w.now()) || e[2].At.After(w.now().Add(10*time.Second)) {
			t.Fatalf("with everybody here at %v: estimates %+v", w.now(), e)
		}
	})
}
