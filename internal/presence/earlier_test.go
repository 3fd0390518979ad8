package presence

import (
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Why a device keeps its groups in the earlier format is known of who is connected by what its receiver says, of others
// by what that said last.
func TestWhoKeepsAGroupInTheEarlierFormat(t *testing.T) {
	speaks := func(most int) groupcast.Speaks {
		v := groupcast.Versions{Least: 1, Most: most}
		return groupcast.Speaks{Program: "3.0.0", Control: v, Wire: v}
	}
	for _, c := range []struct {
		name     string
		server   int
		attached int // what it says; 0: it is not connected
		before   int
		want     groupcast.EarlierFormat
	}{
		{"never connected", 2, 0, 0, groupcast.EarlierUnseen},
		{"was old", 2, 0, 1, groupcast.EarlierOld},
		{"was new", 2, 0, 2, ""},
		{"is old", 2, 1, 2, groupcast.EarlierOld},
		{"is new", 2, 2, 0, ""},
		{"the server itself is old", 1, 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.cfg.Speaks = speaks(c.server)
			if c.attached > 0 {
				f.attach(device("ann", 1), groupcast.Attach{Speaks: speaks(c.attached)})
			}
			d := groupcast.Device{ID: protocol.DeviceID{1}, Wire: c.before}
			f.Describe(&d)
			if d.Earlier != c.want {
				t.Errorf("%q, want %q", d.Earlier, c.want)
			}
		})
	}
}
