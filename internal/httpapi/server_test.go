package httpapi

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/listen"
)

func TestDoor(t *testing.T) {
	limits := Limits{PerSecond: 1, Burst: 3, AllSecond: 1000, PerAddress: 2}
	a, b := netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("10.0.0.2/32")
	start := time.Unix(1_800_000_000, 0)
	d := newConnLimiter(nil, limits)
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
	d := newConnLimiter(nil, Limits{PerSecond: 20, Burst: 10, AllSecond: 10, PerAddress: 64})
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

func TestListenSaysWhatIsInTheWay(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct {
		address string
		code    groupcast.Code
		say     string
	}{
		"port in use":    {taken.Addr().String(), groupcast.EConflict, "already listens"},
		"no such IP":     {"192.0.2.1:7440", groupcast.EInvalid, "no address"},
		"not an address": {"nonsense", groupcast.EInvalid, "IP:PORT"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := listen.Port(c.address)
			if groupcast.ErrorCode(err) != c.code || !strings.Contains(err.Error(), c.say) || !strings.Contains(err.Error(),
				"--listen") {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("file modes are not those of Unix")
	}
	dir, err := os.MkdirTemp("", "gc")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	l, err := listen.Socket(path)
	if err != nil {
		t.Fatalf("over a dead server's socket: %v", err)
	}
	defer l.Close()
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	go func() {
		if c, err := net.Dial("unix", path); err == nil {
			defer c.Close()
			_, _ = c.Read(make([]byte, 1))
		}
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if uid, known := listen.PeerUID(c); known && uid != os.Getuid() {
		t.Errorf("the peer is user %d", uid)
	}
}

func TestSocketsThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if len(file) < listen.MaxPath {
		if _, err := listen.Socket(file); groupcast.ErrorCode(err) != groupcast.EUnavailable {
			t.Errorf("over a file: %v", err)
		}
		if b, err := os.ReadFile(file); err != nil || string(b) != "precious" {
			t.Error("the file is gone")
		}
	}
	if _, err := listen.Socket("/" + strings.Repeat("x", listen.MaxPath)); groupcast.ErrorCode(err) != groupcast.EInvalid ||
		!strings.Contains(err.Error(), "--home") {
		t.Errorf("too long: %v", err)
	}
}

func TestMayEnter(t *testing.T) {
	for _, c := range []struct {
		peer, own int
		want      bool
	}{{1000, 1000, true}, {0, 1000, true}, {1001, 1000, false}, {-1, 1000, false}, {1000, 0, false}} {
		t.Run(fmt.Sprint(c.peer, " ", c.own, " ", c.want), func(t *testing.T) {
			if listen.MayEnter(c.peer, c.own) != c.want {
				t.Errorf("user %d at the door of %d: want %v", c.peer, c.own, c.want)
			}
		})
	}
}

// TestGarbageOnThePort: whatever is thrown at the port, the next request is answered.
func TestGarbageOnThePort(t *testing.T) {
	cert := selfSigned(t)
	s, err := Listen(Config{
		Service: httpapitest.New(), Listen: "127.0.0.1:0",
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	client := &tls.Config{InsecureSkipVerify: true}
	for _, garbage := range []string{
		"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff" + strings.Repeat("\x00", 1000),
		strings.Repeat("\xff", 70_000), "",
	} {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte(garbage))
		c.Close()
	}
	for _, garbage := range []string{"\x00\x01\x02\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /" +
		strings.Repeat("a", 2*maxHeader) + " HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense"} {
		t.Run(garbage, func(t *testing.T) {
			c, err := tls.Dial("tcp", s.Addr().String(), client)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write([]byte(garbage))
			answer := make([]byte, 12)
			n, _ := c.Read(answer)
			if status := string(answer[:n]); strings.HasPrefix(status, "HTTP/1.1 2") {
				t.Errorf("%.20q was answered %q", garbage, status)
			}
			c.Close()
		})
	}
	c, err := tls.Dial("tcp", s.Addr().String(), client)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = c.Write([]byte("GET / HTTP/1.1\r\nHost: " + s.Addr().String() + "\r\nConnection: close\r\n\r\n"))
	answer := make([]byte, 12)
	if n, _ := c.Read(answer); string(answer[:n]) != "HTTP/1.1 200" {
		t.Errorf("an honest request was answered %q", answer[:n])
	}
	c.Close()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}
