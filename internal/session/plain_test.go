package session

import (
	"net/netip"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// TestForgedProbesDoNotMute: whoever sends packets that look like probes, signed by nobody, uses up
// nothing of what is kept for those that come from the server.
func TestForgedProbesDoNotMute(t *testing.T) {
	server, session, stranger := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.1.1"), netip.MustParseAddr("10.0.0.9")
	heard := 0
	i := &Intake{
		cfg:    IntakeConfig{OnPlain: func([]byte, netip.Addr) { heard++ }},
		server: server, plain: newBudget(plainPerSec, plainPerSec), others: newBudget(plainOthers, plainOthers),
	}
	i.sends(session)
	probe := seal.SignProbe(seal.NewSigningKey(), wire.Probe{})
	now := time.Unix(0, 0)
	send := func(from netip.Addr, p []byte) (got bool) {
		before := heard
		i.other(now, p, true, &mcast.Message{From: netip.AddrPortFrom(from, 5000), To: server})
		return heard > before
	}
	for range 10 * plainPerSec {
		send(stranger, probe)
		send(server, append(probe, 0)) // of no form: it costs nothing
	}
	if heard != plainOthers {
		t.Errorf("%d packets of a stranger were handed over", heard)
	}
	for _, from := range []netip.Addr{server, session} {
		if !send(from, probe) {
			t.Errorf("a probe from %s was not handed over", from)
		}
	}
	for range 10 * plainPerSec {
		send(server, probe)
	}
	if heard > plainOthers+plainPerSec {
		t.Errorf("%d packets were handed over at once", heard)
	}
}
