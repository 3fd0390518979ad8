package httpapi

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/listen"
)

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
