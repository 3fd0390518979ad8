package send

import (
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/wire"
)

// Who hears SYNCs and no data, report after report, is left behind; a pause of the network, after
// which something arrives again, leaves nobody behind.
func TestDeafToData(t *testing.T) {
	for _, c := range []struct {
		name     string
		received []uint32 // of 300 declared, report by report
		behind   bool
	}{
		{"nothing ever", []uint32{0, 0, 1, 0}, true},
		{"a pause", []uint32{0, 0, 0, 200, 0, 0, 0}, false},
		{"heavy loss", []uint32{30, 9, 4, 30, 5, 30}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Sender{devices: newDeviceSet()}
			d := &device{id: 1}
			s.devices.put(d)
			s.devices.recount()
			for i, n := range c.received {
				s.deaf(time.Unix(int64(i), 0), d, wire.Feedback{Declared: 300, Received: n})
			}
			if (d.behind == CauseDeaf) != c.behind || c.behind && !strings.Contains(d.reason, "large packets") {
				t.Errorf("%s: behind %q (%s)", c.name, d.behind, d.reason)
			}
		})
	}
}
