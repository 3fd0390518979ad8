//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/test/netlab"
)

// today is a program that speaks both formats of transfers.
func today(t *testing.T) string { t.Helper(); return build(t, spoken("2")) }

// older is one that speaks format 1 only: an earlier release in $GROUPCAST_OLD, or this program built to say so.
func older(t *testing.T) string {
	t.Helper()
	if bin := os.Getenv("GROUPCAST_OLD"); bin != "" {
		return bin
	}
	return build(t, spoken("1")+" -X github.com/groupcast/groupcast.Version=0.1.9")
}

func spoken(most string) string { return "-X github.com/groupcast/groupcast.mostWire=" + most }

// mixed is a site whose receivers change their programs.
type mixed struct {
	*site
	older, today string
	agents       map[string]*exec.Cmd
}

func newMixed(t *testing.T, receivers int, server func(*testing.T) string) *mixed {
	t.Helper()
	s := newSiteOf(t, netlab.Config{Receivers: receivers, Rate: "100mbit"}, server)
	s.others = map[string]string{}
	m := &mixed{site: s, older: older(t), today: today(t), agents: map[string]*exec.Cmd{}}
	s.host("s").run("", "group", "create", "lab")
	return m
}

// join makes a host a member of a group that receives with a program.
func (m *mixed) join(host, group, program string) {
	m.t.Helper()
	m.others[host] = program
	m.host(host).enrol(group)
	m.agents[host] = m.host(host).receive()
}

// change ends a host's agent and starts that of a program.
func (m *mixed) change(host, program string) {
	m.t.Helper()
	m.stop(m.agents[host], syscall.SIGTERM)
	m.others[host] = program
	m.agents[host] = m.host(host).receive()
}

// find gives the transfer of a file.
func (m *mixed) find(name string) (found groupcast.Transfer) {
	m.t.Helper()
	for _, tr := range list[groupcast.Transfer](m.host("s"), "transfer", "list") {
		if tr.Name == name {
			found = tr
		}
	}
	return found
}

func (m *mixed) deliveryTo(no protocol.TransferNo, host string) (d groupcast.Delivery) {
	m.t.Helper()
	for _, d = range list[groupcast.Delivery](m.host("s"), "transfer", "deliveries", fmt.Sprint(no)) {
		if d.User == m.host(host).user() {
			return d
		}
	}
	return groupcast.Delivery{}
}

// offer adds a file of a size to a group and waits for nothing.
func (m *mixed) offer(group, name string, size int64, flags ...string) (protocol.TransferNo, [32]byte) {
	m.t.Helper()
	path, sum := m.randomFile(name, size)
	m.host("s").run("", append([]string{"pending", "add", group, path}, flags...)...)
	m.host("s").run("", "pending", "send", group)
	m.await(name+" to be a transfer", func() bool { return m.find(name).No != 0 })
	return m.find(name).No, sum
}

// delivered waits until hosts have all of a transfer, and says whether it is paged.
func (m *mixed) delivered(what string, no protocol.TransferNo, name string, sum [32]byte, paged bool, hosts ...string) {
	m.t.Helper()
	began := time.Now()
	for _, h := range hosts {
		var d groupcast.Delivery
		m.await(fmt.Sprintf("%s: %s to have %s", what, h, name), func() bool {
			d = m.deliveryTo(no, h)
			return d.State == groupcast.DeliveryVerified
		})
		if !m.host(h).got("lab/"+name, sum) {
			m.t.Errorf("%s: %s does not have %s", what, h, name)
		}
		m.t.Logf("%s: %s verified by %s after %.1f s (%s)", what, h, d.Path, time.Since(began).Seconds(), d.Reason)
	}
	if is := m.find(name).FileHash == groupcast.BLAKE3; is != paged {
		m.t.Errorf("%s: %s is paged: %v, want %v", what, name, is, paged)
	}
}

// turnedAway waits until a transfer is refused by a host's agent for its age, and looks how that is said.
func (m *mixed) turnedAway(what string, no protocol.TransferNo, host string) {
	m.t.Helper()
	began := time.Now()
	var d groupcast.Delivery
	m.await(fmt.Sprintf("%s: %s to be refused", what, host), func() bool {
		d = m.deliveryTo(no, host)
		return d.State == groupcast.DeliveryRefused
	})
	m.t.Logf("%s: refused after %.1f s, %q: %s", what, time.Since(began).Seconds(), d.Refusal, d.Reason)
	said := regexp.MustCompile("too old.*install groupcast " + regexp.QuoteMeta(groupcast.Version))
	if d.Refusal != groupcast.RefusedVersion || !said.MatchString(d.Reason) {
		m.t.Errorf("%s: refused with %q: %s", what, d.Refusal, d.Reason)
	}
	for _, command := range []string{"deliveries", "show"} {
		text := m.host("s").run("", "transfer", command, fmt.Sprint(no))
		flat := strings.Join(strings.Fields(text), " ")
		if !strings.Contains(flat, "install groupcast") || strings.Contains(flat, "it says") {
			m.t.Errorf("%s: transfer %s does not say what to do:\n%s", what, command, text)
		}
	}
}

// TestOldMeetsNew: receivers that speak format 1 only, and such that speak both, with a server that does.
func TestOldMeetsNew(t *testing.T) {
	t.Parallel()
	m := newMixed(t, 3, today)
	m.join("r1", "lab", m.older)
	m.join("r2", "lab", m.today)

	no, sum := m.offer("lab", "mixed.bin", 4<<20, "--via", "multicast")
	m.delivered("a mixed group", no, "mixed.bin", sum, false, "r1", "r2")

	no, sum = m.offer("lab", "middle.bin", 12<<20, "--rate", "8M", "--via", "multicast")
	awaitProgress(m.site, 20)
	m.change("r1", m.today)
	m.delivered("upgraded in the middle", no, "middle.bin", sum, false, "r1", "r2")

	no, sum = m.offer("lab", "paged.bin", 4<<20, "--via", "multicast")
	m.delivered("after the last upgrade", no, "paged.bin", sum, true, "r1", "r2")

	// A member without a device: it logs in with an older program while the transfer is sent.
	m.host("s").run(password+"\n", "user", "add", m.host("r3").user(), "--password-stdin")
	m.host("s").run("", "member", "add", "lab", m.host("r3").user())
	no, sum = m.offer("lab", "late.bin", 12<<20, "--rate", "8M", "--via", "multicast")
	awaitProgress(m.site, 20)
	m.others["r3"] = m.older
	m.host("r3").login(m.host("r3").user())
	m.agents["r3"] = m.host("r3").receive()
	m.turnedAway("an older one that came later", no, "r3")
	m.delivered("beside the older one", no, "late.bin", sum, true, "r1", "r2")
	next, nextSum := m.offer("lab", "next.bin", 4<<20)
	m.delivered("beside the one that was refused", next, "next.bin", nextSum, false, "r1", "r2", "r3")
	m.change("r3", m.today)
	m.delivered("upgraded after it was refused", no, "late.bin", sum, true, "r3")
	m.downgraded()
}

// downgraded replaces a program by an older one in the middle of a paged transfer, and that again.
func (m *mixed) downgraded() {
	m.t.Helper()
	no, sum := m.offer("lab", "back.bin", 12<<20, "--rate", "8M", "--via", "multicast")
	awaitProgress(m.site, 20)
	m.stop(m.agents["r1"], syscall.SIGTERM)
	m.others["r1"] = m.older
	if os.Getenv("GROUPCAST_OLD") != "" {
		// Its ledger is one of the newer program: the older one starts only with a home of its own.
		m.host("r1").fails("(?i)newer", "", "receive", "--dir", m.host("r1").inbox())
	} else {
		m.agents["r1"] = m.host("r1").receive()
		m.turnedAway("downgraded in the middle", no, "r1")
	}
	m.delivered("beside the downgraded one", no, "back.bin", sum, true, "r2", "r3")
	m.change("r1", m.today)
	m.delivered("upgraded again", no, "back.bin", sum, true, "r1")
}

// TestOlderAlone: a group of older receivers only.
func TestOlderAlone(t *testing.T) {
	t.Parallel()
	m := newMixed(t, 2, today)
	m.join("r1", "lab", m.older)
	no, sum := m.offer("lab", "one.bin", 4<<20)
	m.delivered("alone", no, "one.bin", sum, false, "r1")
	m.join("r2", "lab", m.older)
	no, sum = m.offer("lab", "two.bin", 4<<20, "--via", "multicast")
	m.delivered("two of them", no, "two.bin", sum, false, "r1", "r2")
}

// TestOlderServer: a server that speaks format 1 only, with receivers that speak both, until it is upgraded in the
// middle of a transfer.
func TestOlderServer(t *testing.T) {
	t.Parallel()
	m := newMixed(t, 2, older)
	for _, host := range []string{"r1", "r2"} {
		m.join(host, "lab", m.today)
	}
	no, sum := m.offer("lab", "first.bin", 4<<20, "--via", "multicast")
	m.delivered("an older server", no, "first.bin", sum, false, "r1", "r2")
	no, sum = m.offer("lab", "middle.bin", 12<<20, "--rate", "8M", "--via", "multicast")
	awaitProgress(m.site, 20)
	m.stop(m.serve, syscall.SIGTERM)
	m.bin = m.today
	m.startServer()
	m.delivered("a server upgraded in the middle", no, "middle.bin", sum, false, "r1", "r2")
	no, sum = m.offer("lab", "last.bin", 4<<20, "--via", "multicast")
	m.delivered("after the server's upgrade", no, "last.bin", sum, true, "r1", "r2")
}
