package mcast

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
)

// Packets may be marked on their way, and those that were are told from the others.
func TestCongestionMarks(t *testing.T) {
	ifi := lo(t)
	group := netip.MustParseAddrPort("239.192.77.10:17450")
	link, l := openLink(t, ifi), listen(t, ifi, group, netip.Addr{})
	p := ipv4.NewPacketConn(link.v4.conn)
	if tos, err := p.TOS(); err != nil || tos != ecnCapable {
		t.Fatalf("type of service %d (%v), not %d", tos, err, ecnCapable)
	}
	for _, c := range []struct {
		tos    int
		marked bool
	}{{ecnCapable, false}, {ceMark, true}, {0, false}, {ceMark, true}} {
		t.Run(fmt.Sprint(c.tos, " ", c.marked), func(t *testing.T) {
			if err := p.SetTOS(c.tos); err != nil {
				t.Fatal(err)
			}
			if err := link.WriteTrain(t.Context(), group, train(3, 200, 0), 200); err != nil {
				t.Fatal(err)
			}
			if err := l.conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			ms := buffers(4)
			for total := 600; total > 0; {
				n, err := l.ReadBatch(ms)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range ms[:n] {
					if total -= m.N; m.Marked != c.marked {
						t.Errorf("type of service %d: marked %v", c.tos, m.Marked)
					}
				}
			}
		})
	}
}
