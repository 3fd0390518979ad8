package receiver

import (
	"net"
	"net/netip"
	"testing"

	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

func TestJoinsAreCounted(t *testing.T) {
	e, group := newEndpoint(t, nil), group4()
	for range 2 {
		if err := e.Join(group, loopback); err != nil { // the source does not matter for such a group
			t.Fatal(err)
		}
	}
	key := joinKey(group, netip.Addr{})
	for _, want := range []int{1, 0, 0} {
		if err := e.Leave(group, netip.Addr{}); err != nil {
			t.Error(err)
		}
		if j := e.joins[key]; (j == nil) != (want == 0) || j != nil && j.count != want {
			t.Errorf("got %+v, want %d", j, want)
		}
	}
	mapped := netip.AddrPortFrom(netip.AddrFrom16(group.Addr().As16()), group.Port())
	if joinKey(mapped, loopback) != key {
		t.Error("an IPv4 address in IPv6 form is another group")
	}
	special := netip.MustParseAddrPort("232.1.1.1:7")
	if joinKey(special, loopback) == joinKey(special, netip.Addr{}) {
		t.Error("the source of a source-specific group does not count")
	}
}

func TestManyGroupsTakeMoreSockets(t *testing.T) {
	e, first := newEndpoint(t, nil), group4()
	for n := range byte(50) {
		group := netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 192, 91, n}), first.Port())
		if err := e.Join(group, netip.Addr{}); err != nil {
			t.Fatalf("group %d: %v", n, err)
		}
	}
	if n := len(e.sockets); n < 1 || n > maxSockets {
		t.Errorf("%d sockets", n)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if err := e.Join(first, netip.Addr{}); err == nil {
		t.Error("joined after the end")
	}
	if moved, err := e.Reroute(loopback, nil); moved || err != nil {
		t.Errorf("after the end: %v, %v", moved, err)
	}
}

func TestUnknownInterfaceIsRefused(t *testing.T) {
	if _, err := OpenEndpoint(EndpointConfig{Interface: "no such interface", Server: loopback}); err == nil {
		t.Error("it was opened")
	}
}

// TestReroute: groups stay joined wherever the server is, and feedback follows it.
func TestReroute(t *testing.T) {
	o := newOrigin(t, 1<<20)
	elsewhere := netip.MustParseAddr("127.0.0.2")
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(elsewhere, 0)))
	if err != nil {
		t.Skipf("no second address on loopback: %v", err)
	}
	defer c.Close()
	o.offer.FeedbackPort = c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	e, err := OpenEndpoint(EndpointConfig{Server: loopback})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	r, err := New(o.config(e, contenttest.NewStore(o.content)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.closeFeedback()
	defer r.close()
	if err := e.add(r); err != nil {
		t.Fatal(err)
	}
	if err := e.Join(o.offer.GroupAddr, o.offer.Source); err != nil {
		t.Fatal(err)
	}
	j := e.joins[joinKey(o.offer.GroupAddr, o.offer.Source)]
	for _, step := range []struct {
		name     string
		server   netip.Addr
		returned map[int]bool
		moved    bool
	}{
		{"nothing changed", loopback, nil, false},
		{"an interface came back", loopback, map[int]bool{0: true}, false},
		{"another address", elsewhere, nil, true},
		{"the same once more", elsewhere, nil, false},
	} {
		t.Run(step.name, func(t *testing.T) {
			moved, err := e.Reroute(step.server, step.returned)
			if moved != step.moved || err != nil {
				t.Errorf("moved: %v, %v", moved, err)
			}
			if len(j.interfaces) == 0 {
				t.Error("the group is joined nowhere")
			}
		})
	}
	if e.Route() == (mcast.Interface{}) {
		t.Error("no route to a server on this machine")
	}
	r.mu.Lock()
	r.sendFeedback(wire.Feedback{})
	r.mu.Unlock()
	buf := make([]byte, protocol.MaxFeedbackPacket)
	if n, err := c.Read(buf); err != nil || n == 0 {
		t.Errorf("feedback at the new address: %d bytes, %v", n, err)
	}
}

func TestSessionsOfAnEndpoint(t *testing.T) {
	o := newOrigin(t, 1<<20)
	r := o.idleReceiver()
	e := r.cfg.Endpoint
	if got := e.share(); got != 1 {
		t.Errorf("the memory is divided by %d", got)
	}
	if err := e.add(r); err != nil {
		t.Fatal(err)
	}
	if err := e.add(r); err == nil {
		t.Error("two sessions of one tag")
	}
	if e.receiver(o.offer.Tag) != r || e.share() != 2 {
		t.Errorf("the memory is divided by %d", e.share())
	}
	for n := range protocol.SessionTag(maxReceivers) {
		e.receivers[1<<20+n] = r
	}
	if err := e.add(r); err == nil || e.share() != maxShare {
		t.Errorf("one too many: %v, the memory is divided by %d", err, e.share())
	}
	e.remove(r)
	if e.receiver(o.offer.Tag) != nil {
		t.Error("packets go to a session that was removed")
	}
}
