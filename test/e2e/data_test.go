//go:build linux

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/test/netlab"
)

// room makes a group with n enrolled, receiving hosts.
func room(s *site, n int) []host {
	s.t.Helper()
	s.host("s").run("", "group", "create", "lab")
	var pcs []host
	for i := range n {
		pc := s.host("r" + string(rune('1'+i)))
		pc.enrol("lab")
		pcs = append(pcs, pc)
	}
	return pcs
}

func allGot(pcs []host, path string, sum [32]byte) bool {
	for _, pc := range pcs {
		if !pc.got(path, sum) {
			return false
		}
	}
	return true
}

// TestFourAtFivePercent is the measure of issue and README: 4 receivers, 5 % loss each, a
// wire of 100 Mbit/s; at most 1.25 × what one lossless copy takes there, and about one copy
// on the wire, none of it readable.
func TestFourAtFivePercent(t *testing.T) {
	size := int64(64 << 20)
	if os.Getenv("E2E_FULL") != "" {
		size = 256 << 20
	}
	s := newSite(t, netlab.Config{Receivers: 4, Rate: "100mbit", Loss: 5})
	pcs := room(s, 4)
	var agents []*osProcess
	for _, pc := range pcs {
		agents = append(agents, &osProcess{pc, pc.receive()})
	}
	path, _ := s.randomFile("image.bin", size)
	marker := bytes.Repeat([]byte("PLAINTEXT-MARKER"), 512)
	must(t, appendTo(path, marker))
	sum, err := digest(path)
	must(t, err)

	capture := startCapture(s)
	before, err := s.lab.SentBytes()
	must(t, err)
	start := time.Now()
	s.host("s").run("", "send", "lab", path)
	took := time.Since(start)
	after, err := s.lab.SentBytes()
	must(t, err)
	if !allGot(pcs, "lab/image.bin", sum) {
		t.Fatal("send came back and not everyone has the file")
	}
	// One lossless copy: 1,408 bytes of file in a frame of 1,485 + 24 on this wire.
	copyTime := time.Duration(float64(size) / 1408 * (1408 + 35 + 42 + 24) * 8 / 100e6 * float64(time.Second))
	ratio, wire := float64(took)/float64(copyTime), float64(after-before)/float64(size)
	t.Logf("%d MiB to 4 at 5 %% loss: %.2f s = %.3f × one lossless copy, ×%.3f on the wire", size>>20, took.Seconds(),
		ratio, wire)
	if wire > 1.25 {
		t.Errorf("×%.3f on the wire, want about one copy (≤ 1.25)", wire)
	}
	if os.Getenv("E2E_FULL") != "" && ratio > 1.25 {
		t.Errorf("took %.3f × one lossless copy, want ≤ 1.25", ratio)
	}
	if text := capture(); bytes.Contains(text, []byte("PLAINTEXT-MARKER")) || bytes.Contains(text, []byte("image.bin")) {
		t.Error("plaintext on the wire")
	} else if len(text) < 1<<20 {
		t.Errorf("the capture has %d bytes: it saw nothing", len(text))
	}
	for _, a := range agents {
		if peak := peakMemory(t, a.cmd); peak > 150<<20 {
			t.Errorf("%s: VmHWM %d MB", a.name, peak>>20)
		}
	}
	peak := peakMemory(t, s.serve)
	t.Logf("VmHWM: server %d MB, first receiver %d MB", peak>>20, peakMemory(t, agents[0].cmd)>>20)
	if peak > 150<<20 {
		t.Errorf("server: VmHWM %d MB", peak>>20)
	}
}

// TestReceiverThatWasOff: what it is owed waits and comes by itself.
func TestReceiverThatWasOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, netlab.Config{Receivers: 3})
	pcs := room(s, 3)
	pcs[0].receive()
	pcs[1].receive()
	path, sum := s.randomFile("late.bin", 8<<20)
	out, _, err := s.host("s").try("", "send", "lab", path)
	if err != nil || !strings.Contains(string(out), "is off and gets it when it is back") {
		t.Errorf("all that are on have it, and the other is named: %v\n%s", err, out)
	}
	if !allGot(pcs[:2], "lab/late.bin", sum) {
		t.Fatal("the two that are on do not have it")
	}
	pcs[2].receive()
	s.await("the third to catch up", func() bool { return pcs[2].got("lab/late.bin", sum) })
	s.await("nobody to be owed", func() bool {
		return list[groupcast.Transfer](s.host("s"), "transfer", "list")[0].State == groupcast.TransferDone
	})
}

// TestMemberRemovedInMidTransfer: he gets nothing more, the others finish.
func TestMemberRemovedInMidTransfer(t *testing.T) {
	t.Parallel()
	s := newSite(t, netlab.Config{Receivers: 3, Rate: "50mbit"})
	pcs := room(s, 3)
	for _, pc := range pcs {
		pc.receive()
	}
	path, sum := s.randomFile("big.bin", 32<<20)
	send, log := s.host("s").start("send", "lab", path)
	defer s.stop(send, syscall.SIGTERM)
	awaitProgress(s, 10)
	s.host("s").run("", "member", "remove", "lab", "u-r3", "--yes")
	s.await("the others", func() bool { return allGot(pcs[:2], "lab/big.bin", sum) })
	if pcs[2].got("lab/big.bin", sum) {
		text, _ := os.ReadFile(log.path)
		t.Errorf("the removed member has the file\n%s", text)
	}
	time.Sleep(2 * time.Second) // whatever was under way to him has come by now
	if pcs[2].got("lab/big.bin", sum) {
		t.Error("the removed member got the file afterwards")
	}
}

// TestServerKilled: kill -9 in mid-transfer; after the restart it goes on by itself.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, netlab.Config{Receivers: 2, Rate: "50mbit"})
	pcs := room(s, 2)
	for _, pc := range pcs {
		pc.receive()
	}
	path, sum := s.randomFile("big.bin", 24<<20)
	send, _ := s.host("s").start("send", "lab", path)
	defer s.stop(send, syscall.SIGTERM)
	awaitProgress(s, 10)
	s.stop(s.serve, syscall.SIGKILL)
	s.startServer()
	s.await("both to have it", func() bool { return allGot(pcs, "lab/big.bin", sum) })
}

// TestReceiverKilled: kill -9 in mid-transfer; restarted, it goes on from what it had.
func TestReceiverKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, netlab.Config{Receivers: 2, Rate: "50mbit"})
	pcs := room(s, 2)
	pcs[0].receive()
	victim := pcs[1].receive()
	path, sum := s.randomFile("big.bin", 24<<20)
	send, _ := s.host("s").start("send", "lab", path)
	defer s.stop(send, syscall.SIGTERM)
	awaitProgress(s, 20)
	s.stop(victim, syscall.SIGKILL)
	if got := filepath.Join(pcs[1].inbox(), "lab", "big.bin"); fileExists(got) {
		t.Error("an unfinished file stands under its final name")
	}
	pcs[1].receive()
	s.await("both to have it", func() bool { return allGot(pcs, "lab/big.bin", sum) })
}

// TestWithoutMulticast: a switch port that drops multicast; that one gets it over HTTPS.
func TestWithoutMulticast(t *testing.T) {
	t.Parallel()
	s := newSite(t, netlab.Config{Receivers: 3})
	pcs := room(s, 3)
	for _, pc := range pcs {
		pc.receive()
	}
	must(t, s.lab.Block(3))
	path, sum := s.randomFile("f.bin", 8<<20)
	s.host("s").run("", "send", "lab", path)
	if !allGot(pcs, "lab/f.bin", sum) {
		t.Fatal("not everyone has it")
	}
	tr := list[groupcast.Transfer](s.host("s"), "transfer", "list")[0]
	for _, d := range list[groupcast.Delivery](s.host("s"), "transfer", "deliveries", fmt.Sprint(tr.No)) {
		if want := map[bool]groupcast.Path{
			true: groupcast.PathHTTPS, false: groupcast.PathMulticast,
		}[d.User == "u-r3"]; d.Path != want {
			t.Errorf("%s got it by %s, want %s (%s)", d.User, d.Path, want, d.Reason)
		}
	}
}

// TestVanished: a receiver is unplugged in mid-transfer; the others do not wait for it.
func TestVanished(t *testing.T) {
	t.Parallel()
	s := newSite(t, netlab.Config{Receivers: 3, Rate: "50mbit"})
	pcs := room(s, 3)
	for _, pc := range pcs {
		pc.receive()
	}
	path, sum := s.randomFile("big.bin", 24<<20)
	send, _ := s.host("s").start("send", "lab", path)
	defer s.stop(send, syscall.SIGTERM)
	awaitProgress(s, 10)
	must(t, s.lab.Unplug(3))
	s.await("the others", func() bool { return allGot(pcs[:2], "lab/big.bin", sum) })
	must(t, s.lab.Plug(3))
	s.await("the third, once it is back", func() bool { return pcs[2].got("lab/big.bin", sum) })
}

// awaitProgress waits until the running transfer's median progress has passed some percent.
func awaitProgress(s *site, percent float64) {
	s.t.Helper()
	s.await("the transfer to be under way", func() bool {
		for _, tr := range list[groupcast.Transfer](s.host("s"), "transfer", "list") {
			if tr.Session != nil && tr.Session.Progress*100 >= percent {
				return true
			}
		}
		return false
	})
}

// startCapture records what the switch hands to the first receiver; the returned function
// ends it and gives the bytes.
func startCapture(s *site) func() []byte {
	s.t.Helper()
	file := filepath.Join(s.dir, "wire.pcap")
	cmd := s.lab.Command(context.Background(), "b", "tcpdump", "-i", "p1", "-s", "0", "-B", "16384", "-w", file, "-U")
	must(s.t, cmd.Start())
	s.await("tcpdump", func() bool { return fileExists(file) })
	return func() []byte {
		s.stop(cmd, syscall.SIGTERM)
		text, err := os.ReadFile(file)
		must(s.t, err)
		return text
	}
}

type osProcess struct {
	host
	cmd *exec.Cmd
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func appendTo(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(b)
	return err
}

func mustMkdir(t *testing.T, dir string) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o700))
}
