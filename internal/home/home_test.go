package home

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func newHome(t *testing.T) Home {
	t.Helper()
	h, err := Open(filepath.Join(t.TempDir(), "home"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestWhereTheHomeIs(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir)
	t.Setenv(HomeVariable, "")
	if h, err := Find(""); err != nil || h.Path() != filepath.Join(dir, ".groupcast") {
		t.Errorf("%v, %v", h, err)
	}
	t.Setenv(HomeVariable, filepath.Join(dir, "variable"))
	if h, err := Find(""); err != nil || h.Path() != filepath.Join(dir, "variable") {
		t.Errorf("%v, %v", h, err)
	}
	if h, err := Find(filepath.Join(dir, "flag")); err != nil || h.Path() != filepath.Join(dir, "flag") {
		t.Errorf("%v, %v", h, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("finding made %v", left)
	}
}

// R6: as ssh does, a home that others may enter is refused, with the command that helps.
func TestWideHomesAreRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes here")
	}
	h := newHome(t)
	info, err := os.Stat(h.Path())
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("made with %v, %v", info.Mode(), err)
	}
	for mode, ok := range map[os.FileMode]bool{0o700: true, 0o500: true, 0o750: false, 0o701: false, 0o777: false} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			if err := os.Chmod(h.Path(), mode); err != nil {
				t.Fatal(err)
			}
			_, err := Open(h.Path())
			if (err == nil) != ok || (!ok && !strings.Contains(err.Error(), "chmod 700 "+h.Path())) {
				t.Errorf("%o: %v", mode, err)
			}
		})
	}
	if err := os.Chmod(h.Path(), 0o700); err != nil {
		t.Fatal(err)
	}
	folder, err := h.Folder(RoleServer)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Folder(RoleServer); groupcast.ErrorCode(err) != groupcast.EForbidden {
		t.Errorf("a wide folder of the server: %v", err)
	}
}

func TestAHomeIsAFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("got %v", err)
	}
	if _, err := Open(filepath.Join(file, "below")); groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("got %v", err)
	}
}

// One process per home and role: the second is told who the first is; a dead one holds nothing.
func TestLocks(t *testing.T) {
	h := newHome(t)
	if home := os.Getenv("LOCK_TEST_HOME"); home != "" {
		holdUntilKilled(t, Home{home})
		return
	}
	l, err := h.Lock(RoleServer)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Lock(RoleServer)
	if groupcast.ErrorCode(err) != groupcast.EConflict ||
		!strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("a second server: %v", err)
	}
	other, err := h.Lock(RoleAgent)
	if err != nil {
		t.Fatalf("an agent beside the server: %v", err)
	}
	if err := other.Release(); err != nil {
		t.Error(err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
	again, err := h.Lock(RoleServer)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	if err := again.Release(); err != nil {
		t.Error(err)
	}
}

func holdUntilKilled(t *testing.T, h Home) {
	if _, err := h.Lock(RoleAgent); err != nil {
		t.Fatal(err)
	}
	fmt.Println("locked")
	os.Stdin.Read(make([]byte, 1)) // until the parent kills us
}

func TestAKilledProcessHoldsNoLock(t *testing.T) {
	h := newHome(t)
	child := exec.Command(os.Args[0], "-test.run=^TestLocks$")
	child.Env = append(os.Environ(), "LOCK_TEST_HOME="+h.Path())
	stdin, err := child.StdinPipe() // keeps it waiting
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if line := make([]byte, 6); true {
		if _, err := out.Read(line); err != nil || string(line) != "locked" {
			t.Fatalf("%q, %v", line, err)
		}
	}
	_, err = h.Lock(RoleAgent)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", child.Process.Pid)) {
		t.Errorf("while it lives: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait() // says that it was killed
	l, err := h.Lock(RoleAgent)
	if err != nil {
		t.Fatalf("after its death: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
}

func someLogin() Login {
	return Login{
		Server: "https://10.0.0.1:7440", Fingerprint: protocol.ServerID{1}, User: "anna", Device: protocol.DeviceID{2},
		DeviceName: "lab-1", AgentToken: "canary-agent", CLIToken: "canary-cli",
		CLIExpires: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), LastSeen: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func TestLogin(t *testing.T) {
	h := newHome(t)
	if _, err := h.LoadLogin(); groupcast.ErrorCode(err) != groupcast.ENotFound ||
		!strings.Contains(err.Error(), "groupcast login") {
		t.Errorf("before: %v", err)
	}
	if err := h.SaveLogin(someLogin()); err != nil {
		t.Fatal(err)
	}
	got, err := h.LoadLogin()
	if err != nil || got != someLogin() {
		t.Fatalf("%+v, %v", got, err)
	}
	path := filepath.Join(h.Dir(RoleAgent), "client.json")
	if info, err := os.Stat(path); err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if runtime.GOOS != "windows" {
		os.Chmod(path, 0o644)
		if _, err := h.LoadLogin(); groupcast.ErrorCode(err) != groupcast.EForbidden {
			t.Errorf("readable by others: %v", err)
		}
	}
	if err := h.ForgetLogin(); err != nil {
		t.Fatal(err)
	}
	if err := h.ForgetLogin(); err != nil {
		t.Errorf("twice: %v", err)
	}
	if left, _ := os.ReadDir(h.Dir(RoleAgent)); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestDamagedLogins(t *testing.T) {
	h := newHome(t)
	if err := h.SaveLogin(someLogin()); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "{", "{}", `{"server":"x","fingerprint":"00"}`, strings.Repeat(" ", maxLoginBytes+1),
	} {
		t.Run(text, func(t *testing.T) {
			if err := os.WriteFile(h.loginPath(), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if l, err := h.LoadLogin(); err == nil || l != (Login{}) {
				t.Errorf("%.20q: %v", text, err)
			}
		})
	}
}

// The server's time only goes forward, and does not bring back a login that was forgotten.
func TestLastSeen(t *testing.T) {
	h := newHome(t)
	if err := h.SaveLogin(someLogin()); err != nil {
		t.Fatal(err)
	}
	base := someLogin().LastSeen
	for _, c := range []struct{ told, kept time.Time }{
		{base.Add(time.Hour), base.Add(time.Hour)}, {base, base.Add(time.Hour)}, {time.Time{}, base.Add(time.Hour)},
	} {
		t.Run(fmt.Sprint(c.told, " ", c.kept), func(t *testing.T) {
			if err := h.SaveSeen(c.told); err != nil {
				t.Fatal(err)
			}
			if l, err := h.LoadLogin(); err != nil || !l.LastSeen.Equal(c.kept) {
				t.Errorf("%v, %v", l.LastSeen, err)
			}
		})
	}
	if err := h.ForgetLogin(); err != nil {
		t.Fatal(err)
	}
	if err := h.SaveSeen(base.Add(2 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.LoadLogin(); groupcast.ErrorCode(err) != groupcast.ENotFound {
		t.Errorf("got %v", err)
	}
}

// G1: a login in a log or in JSON shows no token.
func TestTokensDoNotPrint(t *testing.T) {
	var out bytes.Buffer
	l := someLogin()
	for _, v := range []any{l, &l, l.AgentToken, []Token{l.CLIToken}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		if err := json.NewEncoder(&out).Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	if s := out.String(); strings.Contains(s, "canary") || strings.Contains(s, "63616e617279") ||
		strings.Count(s, redacted) < 50 {
		t.Errorf("printed: %s", s)
	}
}
