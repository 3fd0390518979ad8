package doctor

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
)

// of is the finding about one thing.
func of(t *testing.T, found []Finding, what string) Finding {
	t.Helper()
	for _, f := range found {
		if f.What == what {
			return f
		}
	}
	t.Fatalf("nothing was said of the %s: %+v", what, found)
	return Finding{}
}

func open(t *testing.T) home.Home {
	t.Helper()
	h, err := home.Open(filepath.Join(t.TempDir(), "home"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAMachineThatIsNotLoggedIn(t *testing.T) {
	h := open(t)
	why := groupcast.Errorf(groupcast.ENotFound, "not logged in").WithHint("log in")
	for _, c := range []struct {
		name string
		err  error
		want Finding
	}{
		{"an error with its next step", why, Finding{What: "login", Said: "not logged in", Next: "log in"}},
		{"any other error", errors.New("broken"), Finding{What: "login", Said: "broken", Next: "log in again"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := Machine{Interface: "no-such-card", Home: h, LoginErr: c.err}.Examine(t.Context())
			if got := of(t, found, "login"); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
	if _, err := h.Folder(home.RoleServer); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.Socket(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	found := Machine{Interface: "no-such-card", Home: h, LoginErr: why}.Examine(t.Context())
	if got := of(t, found, "server"); !got.OK {
		t.Errorf("a server needs no login: %+v", got)
	}
}

// A card that is not there is said, with those that are, and nothing is said of its multicast.
func TestACardThatIsNotThere(t *testing.T) {
	found := Machine{Interface: "no-such-card", Home: open(t), LoginErr: errors.New("no login")}.Examine(t.Context())
	if f := of(t, found, "network card"); f.OK || !strings.Contains(f.Next, "--interface NAME") {
		t.Errorf("%+v", f)
	}
	for _, f := range found {
		if f.What == "multicast" || f.What == "multicast flag" {
			t.Errorf("%+v is said of no card", f)
		}
	}
}

func TestAServerThatDoesNotAnswer(t *testing.T) {
	login := home.Login{Server: "https://127.0.0.1:1", User: "ann"}
	for _, c := range []struct {
		name   string
		client func() (*apiclient.Client, error)
		says   string
	}{
		{"there is nothing", func() (*apiclient.Client, error) {
			pin := pki.Pin{ID: protocol.ServerID{1}, LastSeen: time.Now()}
			return apiclient.New(apiclient.Config{Address: login.Server, Pin: pin})
		}, "127.0.0.1:1"},
		{"no client can be made", func() (*apiclient.Client, error) { return nil, errors.New("no pin") }, "no pin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := Machine{Interface: "no-such-card", Home: open(t), Login: login, Client: c.client}.Examine(t.Context())
			if f := of(t, found, "server"); f.OK || f.Next == "" || !strings.Contains(f.Said, c.says) {
				t.Errorf("%+v", f)
			}
			if f := of(t, found, "login"); !f.OK {
				t.Errorf("the login itself is there: %+v", f)
			}
		})
	}
}

func TestTheLoopbackIsSaidToBeOne(t *testing.T) {
	card, f := chooseCard("", netip.MustParseAddr("127.0.0.1"))
	if !f.OK {
		t.Skipf("no loopback here: %+v", f)
	}
	if f := multicastFlag(card); !f.OK || !strings.Contains(f.Said, "this machine only") {
		t.Errorf("%+v", f)
	}
	if f := groupRoute(card); !f.OK {
		t.Errorf("a route elsewhere is no fault: %+v", f)
	}
	if f := multicastFlag(mcast.Interface{Index: 1 << 20}); f.OK {
		t.Errorf("a card that is gone: %+v", f)
	}
}

func TestTheServersAddress(t *testing.T) {
	for in, want := range map[string]string{
		"https://127.0.0.1:7440": "127.0.0.1", "https://[::1]:7440": "::1", "https://[::ffff:10.0.0.1]:1": "10.0.0.1",
		"https://no.such.host.invalid": "invalid IP", ":": "invalid IP",
	} {
		t.Run(in, func(t *testing.T) {
			if got := serverAddr(in).String(); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}
