//go:build linux

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/test/netlab"
)

// python is Debian's, which has the package cryptography of test/netlab/install.sh.
const python = "/usr/bin/python3"

// TestSecondImplementation: a receiver in another language, written from docs/protocol.md, logs in,
// joins the group and receives beside one of ours, by multicast at 5 % loss.
func TestSecondImplementation(t *testing.T) {
	if exec.Command(python, "-c", "import cryptography").Run() != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("this machine lacks python3-cryptography")
		}
		t.Skip("skipped: this machine lacks python3-cryptography")
	}
	s := newSite(t, netlab.Config{Receivers: 2, Rate: "20mbit", Loss: 5})
	admin := s.host("s")
	pc := room(s, 1)[0]
	pc.receive()
	admin.run(password+"\n", "user", "add", "ada", "--password-stdin")

	out := filepath.Join(s.dir, "interop")
	must(t, os.Mkdir(out, 0o700))
	log := &logFile{filepath.Join(s.dir, "interop.log")}
	f, err := os.Create(log.path)
	must(t, err)
	defer f.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	other := s.lab.Command(ctx, "r2", python, "-B", "../interop/receiver.py",
		"--server", netlab.SenderIP+":7440", "--pin", s.fingerprint, "--user", "ada", "--group", "lab",
		"--interface", netlab.ReceiverIP(2), "--out", out)
	other.Stdin, other.Stdout, other.Stderr = strings.NewReader(password+"\n"), f, f
	must(t, other.Start())
	defer func() { _ = other.Process.Kill() }()
	log.await(t, regexp.MustCompile("joined"))
	admin.run("", "request", "approve", "lab", "ada")
	log.await(t, regexp.MustCompile("active"))

	path, sum := s.randomFile("image.bin", 3<<20)
	admin.run("", "send", "lab", path, "--rate", "8M")
	if err := other.Wait(); err != nil {
		s.dumpLogs()
		t.Fatalf("the other receiver: %v", err)
	}
	if have, err := digest(filepath.Join(out, "lab", "image.bin")); err != nil || have != sum {
		t.Fatalf("what the other receiver has is not what was sent: %v", err)
	}
	if !pc.got("lab/image.bin", sum) {
		t.Error("our own receiver beside it does not have the file")
	}
	// A machine that has to share its cores may be left to HTTPS with the last blocks.
	m := log.await(t, regexp.MustCompile("verified: ([0-9]+) of ([0-9]+) blocks by multicast"))
	t.Log(m[0])
	came, err := strconv.Atoi(m[1])
	must(t, err)
	of, err := strconv.Atoi(m[2])
	must(t, err)
	if 4*came < 3*of {
		s.dumpLogs()
		t.Error(admin.run("", "transfer", "deliveries", "1"))
	}
}
