package send_test

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/send"
)

var lan = netsim.Config{Delay: 50 * time.Microsecond}

// lossy is a LAN that loses.
func lossy(p float64) netsim.Config {
	c := lan
	c.Loss = p
	return c
}

func fixed(mbit float64) send.Config {
	return send.Config{Rate: rate.Config{Fixed: uint64(mbit * 1e6 / 8)}}
}

func (w *world) log(name string) {
	st := w.s.Status()
	w.t.Logf("%s: %v, overhead %.4f, tail %v, %d nacks, %d feedback, %d data, %+v", name,
		w.overAt.Sub(w.start), w.overhead(), w.overAt.Sub(w.passEnd), w.nacked, w.fed, w.source, st.Counters)
}

func TestTwoSmallFilesAreQuick(t *testing.T) {
	w := newWorld(t, 1, lengths{32, 200, 2048}, fixed(100))
	for range 3 {
		w.add(lan, lan).join()
	}
	w.run(time.Second)
	w.mustFinish(false)
	w.log("small")
	if d := w.overAt.Sub(w.start); d > 100*time.Millisecond {
		t.Errorf("took %v", d)
	}
}

func TestOverheadAtFivePercent(t *testing.T) {
	w := newWorld(t, 2, even(200, 164), fixed(100))
	for range 8 {
		w.add(lossy(0.05), lan).join()
	}
	w.run(time.Minute)
	w.mustFinish(false)
	w.log("8 at 5 %")
	if o := w.overhead(); o > 1.085 {
		t.Errorf("overhead %.4f", o)
	}
}
