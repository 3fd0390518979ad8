package sender

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// TestSharesOfAnInterface: sessions that run on one interface have equal parts of its rate, and a
// session's own limit applies if it is lower.
func TestSharesOfAnInterface(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), 0)
	second, err := New(configOf(r.sender))
	if err != nil {
		t.Fatal(err)
	}
	e := r.endpoint
	for _, c := range []struct {
		name        string
		do          func()
		first, next uint64
	}{
		{"without a limit", func() { e.addSession(r.sender) }, 0, 0},
		{"alone", func() { e.SetMaxRate(1000) }, 1000, 0},
		{"two", func() { e.addSession(second) }, 500, 500},
		{"another limit", func() { e.SetMaxRate(600) }, 300, 300},
		{"the same limit", func() { e.SetMaxRate(600) }, 300, 300},
		{"a limit of its own", func() { second.Limit(100) }, 300, 100},
		{"one that is higher", func() { second.Limit(10_000) }, 300, 300},
		{"alone again", func() { e.removeSession(second) }, 600, 300},
		{"no limit any more", func() { e.SetMaxRate(0) }, 0, 300},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.do()
			if got := lowerLimit(r.sender.limit, r.sender.share); got != c.first {
				t.Errorf("the first may send %d", got)
			}
			if got := lowerLimit(second.limit, second.share); got != c.next {
				t.Errorf("the second may send %d", got)
			}
		})
	}
	r.sender.rate.Store(70)
	second.rate.Store(30)
	if got := e.rateOf(r.sender.link); got != 70 {
		t.Errorf("the sessions that run send %d", got)
	}
	e.removeSession(r.sender)
	second.Stop()
	if len(e.tags) != 1 || e.users[r.sender.link] != 1 {
		t.Errorf("%d tags and %d users of the link for one session", len(e.tags), e.users[r.sender.link])
	}
}

// TestSessionsAreBounded: one more than the most is refused, and leaves nothing behind.
func TestSessionsAreBounded(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	for len(r.endpoint.tags) < maxSessions {
		if _, err := r.endpoint.newTag(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := New(configOf(r.sender)); !errors.Is(err, ErrTooMany) {
		t.Errorf("got %v", err)
	}
	if n := r.endpoint.users[r.sender.link]; n != 1 {
		t.Errorf("%d sessions hold the link", n)
	}
	r.endpoint.freeTag(r.sender.tag)
	if _, err := r.endpoint.newTag(); err != nil {
		t.Error(err)
	}
}

// TestLinksFollowTheInterface: an interface with another address has a new link, and the old one is
// closed once no session uses it.
func TestLinksFollowTheInterface(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	e, to := r.endpoint, group().Addr()
	ifi, err := e.interfaceFor(to)
	if err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if l, err := e.linkOn(ifi, to); err != nil || l != r.sender.link {
		t.Errorf("another link for the same interface: %v", err)
	}
	ifi.Running = !ifi.Running
	if l, err := e.linkOn(ifi, to); err != nil || l != r.sender.link {
		t.Errorf("another link because of the cable: %v", err)
	}
	ifi.MTU++ // something about it changed
	second, err := e.linkOn(ifi, to)
	if err != nil || second == r.sender.link || len(e.links) != 2 {
		t.Fatalf("%d links, %v", len(e.links), err)
	}
	ifi.MTU++
	if _, err := e.linkOn(ifi, to); err != nil || len(e.links) != 2 {
		t.Errorf("%d links with one that a session uses, %v", len(e.links), err)
	}
	if err := second.WriteTrain(t.Context(), group(), []byte{1}, 1); err == nil {
		t.Error("the link that nobody uses is open still")
	}
}

func TestInterfaceOfAGroup(t *testing.T) {
	lo, err := mcast.InterfaceByName("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		cfg  EndpointConfig
		want string // empty: an error
	}{
		{"by name", EndpointConfig{Interface: lo.Name}, lo.Name},
		{"by address", EndpointConfig{Interface: "127.0.0.1"}, lo.Name},
		{"where feedback comes to", EndpointConfig{Feedback: netip.MustParseAddrPort("127.0.0.1:0")}, lo.Name},
		{"none of this name", EndpointConfig{Interface: "no such interface"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &Endpoint{cfg: c.cfg}
			ifi, err := e.interfaceFor(group().Addr())
			if ifi.Name != c.want || (err == nil) != (c.want != "") {
				t.Errorf("got %q, %v", ifi.Name, err)
			}
			name, err := e.Out()
			if name != c.want || (err == nil) != (c.want != "") {
				t.Errorf("groups are sent by %q, %v", name, err)
			}
			if e.OnlySix() || e.carries(anyGroup4) {
				t.Error("loopback does not lead to other machines")
			}
		})
	}
}

func TestSendPlainReachesTheGroup(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	to := group()
	l, err := mcast.Listen(to)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Join(r.sender.link.Interface, to.Addr(), netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	probe := seal.SignProbe(seal.NewSigningKey(), wire.Probe{})
	if err := r.endpoint.SendPlain(t.Context(), to, probe); err != nil {
		t.Fatal(err)
	}
	messages := []mcast.Message{{Buffer: make([]byte, mcast.BufferBytes)}}
	if n, err := l.ReadBatch(messages); err != nil || n != 1 || !bytes.Equal(messages[0].Buffer[:messages[0].N], probe) {
		t.Errorf("%d packets, %v", n, err)
	}
	if err := r.endpoint.SendPlain(t.Context(), netip.MustParseAddrPort("[ff15::1]:7"), probe); err == nil &&
		!r.sender.link.Interface.Addr6.IsValid() {
		t.Error("sent to IPv6 from an interface without an IPv6 address")
	}
}

func TestMisplaced(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	if r.sender.Misplaced() {
		t.Error("misplaced where it began")
	}
	r.sender.from = netip.MustParseAddr("127.0.0.9")
	if !r.sender.Misplaced() {
		t.Error("not misplaced although the offer names another address")
	}
	r.endpoint.cfg.Interface = "no such interface"
	if r.sender.Misplaced() {
		t.Error("misplaced although no interface is known: there is no better one")
	}
}
