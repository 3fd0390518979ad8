package receiver

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// TestForgedProbesDoNotMute: whoever sends packets that look like probes, signed by nobody, uses up
// nothing of what is kept for those that come from the server.
func TestForgedProbesDoNotMute(t *testing.T) {
	server, session := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.1.1")
	stranger := netip.MustParseAddr("10.0.0.9")
	heard := 0
	e := &Endpoint{
		cfg:    EndpointConfig{OnPlain: func([]byte, netip.Addr) { heard++ }},
		server: server, plain: rate.NewLimiter(plainPerSec, plainPerSec), others: rate.NewLimiter(plainOthers, plainOthers),
	}
	e.addSource(session)
	probe := seal.SignProbe(seal.NewSigningKey(), wire.Probe{})
	now := time.Unix(0, 0)
	send := func(from netip.Addr, p []byte) (got bool) {
		before := heard
		e.handlePlain(now, p, &mcast.Message{From: netip.AddrPortFrom(from, 5000), To: server})
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

// TestPlainPacketsReachTheAgent: announcements and probes of a group that was joined are handed over
// with the group they were sent to.
func TestPlainPacketsReachTheAgent(t *testing.T) {
	heard := make(chan netip.Addr, 10)
	e, err := OpenEndpoint(EndpointConfig{
		Interface: "127.0.0.1", Server: loopback,
		OnPlain: func(_ []byte, group netip.Addr) { heard <- group },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	group := group4()
	if err := e.Join(group, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	ifi, err := mcast.InterfaceByName("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	link, err := mcast.OpenLink(ifi, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	p := seal.SignProbe(seal.NewSigningKey(), wire.Probe{})
	if err := link.WriteTrain(t.Context(), group, p, len(p)); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-heard:
		if got != group.Addr() {
			t.Errorf("heard on %s", got)
		}
	case <-time.After(patience):
		t.Error("the probe was not heard")
	}
	if err := e.Leave(group, netip.Addr{}); err != nil {
		t.Error(err)
	}
}
