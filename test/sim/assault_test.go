package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/send"
)

// battlefield is a group on a LAN that is sent one transfer; device 0 is the attacker's.
func battlefield(devices, blocks, k int, loss float64, bytesPerSec uint64, a assault) plan {
	p := plan{symbol: protocol.MinSymbolSize, forger: -1, until: time.Millisecond, assault: a, https: 2e6}
	p.rate, p.timing = rate.Config{Fixed: bytesPerSec}, quickTiming()
	for i := range devices {
		d := devicePlan{store: time.Millisecond, fetch: time.Millisecond}
		d.down = netsim.Config{Delay: 200 * time.Microsecond, Loss: loss}
		d.up = netsim.Config{Delay: 200 * time.Microsecond, Loss: loss / 2}
		if i == 0 {
			d.down.Loss = 0
			d.down.Delay = 50 * time.Microsecond
		}
		p.devices = append(p.devices, d)
	}
	p.transfers = []transferPlan{{blocks: blocks, k: k, files: 8}}
	return p
}

// lastReceipt is when the last of them had everything.
func (w *world) lastReceipt() time.Duration {
	var last time.Time
	for _, l := range w.server.transfers[0].deliveries {
		if l.at.After(last) {
			last = l.at
		}
	}
	return last.Sub(w.start)
}

// fight plays a battle in peace and under the assault.
func fight(t *testing.T, seed uint64, devices int, loss float64, a assault) (quiet, w *world) {
	t.Helper()
	quiet = play(seed, battlefield(devices, 80, 100, loss, 1_500_000, assault{}), None)
	w = play(seed, battlefield(devices, 80, 100, loss, 1_500_000, a), None)
	if quiet.err != nil || w.err != nil {
		t.Fatalf("in peace: %v; attacked: %v", quiet.err, w.err)
	}
	return quiet, w
}

// held says what an assault may do at most: how much slower, how many more bytes; and that nobody is blamed.
func held(t *testing.T, quiet, w *world, slower, larger float64) {
	t.Helper()
	took := float64(w.lastReceipt()) / float64(quiet.lastReceipt())
	bytes := float64(w.wire) / float64(quiet.wire)
	t.Logf("seed %d: %v → %v ×%.2f; wire ×%.2f, %d forged, %d located, %d blocks left to HTTPS",
		w.seed, quiet.lastReceipt(), w.lastReceipt(), took, bytes, w.forged, w.counts["device: forged symbol located"],
		w.counts["device: catch-up asked"])
	if took > slower || bytes > larger {
		t.Errorf("×%.2f in time, ×%.2f on the wire; ×%.2f and ×%.2f are allowed", took, bytes, slower, larger)
	}
	if w.counts["device: forged symbol located"] == 0 {
		t.Error("the assault reached nobody")
	}
	for _, cause := range []send.Cause{
		send.CauseLoss, send.CauseSilent, send.CauseSlow, send.CauseInconsistent, send.CauseDeaf, send.CauseAlone,
	} {
		if n := w.counts["behind: "+string(cause)]; n > 0 {
			t.Errorf("%d honest devices are named: %s", n, cause)
		}
	}
}

// A member who forges a few symbols of every block costs the others little more than those, and nobody is blamed
// .
func TestAssault(t *testing.T) {
	for name, c := range map[string]struct {
		assault        assault
		slower, larger float64
	}{
		"one parity symbol a block":               {assault{parity: 1}, 1.2, 1.2},
		"one source symbol a block":               {assault{source: 1}, 1.2, 1.2},
		"two source symbols a block":              {assault{source: 2}, 1.5, 1.3},
		"four source symbols a block":             {assault{source: 4}, 1.5, 1.4},
		"two of each":                             {assault{source: 2, parity: 2}, 1.5, 1.4},
		"four parity symbols a block":             {assault{parity: 4}, 1.5, 1.4},
		"one source symbol, and three in repairs": {assault{source: 1, chase: 3}, 1.5, 1.4},
	} {
		t.Run(name, func(t *testing.T) {
			for _, loss := range []float64{0, 0.02} {
				quiet, w := fight(t, 2, 4, loss, c.assault)
				held(t, quiet, w, c.slower, c.larger)
			}
		})
	}
}

// TestAssaultRegressions plays what has found a bug once.
func TestAssaultRegressions(t *testing.T) {
	for _, c := range []struct {
		assault assault
		seed    uint64
		devices int
		loss    float64
		bug     string
	}{
		{assault{parity: 1}, 1, 2, 0, "an ask that names a forged parity index was refused, twice"},
		{assault{parity: 4}, 2, 4, 0, "four forged symbols a block took more than all such repair might"},
		{assault{parity: 2, source: 2}, 2, 4, 0.01, "the same"},
		{assault{source: 4}, 2, 4, 0.05, "the same"},
		{
			assault{parity: 2, source: 2}, 1, 4, 0.05, "a block whose next parity indices were forged used up what it might get",
		},
	} {
		t.Run(fmt.Sprint(c.seed, " ", c.devices, " ", c.loss), func(t *testing.T) {
			slower := 1.5
			if c.assault.parity+c.assault.source == 1 {
				slower = 1.2
			}
			t.Log(c.bug)
			quiet, w := fight(t, c.seed, c.devices, c.loss, c.assault)
			held(t, quiet, w, slower, 1.4)
		})
	}
}

// With more forged symbols in a block than can be located, every block comes over HTTPS, none is dropped, and
// nobody is blamed.
func TestAssaultBeyondRepair(t *testing.T) {
	w := play(3, battlefield(4, 20, 60, 0.01, 1_500_000, assault{source: 8}), None)
	if w.err != nil {
		t.Fatal(w.err)
	}
	if n := w.counts["device: catch-up asked"]; n < 40 {
		t.Errorf("%d blocks were left to HTTPS", n)
	}
	if n := w.counts["behind: inconsistent"] + w.counts["behind: loss"] + w.counts["behind: slow"]; n > 0 {
		t.Errorf("%d honest devices are named", n)
	}
}
