package send_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// liarDev is the device that lies.
const liarDev = 5

// TestAttachingAgainPaysNothing: a device that attaches again and again, and says each time that it
// lacks everything, is charged for what was sent before; detached in between it is the same device.
func TestAttachingAgainPaysNothing(t *testing.T) {
	for _, detach := range []bool{false, true} {
		t.Run(fmt.Sprintf("detached in between %v", detach), func(t *testing.T) {
			w := newWorld(t, 3, even(300, 100), fixed(50))
			for range 8 {
				w.add(lan, lan).join()
			}
			var again func()
			again = func() {
				if w.over {
					return
				}
				if detach {
					w.s.Detach(w.clock.Now(), liarDev, "its stream broke")
				}
				w.s.Attach(w.clock.Now(), liarDev, []protocol.Range{{First: 0, Count: 300}}, false)
				w.pump()
				w.clock.After(100*time.Millisecond, again)
			}
			w.clock.After(500*time.Millisecond, again)
			w.run(time.Minute)
			w.mustFinish(true)
			if o := w.overhead(); o > 1.15 {
				t.Errorf("%.2f times the content was sent", o)
			}
			for _, p := range w.peers {
				if (p.behind != "") != (p.dev == liarDev) {
					t.Errorf("device %d: behind %q", p.dev, p.behind)
				}
			}
		})
	}
}
