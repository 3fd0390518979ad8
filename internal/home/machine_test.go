package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// loggedIn is a home with the folder of an agent.
func loggedIn(t *testing.T) Home {
	t.Helper()
	h := newHome(t)
	if err := h.SaveLogin(someLogin()); err != nil {
		t.Fatal(err)
	}
	return h
}

func know(t *testing.T, h Home, id string, alone bool) {
	t.Helper()
	if err := h.KnowMachine(Machine{ID: id}, alone); err != nil {
		t.Fatal(err)
	}
}

// A home is a copy where it was on other machines only; one that goes to and fro is none.
func TestAHomeOnAnotherMachineIsACopy(t *testing.T) {
	h := loggedIn(t)
	if h.CopiedTo(Machine{ID: "a"}) {
		t.Error("a new home is a copy")
	}
	know(t, h, "a", false)
	for id, copied := range map[string]bool{"a": false, "b": true, "": false} {
		t.Run("on "+id, func(t *testing.T) {
			if h.CopiedTo(Machine{ID: id}) != copied {
				t.Errorf("copied is %v", !copied)
			}
		})
	}
	know(t, h, "b", false)
	if h.CopiedTo(Machine{ID: "a"}) || h.CopiedTo(Machine{ID: "b"}) {
		t.Error("between two machines that it was on it is a copy")
	}
	know(t, h, "c", true) // a device of its own there
	if !h.CopiedTo(Machine{ID: "a"}) || h.CopiedTo(Machine{ID: "c"}) {
		t.Error("after it became a device of its own it is at home elsewhere")
	}
}

// What is remembered of machines is bounded: the latest stay.
func TestMachinesAreBounded(t *testing.T) {
	h := loggedIn(t)
	for i := range 2 * maxMachines {
		know(t, h, fmt.Sprintf("%032d", i), false)
	}
	if n := len(h.machines()); n != maxMachines {
		t.Errorf("%d machines are remembered", n)
	}
	if h.CopiedTo(Machine{ID: fmt.Sprintf("%032d", 2*maxMachines-1)}) {
		t.Error("the latest is forgotten")
	}
	if !h.CopiedTo(Machine{ID: fmt.Sprintf("%032d", 0)}) {
		t.Error("the first is not")
	}
}

// A machine without an ID of its own is nothing to remember, and no home is a copy there.
func TestAMachineWithoutAnID(t *testing.T) {
	h := loggedIn(t)
	know(t, h, "", false)
	if _, err := os.Stat(h.machinePath()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is remembered: %v", err)
	}
	know(t, h, "a", false)
	if h.CopiedTo(Machine{}) {
		t.Error("it is a copy")
	}
}

// A file that cannot be trusted decides nothing.
func TestADamagedListOfMachinesDecidesNothing(t *testing.T) {
	h := loggedIn(t)
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"empty": {"", 0o600}, "blank": {" \n\n ", 0o600}, "too long": {strings.Repeat("x ", maxMachineBytes), 0o600},
		"for others to write": {"other\n", 0o666},
	} {
		t.Run(name, func(t *testing.T) {
			if c.mode != 0o600 && runtime.GOOS == "windows" {
				t.Skip("no modes here")
			}
			if err := os.WriteFile(h.machinePath(), []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(h.machinePath(), c.mode); err != nil {
				t.Fatal(err)
			}
			if h.CopiedTo(Machine{ID: "a"}) {
				t.Error("it makes the home a copy")
			}
		})
	}
}

func TestThisMachineSaysNothingOfItself(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	t.Setenv(MachineVariable, id)
	m := ThisMachine()
	if len(m.ID) != 32 || m.ID == id || m.Place == m.ID || m.Place == "" {
		t.Errorf("%+v", m)
	}
	if again := ThisMachine(); again != m {
		t.Errorf("now %+v, then %+v", m, again)
	}
	t.Setenv(MachineVariable, id+"0")
	if other := ThisMachine(); other.ID == m.ID || other.Place == m.Place || other.Boot != m.Boot {
		t.Errorf("another machine has %+v", other)
	}
}

// The same text digested for two purposes gives two digests, so that one does not give the other away.
func TestDigestsAreApart(t *testing.T) {
	if digestOf("a", "x") == digestOf("b", "x") || digestOf("a", "x") == digestOf("a", "y") || digestOf("a", "") != "" {
		t.Error("digests are not apart")
	}
}

// Logging out forgets the login, its time and its machines, and may be done twice.
func TestForgettingALogin(t *testing.T) {
	h := loggedIn(t)
	know(t, h, "a", false)
	if err := h.SaveSeen(time.Unix(1_800_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.ForgetLogin(); err != nil {
			t.Fatal(err)
		}
		if _, err := h.LoadLogin(); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("after it: %v", err)
		}
		if h.CopiedTo(Machine{ID: "b"}) || !h.loadSeen().IsZero() {
			t.Error("machines or times are left")
		}
	}
}

// A login says that it is not there, too, where its folder is not.
func TestNobodyIsLoggedInANewHome(t *testing.T) {
	h := newHome(t)
	_, err := h.LoadLogin()
	var said *groupcast.Error
	if !errors.As(err, &said) || said.Code != groupcast.ENotFound || !strings.Contains(said.Hint, "groupcast login") {
		t.Errorf("%v", err)
	}
}

// What others can read is not taken for a secret, and a file is not read beyond its limit.
func TestPrivateFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if b, err := ReadPrivate(write("good", "12345", 0o600), 5); err != nil || string(b) != "12345" {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := ReadPrivate(write("long", "123456", 0o600), 5); err == nil || b != nil {
		t.Errorf("a longer one: %q", b)
	}
	if _, err := ReadPrivate(filepath.Join(dir, "none"), 5); !missing(err) {
		t.Errorf("none: %v", err)
	}
	if _, err := ReadPrivate(dir, 5); err == nil {
		t.Error("a folder was read")
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			_, err := ReadPrivate(write("wide", "12345", mode), 5)
			if groupcast.ErrorCode(err) != groupcast.EForbidden || strings.Contains(err.Error(), "12345") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestRolesHaveFoldersOfTheirOwn(t *testing.T) {
	h := newHome(t)
	server, err := h.Folder(RoleServer)
	if err != nil {
		t.Fatal(err)
	}
	agent, err := h.Folder(RoleAgent)
	if err != nil || agent == server {
		t.Fatal(agent, err)
	}
	if filepath.Dir(h.Socket()) != server {
		t.Errorf("the socket is %s", h.Socket())
	}
	one, err := h.Lock(RoleServer)
	if err != nil {
		t.Fatal(err)
	}
	other, err := h.Lock(RoleAgent) // they do not keep each other out
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(one.Release(), other.Release()); err != nil {
		t.Error(err)
	}
	if err := one.Release(); err == nil {
		t.Error("a lock was given back twice")
	}
}

func TestWhereWhatLivesUntilTheNextBootGoes(t *testing.T) {
	for name, c := range map[string]struct{ variable, want string }{
		"as the system says": {"/run/user/7", "/run/user/7/groupcast"},
		"a relative path":    {"run", ""}, "empty": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" {
				t.Skip("no such folder there")
			}
			t.Setenv("XDG_RUNTIME_DIR", c.variable)
			want := c.want
			if want == "" && runtime.GOOS == "linux" && os.Geteuid() == 0 {
				want = "/run/groupcast"
			}
			if got := RuntimeFolder(); got != want {
				t.Errorf("it is %q, want %q", got, want)
			}
		})
	}
}

// A time of the server that lies before the one that is known is not kept: a clock is never set back by it.
func TestALoginComesBackAsItWas(t *testing.T) {
	h := newHome(t)
	want := someLogin()
	want.Key, want.Fingerprint = strings.Repeat("ab", 32), protocol.ServerID{31: 9}
	want.LastSeen = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := h.SaveLogin(want); err != nil {
		t.Fatal(err)
	}
	earlier := want
	earlier.LastSeen = want.LastSeen.Add(-time.Hour)
	if err := h.SaveLogin(earlier); err != nil {
		t.Fatal(err)
	}
	got, err := h.LoadLogin()
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if string(got.AgentToken) == redacted || got.AgentToken == "" {
		t.Error("the file holds no token")
	}
}
