//go:build linux

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast/test/netlab"
)

const (
	server   = "https://" + netlab.SenderIP + ":7440"
	password = "correct horse battery"
	patience = 60 * time.Second // for anything that should happen by itself
)

// binary is the program under test: $GROUPCAST_BIN, or built here.
func binary(t *testing.T) string {
	t.Helper()
	if bin := os.Getenv("GROUPCAST_BIN"); bin != "" {
		return bin
	}
	return build(t, "")
}

// build builds the program with flags for the linker.
func build(t *testing.T, linked string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "groupcast")
	out, err := exec.Command("go", "build", "-ldflags", linked, "-o", bin,
		"github.com/groupcast/groupcast/cmd/groupcast").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	return bin
}

// site is a lab with a server that runs on host s.
type site struct {
	t           *testing.T
	lab         *netlab.Lab
	bin         string
	dir         string
	fingerprint string
	serve       *exec.Cmd
	serveLog    *logFile
	serveArgs   []string
	others      map[string]string // the programs of hosts that have another one than bin
}

// missing is what this machine lacks, found out once.
var missing = sync.OnceValue(netlab.Missing)

// labs says which labs of this run are in use.
var labs struct {
	mu   sync.Mutex
	used map[int]bool
}

// labName gives a name that no other lab has, until it is released. Tests run side by side where they wait and
// measure nothing; two runs on one machine need a name each, in E2E_LAB.
func labName() (name string, release func()) {
	labs.mu.Lock()
	defer labs.mu.Unlock()
	n := 1
	for labs.used[n] {
		n++
	}
	if labs.used == nil {
		labs.used = map[int]bool{}
	}
	labs.used[n] = true
	return fmt.Sprint(cmp.Or(os.Getenv("E2E_LAB"), "gce2e"), n), func() {
		labs.mu.Lock()
		defer labs.mu.Unlock()
		delete(labs.used, n)
	}
}

// host is one machine of the lab with a home of its own.
type host struct {
	*site
	name string
}

// newSite builds the lab and starts the server. In CI a machine that cannot is a failure,
// elsewhere the test skips and says why.
func newSite(t *testing.T, cfg netlab.Config, serveArgs ...string) *site {
	t.Helper()
	return newSiteOf(t, cfg, binary, serveArgs...)
}

// newSiteOf is newSite with another program.
func newSiteOf(t *testing.T, cfg netlab.Config, program func(*testing.T) string, serveArgs ...string) *site {
	t.Helper()
	if why := missing(); why != "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("the end-to-end test must run in CI; this machine lacks %s", why)
		}
		t.Skipf("skipped: this machine lacks %s", why)
	}
	var release func()
	cfg.Name, release = labName()
	t.Cleanup(release)
	lab, err := netlab.Up(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lab.Down)
	dir, err := os.MkdirTemp("", "gce2e") // short: a socket's path has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &site{t: t, lab: lab, bin: program(t), dir: dir, serveArgs: serveArgs}
	s.startServer()
	t.Cleanup(func() { s.stop(s.serve, syscall.SIGTERM) })
	return s
}

func (s *site) host(name string) host { return host{s, name} }

func (s *site) startServer() {
	s.t.Helper()
	argv := append([]string{"serve", "--listen", netlab.SenderIP + ":7440", "--interface", "eth0"}, s.serveArgs...)
	s.serve, s.serveLog = s.host("s").start(argv...)
	line := s.serveLog.await(s.t, regexp.MustCompile(`Fingerprint: ([0-9a-f]{64})`))
	s.fingerprint = line[1]
	s.t.Logf("server up, fingerprint %s…", s.fingerprint[:16])
	s.await("the server to answer", func() bool {
		_, _, err := s.host("s").try("", "group", "list", "--json")
		return err == nil
	})
}

// stop ends a process by its own id and waits for it.
func (s *site) stop(cmd *exec.Cmd, sig syscall.Signal) {
	if cmd == nil || cmd.ProcessState != nil {
		return
	}
	_ = cmd.Process.Signal(sig) // it may be gone already
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(15 * time.Second):
		s.t.Errorf("%v did not end within 15 s of %v", cmd.Args, sig)
		_ = cmd.Process.Kill()
		<-done
	}
}

func (s *site) await(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	s.dumpLogs()
	s.t.Fatalf("gave up waiting for %s", what)
}

func (s *site) dumpLogs() {
	logs, _ := filepath.Glob(filepath.Join(s.dir, "*.log"))
	for _, f := range logs {
		text, _ := os.ReadFile(f)
		if len(text) > 6000 {
			text = text[len(text)-6000:]
		}
		s.t.Logf("--- %s\n%s", filepath.Base(f), text)
	}
}

// command prepares the program on a host. `ip netns exec` replaces itself by the program, so
// the process's id is the program's own.
func (h host) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := h.lab.Command(ctx, h.name, append([]string{cmp.Or(h.others[h.name], h.bin)}, args...)...)
	cmd.Env = append(os.Environ(), "GROUPCAST_HOME="+h.home(), "XDG_RUNTIME_DIR="+h.runtime(), "NO_COLOR=1")
	return cmd
}

func (h host) home() string { return filepath.Join(h.dir, h.name) }

// runtime is the folder that a host has until its next boot.
func (h host) runtime() string { return filepath.Join(h.dir, h.name+"-run") }
func (h host) user() string    { return "u-" + h.name } // of its receiver
func (h host) inbox() string   { return filepath.Join(h.dir, h.name+"-files") }

// try runs a command to its end.
func (h host) try(stdin string, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := h.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// run runs a command that must succeed.
func (h host) run(stdin string, args ...string) string {
	h.t.Helper()
	out, errs, err := h.try(stdin, args...)
	if err != nil {
		h.dumpLogs()
		h.t.Fatalf("%s: groupcast %s: %v\n%s%s", h.name, strings.Join(args, " "), err, out, errs)
	}
	return out + errs
}

// fails runs a command that must fail and say want.
func (h host) fails(want, stdin string, args ...string) {
	h.t.Helper()
	out, errs, err := h.try(stdin, args...)
	if err == nil {
		h.t.Fatalf("%s: groupcast %s succeeded:\n%s", h.name, strings.Join(args, " "), out)
	}
	if !regexp.MustCompile(want).MatchString(errs) {
		h.t.Errorf("%s: groupcast %s says %q, want something like %q", h.name, strings.Join(args, " "), errs, want)
	}
}

// list runs a command with --json and decodes its list.
func list[T any](h host, args ...string) []T {
	h.t.Helper()
	out, errs, err := h.try("", append(args, "--json")...)
	if err != nil {
		h.t.Fatalf("%s: groupcast %s --json: %v\n%s%s", h.name, strings.Join(args, " "), err, out, errs)
	}
	var rows []T
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		h.t.Fatalf("%s: groupcast %s --json is no list: %v\n%s", h.name, strings.Join(args, " "), err, out)
	}
	return rows
}

// start starts a command that stays up; its output goes to a log of its own.
func (h host) start(args ...string) (*exec.Cmd, *logFile) {
	h.t.Helper()
	path := filepath.Join(h.dir, fmt.Sprintf("%s-%s-%d.log", h.name, args[0], time.Now().UnixNano()))
	f, err := os.Create(path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	cmd := h.command(context.Background(), args...)
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	return cmd, &logFile{path}
}

// enrol makes a user, logs the host in as him and makes him a member by hand.
func (h host) enrol(group string) {
	h.t.Helper()
	admin := h.host("s")
	admin.run(password+"\n", "user", "add", h.user(), "--password-stdin")
	h.login(h.user())
	if group != "" {
		admin.run("", "member", "add", group, h.user())
	}
}

func (h host) login(user string) {
	h.t.Helper()
	h.run(password+"\n", "login", server, "--user", user, "--password-stdin", "--trust", h.fingerprint)
}

// receive starts the agent and waits until the server sees it.
func (h host) receive(args ...string) *exec.Cmd {
	h.t.Helper()
	cmd, log := h.start(append([]string{"receive", "--dir", h.inbox()}, args...)...)
	h.t.Cleanup(func() { h.stop(cmd, syscall.SIGTERM) })
	log.await(h.t, regexp.MustCompile(`(?i)connected|attached`))
	return cmd
}

// got says whether a delivered file has this digest.
func (h host) got(path string, want [32]byte) bool {
	have, err := digest(filepath.Join(h.inbox(), path))
	return err == nil && have == want
}

// randomFile writes fresh random content on the server's disk.
func (s *site) randomFile(name string, size int64) (path string, sum [32]byte) {
	s.t.Helper()
	path = filepath.Join(s.dir, name)
	f, err := os.Create(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(f, h), rand.Reader, size); err != nil {
		s.t.Fatal(err)
	}
	return path, [32]byte(h.Sum(nil))
}

func digest(path string) (sum [32]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	return [32]byte(h.Sum(nil)), nil
}

// logFile is what a process that stays up has printed so far.
type logFile struct{ path string }

func (l *logFile) await(t *testing.T, re *regexp.Regexp) []string {
	t.Helper()
	var text []byte
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		text, _ = os.ReadFile(l.path)
		if m := re.FindStringSubmatch(string(text)); m != nil {
			return m
		}
	}
	t.Fatalf("no %v in:\n%s", re, text)
	return nil
}

// peakMemory is the most memory that a process ever had resident, in bytes.
func peakMemory(t *testing.T, cmd *exec.Cmd) uint64 { return memory(t, cmd, "VmHWM") }

// memory reads a line of a process's status, in bytes.
func memory(t *testing.T, cmd *exec.Cmd, line string) uint64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), line+":")
	var kb uint64
	if n, _ := fmt.Sscanf(after, "%d kB", &kb); n != 1 {
		t.Fatalf("no %s", line)
	}
	return kb << 10
}
