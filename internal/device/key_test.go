package device

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

func newHome(t *testing.T) home.Home {
	t.Helper()
	h, err := home.Open(filepath.Join(t.TempDir(), "home"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Folder(home.RoleAgent); err != nil {
		t.Fatal(err)
	}
	return h
}

func logIn(t *testing.T, h home.Home, user string, server byte, key string) home.Login {
	t.Helper()
	l := home.Login{
		Server: "https://127.0.0.1:7440", Fingerprint: protocol.ServerID{server}, User: user, DeviceName: "pc",
		Device: protocol.DeviceID{1}, AgentToken: "agent", CLIToken: "cli", Key: key,
	}
	if err := errors.Join(h.SaveLogin(l), h.KnowMachine(home.ThisMachine(), true)); err != nil {
		t.Fatal(err)
	}
	return l
}

// The key stays with the device: the same user at the same server. Anybody else gets another one, so
// that no server can tell that two logins are one machine.
func TestAKeyForEachLogin(t *testing.T) {
	h := newHome(t)
	first, err := deviceKeyFor(h, protocol.ServerID{1}, "ann")
	if err != nil {
		t.Fatal(err)
	}
	logIn(t, h, "ann", 1, "")
	for _, c := range []struct {
		name   string
		server byte
		user   string
		same   bool
	}{
		{"the same again", 1, "ann", true}, {"another user", 1, "bob", false}, {"another server", 2, "ann", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := durable.WriteFile(keyPath(h), first.Seed()); err != nil {
				t.Fatal(err)
			}
			key, err := deviceKeyFor(h, protocol.ServerID{c.server}, c.user)
			if err != nil || bytes.Equal(key.Seed(), first.Seed()) != c.same {
				t.Errorf("the same key: %v, want %v; %v", !c.same, c.same, err)
			}
			if kept, err := loadDeviceKey(h); err != nil || !bytes.Equal(kept.Seed(), key.Seed()) {
				t.Errorf("what was given was not kept: %v", err)
			}
		})
	}
}

// A machine that becomes a device of its own keeps its next key first, and takes it over with the
// login: whatever comes in between, key and login fit.
func TestTheNextKey(t *testing.T) {
	for _, c := range []struct {
		name    string
		mine    bool // the login is the next key's already
		damaged bool
		taken   bool
	}{
		{"before the server answered", false, false, false},
		{"after the login was kept", true, false, true},
		{"half written", false, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHome(t)
			old := seal.NewSigningKey()
			next, err := nextKey(h)
			if err := errors.Join(err, durable.WriteFile(keyPath(h), old.Seed())); err != nil {
				t.Fatal(err)
			}
			if again, err := nextKey(h); err != nil || !bytes.Equal(again.Seed(), next.Seed()) {
				t.Fatalf("asked again it is another one: %v", err)
			}
			public := ""
			if c.mine {
				public = hex.EncodeToString(next.Public().Bytes())
			}
			logIn(t, h, "ann", 1, public)
			if c.damaged {
				if err := durable.WriteFile(nextKeyPath(h), []byte("half")); err != nil {
					t.Fatal(err)
				}
			}
			want := old
			if c.taken {
				want = next
			}
			if key, err := loadDeviceKey(h); err != nil || !bytes.Equal(key.Seed(), want.Seed()) {
				t.Errorf("not the key that the login is of: %v", err)
			}
			_, err = os.Stat(nextKeyPath(h))
			if gone := errors.Is(err, fs.ErrNotExist); gone != (c.taken || c.damaged) {
				t.Errorf("the next key is gone: %v", gone)
			}
		})
	}
}

// A receiver ends when its login was ended or made anew, and not because the file cannot be read.
func TestStillLoggedIn(t *testing.T) {
	h := newHome(t)
	l := logIn(t, h, "ann", 1, "")
	if !stillLoggedIn(h, l) {
		t.Error("nothing changed")
	}
	other := l
	other.AgentToken = "another"
	if err := h.SaveLogin(other); err != nil {
		t.Fatal(err)
	}
	if stillLoggedIn(h, l) {
		t.Error("the login was made anew")
	}
	if err := os.WriteFile(filepath.Join(h.Dir(home.RoleAgent), "client.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !stillLoggedIn(h, l) {
		t.Error("a damaged file says nothing")
	}
	if err := h.ForgetLogin(); err != nil {
		t.Fatal(err)
	}
	if stillLoggedIn(h, l) {
		t.Error("it was ended")
	}
}
