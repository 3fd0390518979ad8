package mcast

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func lo(t testing.TB) Interface {
	t.Helper()
	i, err := InterfaceFor(netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// nic gives loopback for IPv4; it seldom has a route for IPv6 groups, so any other there.
func nic(t testing.TB, group netip.Addr) Interface {
	t.Helper()
	all, err := Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Loopback == group.Is4() && i.Source(group).IsValid() {
			return i
		}
	}
	t.Skip("no interface with an address of this family")
	return Interface{}
}

func openLink(t testing.TB, ifi Interface) *Link {
	t.Helper()
	l, err := OpenLink(ifi, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func listen(t testing.TB, ifi Interface, group netip.AddrPort, source netip.Addr) *Listener {
	t.Helper()
	l, err := Listen(group)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := l.Join(ifi, group.Addr(), source); err != nil {
		t.Fatal(err)
	}
	return l
}

func buffers(n int) []Message {
	out := make([]Message, n)
	for i := range out {
		out[i].Buffer = make([]byte, BufferBytes)
	}
	return out
}

// train is n packets of size bytes, the first byte of each its number, and a short last one.
func train(n, size, last int) []byte {
	b := make([]byte, n*size+last)
	for i := range b {
		b[i] = byte(i/size + i%size)
	}
	return b
}

// hear reads until total bytes are there and gives the packets.
func hear(t testing.TB, l *Listener, total int) (packets [][]byte, from netip.AddrPort) {
	t.Helper()
	if err := l.conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	ms := buffers(8)
	for total > 0 {
		n, err := l.ReadBatch(ms)
		if err != nil {
			t.Fatalf("%d bytes are missing: %v", total, err)
		}
		for _, m := range ms[:n] {
			from = m.From
			for b := m.Buffer[:m.N]; len(b) > 0; {
				k := min(m.Segment, len(b))
				packets = append(packets, bytes.Clone(b[:k]))
				b = b[k:]
				total -= k
			}
		}
	}
	return packets, from
}

var groups = []struct {
	name  string
	group netip.AddrPort
}{
	{"IPv4", netip.MustParseAddrPort("239.192.77.1:17441")},
	{"IPv4 source-specific", netip.MustParseAddrPort("232.7.7.1:17441")},
	// Of interface-local scope: heard on this machine, never put on a wire.
	{"IPv6", netip.MustParseAddrPort("[ff11::7441]:17441")},
	{"IPv6 source-specific", netip.MustParseAddrPort("[ff31::8000:7441]:17441")},
}

func TestEveryListenerHearsATrain(t *testing.T) {
	for _, tt := range groups {
		for _, cut := range []bool{true, false} {
			name := tt.name
			if !cut {
				name += " without segmentation"
			}
			t.Run(name, func(t *testing.T) { trainToThree(t, tt.group, cut) })
		}
	}
}

func trainToThree(t *testing.T, group netip.AddrPort, cut bool) {
	ifi := nic(t, group.Addr())
	link := openLink(t, ifi)
	source := link.Source(group.Addr())
	if !cut {
		link.socket(group.Addr()).segment.Store(false)
	}
	var listeners []*Listener
	for range 3 {
		listeners = append(listeners, listen(t, ifi, group, source))
	}
	const size = 1443
	sent := train(50, size, 99)
	if err := link.WriteTrain(t.Context(), group, sent, size); err != nil {
		t.Fatal(err)
	}
	for i, l := range listeners {
		packets, from := hear(t, l, len(sent))
		if got := bytes.Join(packets, nil); !bytes.Equal(got, sent) || len(packets) != 51 {
			t.Errorf("listener %d: %d packets, %d bytes; want 51 packets of %d bytes in all", i, len(packets), len(got),
				len(sent))
		}
		if from.Addr() != source {
			t.Errorf("listener %d: from %s, want %s", i, from, source)
		}
	}
}

func TestOtherGroupsOfThePortAreNotHeard(t *testing.T) {
	ifi := lo(t)
	link := openLink(t, ifi)
	a, b := netip.MustParseAddrPort("239.192.77.2:17442"), netip.MustParseAddrPort("239.192.77.3:17442")
	la, lb := listen(t, ifi, a, netip.Addr{}), listen(t, ifi, b, netip.Addr{})
	for _, g := range []netip.AddrPort{b, a} {
		if err := link.WriteTrain(t.Context(), g, []byte(g.String()), 100); err != nil {
			t.Fatal(err)
		}
	}
	for l, g := range map[*Listener]netip.AddrPort{la: a, lb: b} {
		packets, _ := hear(t, l, len(g.String()))
		if string(packets[0]) != g.String() {
			t.Errorf("heard %q on %s", packets[0], g)
		}
	}
}

func TestAfterLeaveNothingIsHeard(t *testing.T) {
	ifi := lo(t)
	link := openLink(t, ifi)
	a, b := netip.MustParseAddrPort("239.192.77.4:17443"), netip.MustParseAddrPort("239.192.77.5:17443")
	l := listen(t, ifi, a, netip.Addr{})
	if err := l.Join(ifi, b.Addr(), netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	if err := l.Leave(ifi, a.Addr(), netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	for _, g := range []netip.AddrPort{a, b} {
		if err := link.WriteTrain(t.Context(), g, []byte(g.String()), 100); err != nil {
			t.Fatal(err)
		}
	}
	if packets, _ := hear(t, l, len(b.String())); string(packets[0]) != b.String() {
		t.Errorf("heard %q after leaving %s", packets[0], a)
	}
}

func TestTooManyGroupsAreSaid(t *testing.T) {
	ifi := lo(t)
	l := listen(t, ifi, netip.MustParseAddrPort("239.192.78.0:17444"), netip.Addr{})
	for i := 1; i < 4096; i++ {
		err := l.Join(ifi, netip.AddrFrom4([4]byte{239, 193, byte(i >> 8), byte(i)}), netip.Addr{})
		if errors.Is(err, ErrGroupsFull) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Skip("this kernel has no limit")
}

func TestWriteTrainOnAMissingFamily(t *testing.T) {
	ifi := lo(t)
	ifi.Addr6 = netip.Addr{}
	err := openLink(t, ifi).WriteTrain(t.Context(), netip.MustParseAddrPort("[ff15::1]:17441"), []byte("x"), 1)
	if err == nil || !strings.Contains(err.Error(), "no address of the family") {
		t.Errorf("got %v", err)
	}
}

func TestClosedLinkFails(t *testing.T) {
	link := openLink(t, lo(t))
	link.Close()
	if err := link.WriteTrain(context.Background(), groups[0].group, train(2, 10, 0), 10); err == nil {
		t.Error("a closed link took a train")
	}
}

func TestFeedbackArrives(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		f, err := ListenFeedback(netip.AddrPortFrom(netip.MustParseAddr(host), 0))
		if err != nil {
			t.Skip(err)
		}
		defer f.Close()
		r, err := DialFeedback(netip.AddrPortFrom(netip.MustParseAddr(host), f.Port()))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Send([]byte("report")); err != nil {
			t.Fatal(err)
		}
		var buf [64]byte
		n, from, err := f.Read(buf[:])
		if err != nil || string(buf[:n]) != "report" || from.Addr().String() != host {
			t.Errorf("%s: %q from %s, %v", host, buf[:n], from, err)
		}
	}
}

func TestInterfaces(t *testing.T) {
	i := lo(t)
	if !i.Loopback || i.Addr4.String() != "127.0.0.1" {
		t.Errorf("127.0.0.1 is on %+v", i)
	}
	for _, name := range []string{i.Name, "127.0.0.1"} {
		if got, err := InterfaceByName(name); err != nil || got.Index != i.Index {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, name := range []string{"no-such-nic", "192.0.2.77"} {
		if _, err := InterfaceByName(name); err == nil {
			t.Errorf("%s was found", name)
		}
	}
	if all, err := Interfaces(); err != nil || len(all) == 0 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestReadAndWriteDoNotAllocate(t *testing.T) {
	ifi := lo(t)
	group := netip.MustParseAddrPort("239.192.77.9:17449")
	link, l := openLink(t, ifi), listen(t, ifi, group, netip.Addr{})
	b, ms, ctx := train(40, 1443, 0), buffers(4), t.Context()
	got := testing.AllocsPerRun(50, func() {
		if err := link.WriteTrain(ctx, group, b, 1443); err != nil {
			t.Fatal(err)
		}
		link.QueuedBytes()
		for n := 0; n < len(b); {
			k, err := l.ReadBatch(ms)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range ms[:k] {
				n += m.N
			}
		}
	})
	if got > 3 {
		t.Errorf("%v allocations for a train of 40 packets", got)
	}
}
