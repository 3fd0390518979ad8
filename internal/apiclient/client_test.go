package apiclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		"https://10.0.0.1:7440":  "10.0.0.1:7440",
		"https://10.0.0.1:7440/": "10.0.0.1:7440",
		"server.lan":             "server.lan:7440",
		"server.lan:443":         "server.lan:443",
		"[fe80::1]:7440":         "[fe80::1]:7440",
		"fe80::1":                "[fe80::1]:7440",
		"https://[::1]":          "[::1]:7440",
		"http://server":          "",
		"https://":               "",
		"":                       "",
		"user@server":            "",
		"server:port":            "",
		"server:0":               "",
		"server:65536":           "",
		"server/path":            "",
		":7440":                  "",
	} {
		t.Run(in, func(t *testing.T) {
			got, err := apiclient.ParseAddress(in)
			if got != want || (err != nil) != (want == "") {
				t.Errorf("ParseAddress(%q) = %q, %v; want %q", in, got, err, want)
			}
			if err != nil && groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("ParseAddress(%q): code %s", in, groupcast.ErrorCode(err))
			}
		})
	}
}

func TestErrorsComeBackAsTheyWere(t *testing.T) {
	w := newWorld(t)
	for _, code := range []groupcast.Code{
		groupcast.EInvalid, groupcast.EUnauthorized, groupcast.EForbidden,
		groupcast.ENotFound,
		groupcast.EConflict, groupcast.EExhausted, groupcast.EClosed,
	} {
		t.Run(string(code), func(t *testing.T) {
			want := groupcast.Errorf(code, "no luck").WithHint("try otherwise").
				WithNext(groupcast.Next{Step: groupcast.StepRetry, Transfer: 7})
			w.service.Fail(want)
			_, err := w.client(t, "cli-admin").AddUser(t.Context(), groupcast.NewUser{})
			var got *groupcast.Error
			if !errors.As(err, &got) || got.Code != code || got.Message != want.Message || got.Hint != want.Hint ||
				got.Next == nil || *got.Next != *want.Next {
				t.Errorf("got %#v, want %#v", err, want)
			}
		})
	}
}

func TestOnlyReadsAreTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.service.Fail(errors.New("disk on fire"))
	for name, c := range map[string]struct {
		fail error
		call func(*apiclient.Client) error
		want int
	}{
		"a write": {
			groupcast.Errorf(groupcast.EUnavailable, "busy"),
			func(c *apiclient.Client) error { return c.Logout(t.Context()) }, 1,
		},
		"a wrong read": {
			groupcast.Errorf(groupcast.ENotFound, "none"),
			func(c *apiclient.Client) error { _, err := c.Me(t.Context()); return err }, 1,
		},
		"a broken read": {
			errors.New("disk on fire"), func(c *apiclient.Client) error { _, err := c.Me(t.Context()); return err }, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.service.Calls()
			w.service.Fail(c.fail)
			if err := c.call(w.client(t, "cli-admin")); err == nil {
				t.Errorf("%s succeeded", name)
			}
			if n := len(w.service.Calls()); n != c.want {
				t.Errorf("%s reached the service %d times, want %d", name, n, c.want)
			}
		})
	}
}

func TestReadSurvivesABrokenConnection(t *testing.T) {
	w := newWorld(t)
	var broken atomic.Int32
	front := forward(t, w.address, func() bool { return broken.Add(1) <= 2 })
	c, err := apiclient.New(apiclient.Config{Address: front, Pin: pki.Pin{ID: w.authority.ID()}, Token: "cli"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Me(t.Context()); err != nil {
		t.Errorf("third try: %v", err)
	}
}

// forward copies TCP connections to an address, or breaks them.
func forward(t *testing.T, to string, breaks func() bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			if breaks() {
				in.Close()
				continue
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			go func() { io.Copy(out, in); out.Close() }()
			go func() { io.Copy(in, out); in.Close() }()
		}
	}()
	return l.Addr().String()
}

func TestUnreachableIsSaidInWords(t *testing.T) {
	id := pki.Pin{ID: protocol.ServerID{1}}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unused := free.Addr().String()
	free.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	foreign := httptest.NewTLSServer(http.NotFoundHandler())
	defer foreign.Close()
	for name, c := range map[string]struct {
		address string
		code    groupcast.Code
		say     string
	}{
		"nothing there": {unused, groupcast.EUnavailable, "nothing listens"},
		"no such name":  {"no-such-host.invalid", groupcast.EUnavailable, "no machine of the name no-such-host.invalid"},
		"plain HTTP":    {strings.TrimPrefix(plain.URL, "http://"), groupcast.EUnavailable, "does not speak HTTPS"},
		"another TLS": {
			strings.TrimPrefix(foreign.URL, "https://"), groupcast.EUnauthorized, "not the server with the fingerprint",
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := apiclient.New(apiclient.Config{Address: c.address, Pin: id, Token: "canary"})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			err = client.Logout(t.Context())
			var e *groupcast.Error
			if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message, c.say) || e.Hint == "" {
				t.Errorf("got %v (code %s), want code %s, %q and a hint", err, groupcast.ErrorCode(err), c.code, c.say)
			}
			if _, err := apiclient.FetchFingerprint(t.Context(), c.address); err == nil {
				t.Error("FetchFingerprint found a server")
			}
		})
	}
}

func TestCancelledIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newWorld(t).client(t, "cli").Logout(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFetchFingerprint(t *testing.T) {
	w := newWorld(t)
	id, err := apiclient.FetchFingerprint(t.Context(), "https://"+w.address)
	if err != nil || id != w.authority.ID() {
		t.Errorf("got %v, %v; want %v", id, err, w.authority.ID())
	}
	if calls := w.service.Calls(); len(calls) > 0 {
		t.Errorf("the server heard more than a handshake: %v", calls)
	}
}

// TestNothingIsSentToAStranger: a server of another CA gets no byte of HTTP (C1, C2).
func TestNothingIsSentToAStranger(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	c, err := apiclient.New(apiclient.Config{Address: w.address, Pin: pki.Pin{ID: other.authority.ID()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Login(t.Context(), groupcast.Login{User: "anna", Password: "canary"})
	if groupcast.ErrorCode(err) != groupcast.EUnauthorized || strings.Contains(fmt.Sprint(err), "canary") {
		t.Errorf("got %v", err)
	}
	if calls := w.service.Calls(); len(calls) > 0 {
		t.Errorf("the stranger got %v", calls)
	}
}

func TestWithoutAPinThereIsNoClient(t *testing.T) {
	_, err := apiclient.New(apiclient.Config{Address: "server"})
	if groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("got %v", err)
	}
}

func TestLocal(t *testing.T) {
	w := newWorld(t)
	c := apiclient.Local(w.socket)
	defer c.Close()
	if _, err := c.Users(t.Context()); err != nil {
		t.Fatalf("over the socket: %v", err)
	}
	if calls := w.service.Calls(); len(calls) != 1 || !calls[0].By.Local || !calls[0].By.Admin() {
		t.Errorf("the service saw %+v", calls)
	}
	if _, err := c.AgentState(t.Context()); groupcast.ErrorCode(err) != groupcast.EForbidden {
		t.Errorf("the local administrator as a device: %v", err)
	}
	w.stop()
	if _, err := c.Users(t.Context()); groupcast.ErrorCode(err) != groupcast.EUnavailable ||
		!strings.Contains(err.Error(), "groupcast serve") {
		t.Errorf("without a server: %v", err)
	}
	if err := os.WriteFile(w.socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Users(t.Context()); groupcast.ErrorCode(err) != groupcast.EUnavailable {
		t.Errorf("with a dead socket: %v", err)
	}
}

func TestTokenIsRedacted(t *testing.T) {
	tok := apiclient.Token("canary")
	for _, s := range []string{fmt.Sprint(tok), fmt.Sprintf("%v %s %q %#v", tok, tok, tok, tok), tok.LogValue().String()} {
		t.Run(s, func(t *testing.T) {
			if strings.Contains(s, "canary") {
				t.Errorf("printed as %s", s)
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	var b apiclient.Backoff
	longest := time.Duration(0)
	for range 200 {
		longest = max(longest, b.Next())
	}
	if longest > time.Minute || longest < 20*time.Second {
		t.Errorf("the longest of 200 pauses was %v", longest)
	}
	b.Reset()
	if p := b.Next(); p > 500*time.Millisecond {
		t.Errorf("after a success: %v", p)
	}
}
