package daemon

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/home"
)

var quiet = slog.New(slog.DiscardHandler)

func newHome(t *testing.T) home.Home {
	t.Helper()
	h, err := home.Open(filepath.Join(t.TempDir(), "home"))
	fine(t, err)
	return h
}

// somewhere is an address on loopback whose port nobody uses.
func somewhere(t *testing.T) string {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		fine(t, err)
		at := l.Addr().String()
		u, err := net.ListenPacket("udp", at)
		fine(t, l.Close())
		if err == nil {
			fine(t, u.Close())
			return at
		}
	}
	t.Fatal("no port is free for both TCP and UDP")
	return ""
}

func open(t *testing.T, h home.Home, o Options) *Server {
	t.Helper()
	s, err := Open(t.Context(), h, o, quiet)
	fine(t, err)
	t.Cleanup(func() { fine(t, s.Close()) })
	return s
}

func options(t *testing.T) Options {
	t.Helper()
	return Options{Listen: somewhere(t), TTL: 1, Gather: time.Second, GatherMax: time.Second}
}

// It serves until it is stopped, without an error, and what it opened can be opened again.
func TestAServerRunsUntilItIsStopped(t *testing.T) {
	h, o := newHome(t), options(t)
	var before string
	for range 2 {
		s, err := Open(t.Context(), h, o, quiet)
		fine(t, err)
		if before != "" && s.ID().String() != before {
			t.Errorf("its fingerprint was %s and is %s", before, s.ID())
		}
		before = s.ID().String()
		if got := s.Addresses(); len(got) != 1 || got[0] != "https://"+o.Listen {
			t.Errorf("it is reached at %v, not at %s", got, o.Listen)
		}
		ctx, stop := context.WithCancel(t.Context())
		again, ended := make(chan os.Signal), make(chan error)
		go func() { ended <- s.Run(ctx, again) }()
		again <- os.Interrupt // reads no certificate anew where none was given
		if _, err := os.Stat(h.Socket()); err != nil {
			t.Errorf("the administrator's socket: %v", err)
		}
		stop()
		fine(t, <-ended)
		fine(t, s.Close())
		fine(t, s.Close())
	}
}

func TestASecondServerOfAHomeIsRefused(t *testing.T) {
	h := newHome(t)
	open(t, h, options(t))
	s, err := Open(t.Context(), h, options(t), quiet)
	if groupcast.ErrorCode(err) != groupcast.EConflict {
		t.Fatalf("the second said %v", err)
	}
	fine(t, s.Close())
	if _, err := Open(t.Context(), h, options(t), quiet); groupcast.ErrorCode(err) != groupcast.EConflict {
		t.Errorf("the second took the first one's lock with it: %v", err)
	}
}

// What is in the way is said, and left as it was: the next start may succeed.
func TestWhatIsInTheWayOfAStart(t *testing.T) {
	taken, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	fine(t, err)
	defer taken.Close()
	for _, c := range []struct {
		name string
		with func(*Options)
		code groupcast.Code
		says string
	}{
		{"no address", func(o *Options) { o.Listen = "nowhere" }, groupcast.EInvalid, "IP:PORT"},
		{"no port", func(o *Options) { o.Listen = "127.0.0.1" }, groupcast.EInvalid, "IP:PORT"},
		{"a port in use", func(o *Options) { o.Listen = taken.LocalAddr().String() }, groupcast.EConflict, "UDP port"},
		{"no card", func(o *Options) { o.Interface = "nocard0" }, groupcast.EInvalid, "nocard0"},
		{"no folder", func(o *Options) { o.Sources = []string{"missing"} }, groupcast.EInvalid, "missing is not a folder"},
		{"no certificate", func(o *Options) { o.Cert = "missing.pem" }, "", "missing.pem"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, o := newHome(t), options(t)
			c.with(&o)
			_, err := Open(t.Context(), h, o, quiet)
			if err == nil || !strings.Contains(errorAndHint(err), c.says) {
				t.Fatalf("it said %v, nothing of %q", err, c.says)
			}
			if c.code != "" && groupcast.ErrorCode(err) != c.code {
				t.Errorf("the code of %v is %q, not %q", err, groupcast.ErrorCode(err), c.code)
			}
			open(t, h, options(t))
		})
	}
}

func errorAndHint(err error) string {
	var e *groupcast.Error
	if errors.As(err, &e) {
		return err.Error() + " " + e.Hint
	}
	return err.Error()
}

// Keys and database of a server are served together or not at all.
func TestKeysAndDatabaseBelongTogether(t *testing.T) {
	for _, c := range []struct {
		name   string
		gone   []string
		anew   bool
		code   groupcast.Code
		advice string
	}{
		{name: "both there"},
		{"no database", []string{databaseFile}, false, groupcast.EUnavailable, "groupcast restore FILE"},
		{"no database is meant", []string{databaseFile}, true, "", ""},
		{"no keys", []string{"ca.key", "ca.pem"}, false, groupcast.EUnavailable, "--force"},
		{"a database is there", nil, true, groupcast.EConflict, "start without it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, o := newHome(t), options(t)
			s, err := Open(t.Context(), h, o, quiet)
			fine(t, err)
			fine(t, s.Close())
			for _, name := range c.gone {
				fine(t, os.Remove(filepath.Join(h.Dir(home.RoleServer), name)))
			}
			o.NewDatabase = c.anew
			s, err = Open(t.Context(), h, o, quiet)
			switch {
			case c.code == "" && err != nil:
				t.Errorf("it does not start: %v", err)
			case c.code != "" && (groupcast.ErrorCode(err) != c.code || !strings.Contains(errorAndHint(err), c.advice)):
				t.Errorf("it said %v", err)
			}
			fine(t, s.Close())
		})
	}
}

// C3: the one-time link lies in a file of its own, which only its owner can read, and goes.
func TestTheFirstLink(t *testing.T) {
	h := newHome(t)
	s := open(t, h, options(t))
	_, offered, err := s.OfferFirstAdmin(t.Context(), false)
	if fine(t, err); !offered {
		t.Fatal("a new server offers nobody to be its administrator")
	}
	path, err := s.WriteFirstLink("the link")
	fine(t, err)
	info, err := os.Stat(path)
	fine(t, err)
	if filepath.Dir(path) != h.Dir(home.RoleServer) || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %v", path, info.Mode())
	}
	fine(t, s.ForgetFirstLink())
	fine(t, s.ForgetFirstLink())
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}
