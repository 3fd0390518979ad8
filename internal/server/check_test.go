package server

import (
	"encoding/hex"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/seal"
)

// answer reacts to probes like a receiver that hears one packet in every n; 0: none.
func (a *agent) answer(oneIn int) {
	for {
		e, err := a.stream.Next(a.w.ctx)
		if err != nil {
			return
		}
		if e.Kind != groupcast.AgentProbe {
			continue
		}
		var heard []string
		a.w.mu.Lock()
		for i, packet := range a.w.plain {
			if p, err := seal.VerifyProbe(a.w.key.Public(), packet); err == nil && oneIn > 0 && i%oneIn == 0 {
				heard = append(heard, hex.EncodeToString(p.Nonce[:]))
			}
		}
		a.w.mu.Unlock()
		time.Sleep(3 * time.Millisecond)
		a.w.ProbesHeard(a.w.ctx, a.p, groupcast.ProbeAnswer{Probe: e.Probe, Heard: heard})
	}
}

func TestCheckTellsHowEachDeviceIsReached(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		for name, oneIn := range map[string]int{"hears": 1, "lossy": 2, "deaf": 0} {
			a := w.enrol(name, "g").attach()
			go a.answer(oneIn)
		}
		w.enrol("asleep", "g").attach()
		w.enrol("off", "g")
		synctest.Wait()
		results, err := w.checked(groupcast.CheckQuery{Group: "g"})
		w.must(err)
		want := map[string]groupcast.Reach{
			"hears": groupcast.ReachMulticast, "lossy": groupcast.ReachLossy, "deaf": groupcast.ReachHTTPS,
			"asleep": groupcast.ReachSilent, "off": groupcast.ReachNever,
		}
		for _, r := range results {
			if r.Reach != want[r.User] {
				t.Errorf("%s: %q, want %q", r.User, r.Reach, want[r.User])
			}
			if r.User == "hears" && (r.RoundTrip != 3*time.Millisecond || r.Multicast[0].Heard != 5) {
				t.Errorf("hears: %+v", r)
			}
		}
		if len(results) != len(want) {
			t.Errorf("%d results, want %d", len(results), len(want))
		}
		devices, err := rows(w.Devices(w.ctx, local, groupcast.DeviceFilter{User: "deaf"}, groupcast.Window{}))
		w.must(err)
		if devices[0].Path != groupcast.PathHTTPS {
			t.Errorf("the deaf one's path is %s", devices[0].Path)
		}
	})
}

// checked is what a check tells.
func (w *world) checked(q groupcast.CheckQuery) (all []groupcast.CheckResult, err error) {
	err = w.Check(w.ctx, local, q, func(r groupcast.CheckResult) { all = append(all, r) })
	return all, err
}
