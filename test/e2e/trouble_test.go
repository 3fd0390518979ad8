//go:build linux

package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/test/attacker"
	"github.com/groupcast/groupcast/test/netlab"
)

// TestFullDisk: a receiver without room is told before the first byte, the other one has the
// file, and when there is room the refused one gets it by itself.
func TestFullDisk(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 2})
	pcs := room(s, 2)
	must(t, os.MkdirAll(pcs[1].inbox(), 0o755))
	must(t, syscall.Mount("tmpfs", pcs[1].inbox(), "tmpfs", 0, "size=8m,mode=0755"))
	t.Cleanup(func() { _ = syscall.Unmount(pcs[1].inbox(), syscall.MNT_DETACH) })
	pcs[0].receive()
	pcs[1].receive("--reserve", "1M")
	path, sum := s.randomFile("big.bin", 20<<20)
	if _, _, err := s.host("s").try("", "send", "lab", path); err == nil {
		t.Error("one is still owed: want exit code 3")
	}
	if !pcs[0].got("lab/big.bin", sum) {
		t.Error("the one with room does not have the file")
	}
	refused := func() (d groupcast.Delivery) {
		for _, d = range deliveries(s) {
			if d.User == "u-r2" {
				return d
			}
		}
		return d
	}
	if d := refused(); d.State != groupcast.DeliveryRefused || !strings.Contains(strings.ToLower(d.Reason), "space") {
		t.Errorf("the full one: %s (%s)", d.State, d.Reason)
	}
	must(t, syscall.Mount("tmpfs", pcs[1].inbox(), "tmpfs", syscall.MS_REMOUNT, "size=64m,mode=0755"))
	s.await("the refused one to get it", func() bool { return pcs[1].got("lab/big.bin", sum) })
}

// TestSourceChanges: the file is edited while it is sent. What was delivered stays, the
// transfer says what happened, nothing wrong lands.
func TestSourceChanges(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 2, Rate: "50mbit"})
	pcs := room(s, 2)
	for _, pc := range pcs {
		pc.receive()
	}
	first, sum := s.randomFile("before.bin", 1<<20)
	s.host("s").run("", "send", "lab", first)
	path, _ := s.randomFile("edited.bin", 24<<20)
	send, _ := s.host("s").start("send", "lab", path)
	defer s.stop(send, syscall.SIGTERM)
	awaitProgress(s, 5)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(make([]byte, 4<<20), 18<<20)
	must(t, err)
	must(t, f.Close())
	s.await("the transfer to fail", func() bool {
		for _, tr := range list[groupcast.Transfer](s.host("s"), "transfer", "list") {
			if tr.Name == "edited.bin" && tr.State == groupcast.TransferFailed {
				if !strings.Contains(tr.Reason, "changed") {
					t.Errorf("the reason is %q", tr.Reason)
				}
				return true
			}
		}
		return false
	})
	for _, pc := range pcs {
		if fileExists(filepath.Join(pc.inbox(), "lab", "edited.bin")) {
			t.Errorf("%s: a file of mixed content stands under its final name", pc.name)
		}
	}
	if !allGot(pcs, "lab/before.bin", sum) {
		t.Error("what was delivered before is gone")
	}
}

// TestDamagedDatabase: the server says so and names restore; after a restore it runs again.
func TestDamagedDatabase(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 1})
	admin := s.host("s")
	admin.run("", "group", "create", "lab")
	backup := filepath.Join(s.dir, "state.tar")
	admin.run("", "backup", backup)
	if fi, err := os.Stat(backup); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v", fi, err)
	}
	s.stop(s.serve, syscall.SIGTERM)
	db := filepath.Join(admin.home(), "server", "db.sqlite")
	text, err := os.ReadFile(db)
	must(t, err)
	for i := 4096; i < len(text); i++ {
		text[i] ^= 0x5A
	}
	must(t, os.WriteFile(db, text, 0o600))
	for _, suffix := range []string{"-wal", "-shm"} {
		_ = os.Remove(db + suffix) // a clean stop has none
	}
	admin.fails(`(?i)damaged[\s\S]*restore`, "", "serve", "--listen", netlab.SenderIP+":7440")
	admin.run("", "restore", backup, "--force", "--yes")
	s.startServer()
	if groups := list[groupcast.Group](admin, "group", "list"); len(groups) != 1 || groups[0].Name != "lab" {
		t.Errorf("after the restore: %+v", groups)
	}
}

// TestGarbage: noise on every port while files are sent; the server stays up, idles small.
func TestGarbage(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 3})
	time.Sleep(2 * time.Second) // let the start settle before the idle memory is read
	idle, own := memory(t, s.serve, "VmRSS"), memory(t, s.serve, "RssAnon")
	t.Logf("serve idles at %d MB, %d of them the program's own pages", idle>>20, (idle-own)>>20)
	if own > 40<<20 || idle > 80<<20 {
		t.Errorf("serve idles at %d MB, %d without the program; want under 80 and 40", idle>>20, own>>20)
	}
	pcs := room(s, 2)
	for _, pc := range pcs {
		pc.receive()
	}
	group := list[groupcast.Group](s.host("s"), "group", "list")[0].Address
	exe, err := os.Executable()
	must(t, err)
	noise := s.lab.Command(context.Background(), "r3", exe)
	noise.Env = append(os.Environ(), "E2E_NOISE="+group.String())
	before := sentPackets(s, "r3")
	must(t, noise.Start())
	defer s.stop(noise, syscall.SIGTERM)
	path, sum := s.randomFile("f.bin", 16<<20)
	s.host("s").run("", "send", "lab", path)
	thrown := sentPackets(s, "r3") - before
	t.Logf("%d packets of noise", thrown)
	if thrown < 200 {
		t.Errorf("only %d packets of noise were thrown meanwhile", thrown)
	}
	if !allGot(pcs, "lab/f.bin", sum) {
		t.Error("the noise kept the file away")
	}
	s.host("s").run("", "user", "list")
}

// TestMain makes the test's program the thrower of noise or an attacker when it is started as
// that, on a host of the lab.
func TestMain(m *testing.M) {
	if group := os.Getenv("E2E_NOISE"); group != "" {
		fmt.Fprintln(os.Stderr, noise(group))
		os.Exit(1)
	}
	if plan := os.Getenv(attacker.PlanVariable); plan != "" {
		os.Exit(attacker.Main(plan, os.Stdout))
	}
	code := m.Run()
	printTable()
	os.Exit(code)
}

// noise throws random bytes at every port, about 3,000 packets a second, for a minute at most.
func noise(group string) error {
	var conns []net.Conn
	for _, to := range []string{group, netlab.SenderIP + ":7440"} {
		c, err := net.Dial("udp", to)
		if err != nil {
			return err
		}
		defer c.Close()
		conns = append(conns, c)
	}
	buf := make([]byte, 1443)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		_, _ = rand.Read(buf)
		for _, c := range conns {
			for _, n := range []int{1443, 105, 31 + 60} {
				buf[0] = 0x10 | byte(n%9)
				_, _ = c.Write(buf[:n]) // refused ones are noise too
			}
		}
		if c, err := net.DialTimeout("tcp", netlab.SenderIP+":7440", 100*time.Millisecond); err == nil {
			_, _ = c.Write(buf[:200])
			_ = c.Close()
		}
	}
	return nil
}

// TestCongestionMarks: a switch that marks packets above a rate is heeded, though it drops none.
func TestCongestionMarks(t *testing.T) {
	const size, limit = 32 << 20, 5 << 20
	s := newSite(t, netlab.Config{Receivers: 3, GRO: true, Rate: "100mbit"})
	must(t, s.lab.MarkAbove(limit))
	pcs := room(s, 3)
	for _, pc := range pcs {
		pc.receive()
	}
	path, sum := s.randomFile("image.bin", size)
	start := time.Now()
	s.host("s").run("", "send", "lab", path)
	took := time.Since(start)
	if !allGot(pcs, "lab/image.bin", sum) {
		t.Fatal("send came back and not everyone has the file")
	}
	share := float64(size-limit) / took.Seconds() / limit // a second's worth passes unmarked at first
	t.Logf("%.2f of the rate above which packets are marked, the start and the end included", share)
	if share > 1.4 || share < 0.3 { // 2 where nobody heeds the marks
		t.Errorf("the mean rate is %.2f of the rate above which packets are marked", share)
	}
}

// sentPackets counts what a host's card has sent.
func sentPackets(s *site, host string) (n int) {
	s.t.Helper()
	out, err := s.lab.Run(host, "cat", "/sys/class/net/eth0/statistics/tx_packets")
	must(s.t, err)
	_, err = fmt.Sscan(out, &n)
	must(s.t, err)
	return n
}

func deliveries(s *site) []groupcast.Delivery {
	s.t.Helper()
	tr := list[groupcast.Transfer](s.host("s"), "transfer", "list")[0]
	return list[groupcast.Delivery](s.host("s"), "transfer", "deliveries", fmt.Sprint(tr.No))
}
