//go:build linux

package e2e

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/test/netlab"
)

// TestIPv6Group: the data goes to an IPv6 group, with loss.
func TestIPv6Group(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 2, Loss: 2})
	s.host("s").run("", "group", "create", "six", "--address", "ff15::7:41")
	pcs := []host{s.host("r1"), s.host("r2")}
	for _, pc := range pcs {
		pc.enrol("six")
		pc.receive()
	}
	path, sum := s.randomFile("six.bin", 8<<20)
	s.host("s").run("", "send", "six", path)
	if !allGot(pcs, "six/six.bin", sum) {
		t.Fatal("not everyone has it")
	}
	for _, d := range deliveries(s) {
		if d.Path != groupcast.PathMulticast {
			t.Errorf("%s got it by %s (%s)", d.User, d.Path, d.Reason)
		}
	}
}

// TestOneMachine: a receiver on the server's own machine and two on another one, each with a
// home of its own, are receivers like any other.
func TestOneMachine(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 1})
	s.host("s").run("", "group", "create", "lab")
	var pcs []host
	for _, at := range []struct{ host, name string }{{"s", "own"}, {"r1", "one"}, {"r1", "two"}} {
		pc := host{
			&site{t: t, lab: s.lab, bin: s.bin, dir: filepath.Join(s.dir, at.name), fingerprint: s.fingerprint}, at.host,
		}
		mustMkdir(t, pc.dir)
		s.host("s").run(password+"\n", "user", "add", at.name, "--password-stdin")
		s.host("s").run("", "member", "add", "lab", at.name)
		pc.login(at.name)
		pc.receive()
		pcs = append(pcs, pc)
	}
	path, sum := s.randomFile("f.bin", 8<<20)
	s.host("s").run("", "send", "lab", path)
	if !allGot(pcs, "lab/f.bin", sum) {
		t.Fatal("not everyone has it")
	}
	for _, d := range deliveries(s) {
		if d.Path != groupcast.PathMulticast {
			t.Errorf("%s got it by %s (%s)", d.User, d.Path, d.Reason)
		}
	}
}

// TestTwoGroupsAtOnce: two groups, one address, one receiver in both; nothing mixes.
func TestTwoGroupsAtOnce(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 3, Rate: "100mbit", Loss: 1})
	admin := s.host("s")
	for _, g := range []string{"red", "blue"} {
		admin.run("", "group", "create", g, "--address", "239.192.9.9")
	}
	pcs := []host{s.host("r1"), s.host("r2"), s.host("r3")}
	for _, pc := range pcs {
		pc.enrol("")
		pc.receive()
	}
	for group, users := range map[string][]string{"red": {"u-r1", "u-r2"}, "blue": {"u-r2", "u-r3"}} {
		for _, u := range users {
			admin.run("", "member", "add", group, u)
		}
	}
	red, redSum := s.randomFile("red.bin", 12<<20)
	blue, blueSum := s.randomFile("blue.bin", 12<<20)
	var both sync.WaitGroup
	both.Go(func() { admin.try("", "send", "red", red) })
	both.Go(func() { admin.try("", "send", "blue", blue) })
	both.Wait()
	if !allGot(pcs[:2], "red/red.bin", redSum) || !allGot(pcs[1:], "blue/blue.bin", blueSum) {
		t.Error("a member lacks his group's file")
	}
	if fileExists(filepath.Join(pcs[0].inbox(), "blue")) || fileExists(filepath.Join(pcs[2].inbox(), "red")) {
		t.Error("somebody has a folder of a group he is not in")
	}
}
