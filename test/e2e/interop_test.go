//go:build linux

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/test/attacker"
	"github.com/groupcast/groupcast/test/netlab"
)

// python is Debian's, which has the package cryptography of test/netlab/install.sh.
const python = "/usr/bin/python3"

// TestSecondImplementation: a receiver in another language, written from docs/protocol.md, logs in,
// joins the group and receives beside one of ours, by multicast at 5 % loss.
func TestSecondImplementation(t *testing.T) {
	t.Parallel()
	s, other := newSecond(t, binary)
	path, sum := s.randomFile("image.bin", 3<<20)
	other.start(1)
	s.host("s").run("", "send", "lab", path, "--rate", "8M")
	other.mostlyByMulticast(1)
	if have, err := digest(filepath.Join(other.out, "lab", "image.bin")); err != nil || have != sum {
		t.Fatalf("what the other receiver has is not what was sent: %v", err)
	}
	if !s.host("r1").got("lab/image.bin", sum) {
		t.Error("our own receiver beside it does not have the file")
	}
}

// TestSecondImplementationPaged: it receives a folder in a paged transfer, as docs/format-2.md says, while a file of it
// changes all the time and is void; by multicast, and over HTTPS alone.
func TestSecondImplementationPaged(t *testing.T) {
	t.Parallel()
	for _, via := range []string{"multicast", "https"} {
		t.Run(via, func(t *testing.T) {
			t.Parallel()
			secondPaged(t, via)
		})
	}
}

func secondPaged(t *testing.T, via string) {
	s, other := newSecond(t, today)
	tree, files := s.pagedTree()
	end := keepChanging(t, filepath.Join(tree, "changes.txt"))
	other.start(2)
	_, _, err := s.host("s").try("", "send", "lab", tree, "--rate", "8M", "--via", via)
	if err == nil {
		t.Error("send does not say that a file was not delivered")
	}
	if via == "https" {
		other.ends(2)
	} else {
		other.mostlyByMulticast(2)
	}
	end()
	if m := other.log.await(t, regexp.MustCompile("skeleton of .*")); !strings.Contains(m[0], "1 void files") ||
		!strings.Contains(m[0], "the same: True") {
		t.Error(m[0])
	} else {
		t.Log(m[0])
	}
	for _, folder := range []string{filepath.Join(other.out, "lab"), filepath.Join(s.host("r1").inbox(), "lab")} {
		for path, sum := range files {
			if have, err := digest(filepath.Join(folder, "tree", path)); err != nil || have != sum {
				t.Errorf("%s in %s is not what was sent: %v", path, folder, err)
			}
		}
		if link, err := os.Readlink(filepath.Join(folder, "tree", "link")); err != nil || link != "a.txt" {
			t.Errorf("the link in %s: %q, %v", folder, link, err)
		}
		if fileExists(filepath.Join(folder, "tree", "changes.txt")) {
			t.Errorf("%s has a file that changed while it was read", folder)
		}
	}
	for _, d := range deliveries(s) {
		if d.State != groupcast.DeliveryIncomplete || d.Void != 1 || d.Missing != 1 || d.Signed != groupcast.SignedCounts {
			t.Errorf("%s: %s, %d missing, %d void, signed %q (%s)", d.User, d.State, d.Missing, d.Void, d.Signed, d.Reason)
		}
	}
}

// TestSecondImplementationDelta: of what is sent again it fetches all pages, looks for what it has, says the rest by a
// list, and gets only that.
func TestSecondImplementationDelta(t *testing.T) {
	s, other := newSecond(t, today)
	tree, files := s.pagedTree()
	other.start(2, "--transfers", "2")
	s.host("s").run("", "send", "lab", tree, "--rate", "8M")
	files["large.bin"] = changeBlock(t, filepath.Join(tree, "large.bin"), 1_000_000)
	s.host("s").run("", "send", "lab", tree, "--rate", "8M")
	if err := other.cmd.Wait(); err != nil {
		other.dumpLogs()
		t.Fatalf("the other receiver: %v", err)
	}
	m := other.log.await(t, regexp.MustCompile("looked: ([0-9]+) of ([0-9]+) blocks"))
	here, _ := strconv.Atoi(m[1])
	of, _ := strconv.Atoi(m[2])
	tr := list[groupcast.Transfer](s.host("s"), "transfer", "list")[0]
	t.Logf("%s; transfer %d: %d bytes by multicast, %d over HTTPS", m[0], tr.No, tr.WireBytes, tr.HTTPSBytes)
	if here != of-1 || tr.No != 2 || tr.WireBytes > 700_000 || tr.Verified != 2 {
		t.Errorf("%s, %+v", m[0], tr)
	}
	for path, sum := range files {
		if have, err := digest(filepath.Join(other.out, "lab", "tree", path)); err != nil || have != sum {
			t.Errorf("%s is not what was sent: %v", path, err)
		}
	}
}

// TestSecondImplementationMarked: in a group whose member forges it holds packets until the keys of their MACs are
// disclosed, and places none that is forged.
func TestSecondImplementationMarked(t *testing.T) {
	speaksPages(t)
	s, other := newSecond(t, today)
	s.member("mallory")
	forger := s.host("r3").attacks(attacker.Plan{Kind: "source", PerBlock: 4, User: "mallory"})
	forger.await("attached")
	ours := []host{s.host("r1")}
	if r := s.sends(ours, 8<<20, 0); !r.marked {
		t.Fatal("the group's session did not begin anew with MACs")
	}
	other.start(2)
	path, sum := s.randomFile("image.bin", 3<<20)
	_, err := s.admin().AddTransfer(t.Context(), groupcast.NewTransfer{
		Group: "lab", Paths: []string{path}, Now: true, Rate: 8_000_000,
	})
	must(t, err)
	came, of := other.ends(2)
	report := forger.end()
	m := other.log.await(t, regexp.MustCompile("MACs: ([0-9]+) right, ([0-9]+) forged, ([0-9]+) too late"))
	forged, err := strconv.Atoi(m[2])
	must(t, err)
	t.Logf("%s; %d packets were forged", m[0], report.Sent)
	if m[1] == "0" || forged == 0 || 2*came < of {
		other.dumpLogs()
		t.Errorf("%s; %d of %d blocks by multicast", m[0], came, of)
	}
	if have, err := digest(filepath.Join(other.out, "lab", "image.bin")); err != nil || have != sum {
		t.Errorf("what the other receiver has is not what was sent: %v", err)
	}
}

// pagedTree makes a folder of small and large files, an empty one, a hole, a link and an empty folder.
func (s *site) pagedTree() (tree string, files map[string][32]byte) {
	t := s.t
	t.Helper()
	tree = filepath.Join(s.dir, "tree")
	must(t, os.MkdirAll(filepath.Join(tree, "nothing"), 0o755))
	for name, size := range map[string]int64{"a.txt": 1000, "b.bin": 300_000, "empty": 0, "large.bin": 2 << 20} {
		made, _ := s.randomFile("tree/"+name, size)
		must(t, os.Chmod(made, 0o640))
	}
	must(t, os.Truncate(filepath.Join(tree, "large.bin"), 3<<20))
	must(t, os.Symlink("a.txt", filepath.Join(tree, "link")))
	must(t, os.WriteFile(filepath.Join(tree, "changes.txt"), make([]byte, 500_000), 0o600))
	files = map[string][32]byte{}
	for _, name := range []string{"a.txt", "b.bin", "empty", "large.bin"} {
		var err error
		files[name], err = digest(filepath.Join(tree, name))
		must(t, err)
	}
	return tree, files
}

// keepChanging changes a file every millisecond, until the end, however busy the machine is: what looks at the file twice
// is to find another one.
func keepChanging(t *testing.T, path string) (end func()) {
	t.Helper()
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		// A thread that ends would take the processes with it that were started from it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, -19); err != nil {
			t.Error(err)
		}
		defer func() {
			if err := unix.Setpriority(unix.PRIO_PROCESS, 0, 0); err != nil {
				t.Error(err)
			}
		}()
		for n := int64(0); ; n++ {
			select {
			case <-over:
				return
			default:
				_ = os.Truncate(path, 500_000+n)
				_ = unix.Nanosleep(&unix.Timespec{Nsec: int64(time.Millisecond)}, nil)
			}
		}
	}()
	return sync.OnceFunc(func() { close(over); <-done })
}

// second is the other receiver, on host r2; ours is on r1, and r3 is free.
type second struct {
	*site
	out string
	log *logFile
	cmd *exec.Cmd
}

func newSecond(t *testing.T, program func(*testing.T) string) (*site, *second) {
	t.Helper()
	if exec.Command(python, "-c", "import cryptography").Run() != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("this machine lacks python3-cryptography")
		}
		t.Skip("skipped: this machine lacks python3-cryptography")
	}
	s := newSiteOf(t, netlab.Config{Receivers: 3, Rate: "20mbit", Loss: 5}, program)
	room(s, 1)[0].receive()
	s.host("s").run(password+"\n", "user", "add", "ada", "--password-stdin")
	o := &second{site: s, out: filepath.Join(s.dir, "interop"), log: &logFile{filepath.Join(s.dir, "interop.log")}}
	must(t, os.Mkdir(o.out, 0o700))
	return s, o
}

// start lets it attach as one that speaks the wire up to a version.
func (o *second) start(wire int, more ...string) {
	o.t.Helper()
	f, err := os.Create(o.log.path)
	must(o.t, err)
	defer f.Close()
	ctx, cancel := context.WithTimeout(o.t.Context(), 2*time.Minute)
	o.t.Cleanup(cancel)
	o.cmd = o.lab.Command(ctx, "r2", append([]string{
		python, "-B", "../interop/receiver.py",
		"--server", netlab.SenderIP + ":7440", "--pin", o.fingerprint, "--user", "ada", "--group", "lab",
		"--interface", netlab.ReceiverIP(2), "--out", o.out, "--wire", strconv.Itoa(wire),
	}, more...)...)
	o.cmd.Stdin, o.cmd.Stdout, o.cmd.Stderr = strings.NewReader(password+"\n"), f, f
	must(o.t, o.cmd.Start())
	o.t.Cleanup(func() { _ = o.cmd.Process.Kill() })
	o.log.await(o.t, regexp.MustCompile("joined"))
	o.host("s").run("", "request", "approve", "lab", "ada")
	o.log.await(o.t, regexp.MustCompile("active"))
}

// mostlyByMulticast waits until it has the transfer, of a format. A machine that has to share its cores may be left to
// HTTPS with the last blocks.
func (o *second) mostlyByMulticast(format int) {
	o.t.Helper()
	if came, of := o.ends(format); 4*came < 3*of {
		o.dumpLogs()
		o.t.Error(o.host("s").run("", "transfer", "deliveries", "1"))
	}
}

// ends waits until it has the transfer, and says how many of its blocks came by multicast.
func (o *second) ends(format int) (came, of int) {
	t := o.t
	t.Helper()
	if err := o.cmd.Wait(); err != nil {
		o.dumpLogs()
		t.Fatalf("the other receiver: %v", err)
	}
	m := o.log.await(t, regexp.MustCompile("verified: ([0-9]+) of ([0-9]+) blocks by multicast, format ([12])"))
	t.Log(m[0])
	came, err := strconv.Atoi(m[1])
	must(t, err)
	of, err = strconv.Atoi(m[2])
	must(t, err)
	if m[3] != strconv.Itoa(format) {
		t.Errorf("the transfer was of format %s, want %d", m[3], format)
	}
	return came, of
}
