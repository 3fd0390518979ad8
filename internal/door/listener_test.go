package door

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func TestDoor(t *testing.T) {
	limits := Limits{PerSecond: 1, Burst: 3, AllSecond: 1000, PerAddress: 2}
	a, b := netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("10.0.0.2/32")
	start := time.Unix(1_800_000_000, 0)
	d := New(nil, limits)
	steps := []struct {
		say  string
		do   func() bool
		want bool
	}{
		{"first", func() bool { return d.enter(a, start) }, true},
		{"second", func() bool { return d.enter(a, start) }, true},
		{"third is one too many before login", func() bool { return d.enter(a, start) }, false},
		{"others do not care", func() bool { return d.enter(b, start) }, true},
		{"one logs in: its place is free", func() bool { d.leave(a, true, start); return d.enter(a, start) }, true},
		{"the rate is used up", func() bool { d.leave(a, true, start); return d.enter(a, start) }, false},
		{"a second later", func() bool { return d.enter(a, start.Add(time.Second)) }, true},
	}
	for _, s := range steps {
		if got := s.do(); got != s.want {
			t.Errorf("%s: let in %v", s.say, got)
		}
	}
}

// TestFloodDoesNotLockOutKnownAddresses: those that logged in lately have their own lane.
func TestFloodDoesNotLockOutKnownAddresses(t *testing.T) {
	d := New(nil, Limits{PerSecond: 20, Burst: 10, AllSecond: 10, PerAddress: 64})
	now := time.Unix(1_800_000_000, 0)
	known := netip.MustParsePrefix("10.0.0.1/32")
	d.enter(known, now)
	d.leave(known, true, now)
	flooded := 0
	for i := range 2 * maxPeers {
		who := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}), 32)
		if d.enter(who, now) {
			flooded++
			d.leave(who, false, now)
		}
	}
	if flooded > 10 || len(d.peers) > maxPeers {
		t.Errorf("%d strangers came in, %d remembered", flooded, len(d.peers))
	}
	if !d.enter(known, now) {
		t.Error("the known address is locked out")
	}
}

func TestAddressPrefix(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1:5": "10.0.0.1/32", "[::ffff:10.0.0.1]:5": "10.0.0.1/32",
		"[2001:db8::1]:5": "2001:db8::/64", "[2001:db8::2]:9": "2001:db8::/64",
	} {
		t.Run(in, func(t *testing.T) {
			got := addressPrefix(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(in)))
			if got.String() != want {
				t.Errorf("%s counts as %s, want %s", in, got, want)
			}
		})
	}
}

// Members' addresses together do not use up what administrators' addresses have.
func TestMembersAddressesDoNotLockOutAdministrators(t *testing.T) {
	d := New(nil, Limits{PerSecond: 20, Burst: 10, AllSecond: 10, PerAddress: 64})
	now := time.Unix(1_800_000_000, 0)
	admin := netip.MustParsePrefix("10.0.0.1/32")
	d.enter(admin, now)
	d.leave(admin, true, now)
	d.administers(admin, now)
	for i := range 50 {
		who := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}), 32)
		for range 2 { // once to log in, and again
			if d.enter(who, now) {
				d.leave(who, true, now)
			}
			d.peer(who).known = now
		}
	}
	if !d.enter(admin, now) {
		t.Error("the administrator's address is locked out")
	}
}

func (d *Listener) peer(who netip.Prefix) *peer {
	if d.peers[who] == nil {
		d.peers[who] = &peer{}
	}
	return d.peers[who]
}

// Of those that never log in the oldest makes room; places of connections come back once.
func TestTheOldestStrangerMakesRoom(t *testing.T) {
	d := New(nil, Limits{PerSecond: 1000, Burst: 1000, AllSecond: 1000, PerAddress: 64, Waiting: 3})
	now := time.Now()
	sit := func(i int) (g, out *conn) {
		here, there := net.Pipe()
		t.Cleanup(func() { here.Close(); there.Close() })
		g = &conn{Conn: there, limiter: d, who: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 32)}
		if !d.enter(g.who, now) {
			t.Fatalf("connection %d was not let in", i)
		}
		return g, d.enqueue(g, now)
	}
	var all []*conn
	for i := range 3 {
		g, out := sit(i)
		if all = append(all, g); out != nil {
			t.Fatalf("connection %d: somebody had to go", i)
		}
	}
	if err := all[0].admitted(groupcast.Principal{User: groupcast.User{ID: "mia"}}); err != nil {
		t.Fatal(err)
	}
	if _, out := sit(3); out != nil {
		t.Error("somebody had to go though one logged in")
	}
	_, out := sit(4)
	if out != all[1] {
		t.Fatal("it was not the oldest that had to go")
	}
	out.Close()
	for range 2 {
		all[0].Close()
	}
	if n := d.unknown.waiting.Len(); n != 3 {
		t.Errorf("%d wait", n)
	}
	for range loggedIn().Each {
		if err := d.users.Take(context.Background(), "mia", 0); err != nil {
			t.Fatal(err)
		}
	}
	g, _ := sit(5)
	if err := g.admitted(groupcast.Principal{User: groupcast.User{ID: "mia"}}); groupcast.ErrorCode(err) != groupcast.EExhausted {
		t.Errorf("one connection too many of a user: %v", err)
	}
	if err := g.admitted(groupcast.Principal{User: groupcast.User{ID: "moe"}}); err != nil {
		t.Error(err)
	}
}
