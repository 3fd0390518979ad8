package mcast

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestWhichGroupsAreSourceSpecific(t *testing.T) {
	for addr, want := range map[string]bool{
		"232.0.0.1": true, "232.255.255.255": true, "231.255.255.255": false, "233.0.0.1": false, "239.1.1.1": false,
		"::ffff:232.1.1.1": true, "ff31::1": true, "ff3e::8000:1": true, "ff15::1": false, "ff21::1": false, "fe30::1": false,
	} {
		t.Run(addr, func(t *testing.T) {
			if SourceSpecific(netip.MustParseAddr(addr)) != want {
				t.Errorf("it is %v", !want)
			}
		})
	}
}

func TestTheSourceIsOfTheFamilyOfTheGroup(t *testing.T) {
	four, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	i := Interface{Addr4: four, Addr6: six}
	for group, want := range map[string]netip.Addr{
		"239.1.1.1": four, "::ffff:239.1.1.1": four, "ff15::1": six, "127.0.0.1": four, "::1": six,
	} {
		t.Run(group, func(t *testing.T) {
			if got := i.Source(netip.MustParseAddr(group)); got != want {
				t.Errorf("it is %s", got)
			}
		})
	}
	link := openLink(t, lo(t))
	if got := link.Source(netip.MustParseAddr("239.1.1.1")); got != lo(t).Addr4 {
		t.Errorf("of a link it is %s", got)
	}
	link.v4.conn.Close()
	link.v4 = nil
	if got := link.Source(netip.MustParseAddr("239.1.1.1")); got.IsValid() {
		t.Errorf("of a link without IPv4 it is %s", got)
	}
}

func TestALinkNeedsAnAddress(t *testing.T) {
	if l, err := OpenLink(Interface{Name: "bare"}, 1); err == nil || !strings.Contains(err.Error(), "bare") {
		t.Errorf("%v, %v", l, err)
	}
	gone := Interface{Name: "gone", Index: 1 << 30, Addr4: netip.MustParseAddr("192.0.2.77")}
	if l, err := OpenLink(gone, 1); err == nil {
		t.Errorf("with an address that is not here: %v", l)
	}
}

func TestRoutes(t *testing.T) {
	own := lo(t)
	for addr, found := range map[string]bool{"127.0.0.1": true, "127.8.9.1": true, "::ffff:127.0.0.1": true} {
		t.Run(addr, func(t *testing.T) {
			i, err := RouteTo(netip.MustParseAddr(addr))
			if (err == nil) != found || found && i.Index != own.Index {
				t.Errorf("%+v, %v", i, err)
			}
		})
	}
	// An address of documentation: the route to it, where there is one, has an interface of this machine.
	if i, err := RouteTo(netip.MustParseAddr("192.0.2.1")); err == nil && !i.Addr4.IsValid() {
		t.Errorf("%+v", i)
	}
	i, err := firstMulticast(netip.MustParseAddr("239.1.1.1"))
	if err != nil || !i.Loopback && !i.Addr4.IsValid() {
		t.Errorf("%+v, %v", i, err)
	}
	if i, err := loopback(); err != nil || !i.Loopback {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestAnAddressWithAZoneIsOnItsInterface(t *testing.T) {
	own := lo(t)
	for zone, found := range map[string]bool{
		own.Name: true, fmt.Sprint(own.Index): true, "no-such-nic": false,
		"99999": false,
	} {
		t.Run(zone, func(t *testing.T) {
			i, err := interfaceWith(netip.MustParseAddr("::1").WithZone(zone))
			if own.Addr6 != netip.MustParseAddr("::1") {
				t.Skip("no IPv6 here")
			}
			if (err == nil) != found || !found && !errors.Is(err, ErrNoInterface) {
				t.Errorf("%+v, %v", i, err)
			}
		})
	}
}

// The address that was asked for is the one that packets come from, also where the interface has several.
func TestTheNamedAddressIsPreferred(t *testing.T) {
	i := Interface{Addr4: netip.MustParseAddr("192.0.2.1"), Addr6: netip.MustParseAddr("2001:db8::1")}
	four, six := netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::2")
	i.prefer(four)
	i.prefer(six)
	if i.Addr4 != four || i.Addr6 != six {
		t.Errorf("%+v", i)
	}
}

// One process has the feedback port; another is told so.
func TestTheFeedbackPortIsNotShared(t *testing.T) {
	f, err := ListenFeedback(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), f.Port())
	if other, err := ListenFeedback(at); err == nil {
		other.Close()
		t.Error("two hear the same port")
	} else if !strings.Contains(err.Error(), at.String()) {
		t.Errorf("the error does not name the port: %v", err)
	}
}

// Bound to all addresses, both families arrive.
func TestFeedbackOfBothFamilies(t *testing.T) {
	f, err := ListenFeedback(netip.MustParseAddrPort("0.0.0.0:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			r, err := DialFeedback(netip.AddrPortFrom(netip.MustParseAddr(host), f.Port()))
			if err != nil {
				t.Skip(err)
			}
			defer r.Close()
			if err := r.Send([]byte(host)); err != nil {
				t.Fatal(err)
			}
			if err := f.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			var buf [64]byte
			n, from, err := f.Read(buf[:])
			if err != nil || string(buf[:n]) != host || from.Addr().String() != host {
				t.Errorf("%q from %s, %v", buf[:n], from, err)
			}
		})
	}
}

// What is longer than the buffer is cut, and the next packet is whole.
func TestLongFeedbackIsCut(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there it is an error")
	}
	f, err := ListenFeedback(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := DialFeedback(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), f.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, packet := range [][]byte{bytes.Repeat([]byte("x"), 5000), []byte("next"), {}} {
		if err := r.Send(packet); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 100)
	for _, want := range []int{100, 4, 0} {
		if n, _, err := f.Read(buf); err != nil || n != want {
			t.Errorf("%d bytes, %v, want %d", n, err, want)
		}
	}
}

// Closing ends who waits for a packet, on either socket.
func TestClosingEndsWhoWaits(t *testing.T) {
	f, err := ListenFeedback(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t, lo(t), netip.MustParseAddrPort("239.192.77.20:17450"), netip.Addr{})
	ended := make(chan error, 2)
	go func() {
		_, _, err := f.Read(make([]byte, 10))
		ended <- err
	}()
	go func() {
		_, err := l.ReadBatch(buffers(1))
		ended <- err
	}()
	if err := errors.Join(f.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	for range 2 {
		select {
		case err := <-ended:
			if !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrClosed) {
				t.Errorf("it ended with %v", err)
			}
		case <-time.After(time.Minute):
			t.Fatal("one waits still")
		}
	}
}

// Joining is counted: who joined twice hears until it has left twice, and leaving what was never joined harms nobody.
func TestJoiningIsCounted(t *testing.T) {
	ifi, group := lo(t), netip.MustParseAddr("239.192.77.21")
	l, err := Listen(netip.AddrPortFrom(group, 17451))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_ = l.Leave(ifi, group, netip.Addr{})
	if err := l.Join(ifi, group, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	messages := []Message{{To: group}, {To: netip.MustParseAddr("239.192.77.22")}, {}}
	if n := l.ours(messages); n != 2 || messages[0].To != group || messages[1].To.IsValid() {
		t.Errorf("%d are ours: %+v", n, messages)
	}
	if err := l.Leave(ifi, group, netip.Addr{}); err != nil {
		t.Error(err)
	}
	if n := l.ours([]Message{{To: group}}); n != 0 {
		t.Error("what was left is ours")
	}
	if err := l.Join(Interface{Name: "gone", Index: 1 << 30}, group, netip.Addr{}); err == nil ||
		!strings.Contains(err.Error(), "gone") {
		t.Errorf("on a card that is not there: %v", err)
	}
	if len(l.joined) != 0 {
		t.Errorf("it counts as joined: %v", l.joined)
	}
}

func TestASmallBufferIsSaidInWords(t *testing.T) {
	l := &Listener{granted: receiveBuffer}
	if note := l.BufferNote(); note != "" {
		t.Errorf("a large one: %q", note)
	}
	l.granted = 212_992
	if note := l.BufferNote(); !strings.Contains(note, "208 KiB") || !strings.Contains(note, "sysctl") {
		t.Errorf("a small one: %q", note)
	}
}

// full is a send that finds the queue full so often.
func full(times int, then error) func() error {
	return func() error {
		if times--; times >= 0 {
			return errQueue
		}
		return then
	}
}

// A full queue is tried again; what is no full queue, is not.
func TestWhichErrorsAreTriedAgain(t *testing.T) {
	s := openLink(t, lo(t)).v4
	other := errors.New("another error")
	if err := s.retry(t.Context(), full(3, nil)); err != nil {
		t.Errorf("it took it at last: %v", err)
	}
	if err := s.retry(t.Context(), full(3, other)); !errors.Is(err, other) {
		t.Errorf("got %v", err)
	}
	began := time.Now()
	if err := s.retry(t.Context(), full(1<<30, nil)); !errors.Is(err, ErrStalled) || time.Since(began) < stallTimeout {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.retry(gone, full(1<<30, nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

// Two may send trains at once: no packet of one is within the other.
func TestTrainsAtOnce(t *testing.T) {
	for _, cut := range []bool{true, false} {
		t.Run(fmt.Sprint("segmented ", cut), func(t *testing.T) {
			group := netip.MustParseAddrPort("239.192.77.23:17452")
			ifi := lo(t)
			link, l := openLink(t, ifi), listen(t, ifi, group, netip.Addr{})
			if !cut {
				link.v4.segment.Store(false)
			} else if !link.Segmented() {
				t.Skip("this kernel cuts no trains")
			}
			const senders, packets, size = 4, 16, 100
			var all sync.WaitGroup
			for i := range senders {
				all.Go(func() {
					if err := link.WriteTrain(t.Context(), group, bytes.Repeat([]byte{byte(i)}, packets*size), size); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			got, _ := hear(t, l, senders*packets*size)
			count := map[byte]int{}
			for _, p := range got {
				if len(p) != size || !bytes.Equal(p, bytes.Repeat(p[:1], size)) {
					t.Fatalf("a packet of %d bytes: %x", len(p), p)
				}
				count[p[0]]++
			}
			for i := range senders {
				if count[byte(i)] != packets {
					t.Errorf("%d packets of sender %d", count[byte(i)], i)
				}
			}
			if l.Overruns() != 0 {
				t.Errorf("%d overruns", l.Overruns())
			}
		})
	}
}
