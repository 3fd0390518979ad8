//go:build linux

package e2e

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/wire"
	"github.com/groupcast/groupcast/test/attacker"
	"github.com/groupcast/groupcast/test/netlab"
)

// The flooder's wire, half of the server's: what he throws beyond it never arrives.
const flooderWire = "50mbit"

// victimOfReflection is an address at which nobody is, whose packets the switch counts.
const victimOfReflection = "10.99.0.77"

// TestRedteamFloods: while files are sent somebody floods. The transfer goes on at nine tenths of
// its quiet speed, memory is bounded, the administrator is answered within a second from his own
// address, and nobody sends a UDP packet to an address that the flooder pretended to be.
func TestRedteamFloods(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 5, Rate: "100mbit"})
	pcs, agents := s.receives(3)
	s.member("mallory")
	comeFirst(t, s.serve.Process.Pid, agents[0].cmd.Process.Pid, agents[1].cmd.Process.Pid, agents[2].cmd.Process.Pid)
	must(t, s.narrow(4, flooderWire))
	group := s.groupAddr("lab")
	packets, id, from := s.overhears(pcs, group)
	const size = 32 << 20
	for _, f := range allFloods(group, packets, id, from) {
		if f.long && !full {
			continue
		}
		stop, _ := s.capture("p5",
			"udp and dst host "+victimOfReflection) // a reflected packet is flooded to all ports: nobody has the address
		before := sentPackets(s, "r4")
		quiet, attacked, r, report, slowest := s.floods(f.plan, pcs, size)
		arrived := (sentPackets(s, "r4") - before)
		reflected := len(datagrams(stop()))
		goodput := quiet.Seconds() / attacked.Seconds()
		s.holds(row{
			Test: "T8", Attack: f.name, Quiet: seconds(quiet),
			Attacked: fmt.Sprintf("%s (%d thrown, %d packets left its wire in all runs)", seconds(attacked), report.Sent,
				arrived),
			Ratio: goodput, Limit: "goodput ≥ 0.9, administrator ≤ 1 s, memory",
			Named: fmt.Sprintf("administrator answered in %d ms", slowest.Milliseconds()),
		},
			unless(goodput >= 0.9, "goodput %.2f", goodput),
			unless(report.Sent >= 200, "only %d were thrown", report.Sent),
			unless(slowest < time.Second, "the administrator waited %v", slowest),
			unless(reflected == 0, "%d UDP packets went to the spoofed source", reflected),
			unless(len(r.named) == 0, "named: %s", describe(r.named)),
			bounded(t, s, agents))
	}
}

// flood is one way of throwing packets or calls at a server.
type flood struct {
	name string
	plan attacker.Plan
	long bool
}

// allFloods needs the group's address, a file of overheard packets, and a session's ID and source.
func allFloods(group netip.AddrPort, packets, id string, from netip.AddrPort) []flood {
	return []flood{
		{"garbage with a live tag, 50,000/s asked", attacker.Plan{
			Kind: "garbage", Group: group.String(), Rate: 50000,
		}, false},
		{"feedback with an overheard ID, 50,000/s asked", attacker.Plan{
			Kind: "feedback", File: id, Source: from.String(), Rate: 50000, Wire: groupcast.Spoken().Wire.Most,
		}, false},
		{"2,000 TLS connections/s", attacker.Plan{Kind: "tls", Rate: 2000, Count: 500}, true},
		{"2,000 slow headers", attacker.Plan{Kind: "headers", Rate: 500, Count: 2000}, true},
		{"500 logins/s", attacker.Plan{Kind: "logins", User: "nobody", Rate: 500, Count: 100}, true},
		{"10,000 stuck event streams of a member", attacker.Plan{
			Kind: "streams", User: "mallory", Rate: 500, Count: 10000,
		}, true},
		{"probes and announcements of a spoofed source, 5,000/s", attacker.Plan{
			Kind: "reflect", Group: group.String(), File: packets, Source: victimOfReflection + ":7440", Rate: 5000,
		}, false},
	}
}

// floods measures pairs of a quiet and an attacked run.
func (s *site) floods(plan attacker.Plan, pcs []host, size int64) (quiet, attacked time.Duration, r run,
	report attacker.Report, slowest time.Duration,
) {
	s.t.Helper()
	var quietTimes, attackTimes []time.Duration
	for ask := true; ask; {
		quietTimes = append(quietTimes, s.sends(pcs, size, 0).took)
		a := s.host("r4").attacks(plan)
		if plan.Kind != "garbage" { // that one waits for the session
			a.await("flooding")
			time.Sleep(500 * time.Millisecond)
		}
		done := make(chan time.Duration)
		ctx, cancel := context.WithCancel(context.Background())
		go func() { done <- s.asksOn(ctx) }()
		r = s.sends(pcs, size, 0)
		cancel()
		slowest = max(slowest, <-done)
		attackTimes = append(attackTimes, r.took)
		report = a.end()
		ask = more(quietTimes, attackTimes, 1/0.9)
	}
	s.t.Logf("the attacker was answered %v", report.Answers)
	return median(quietTimes), median(attackTimes), r, report, slowest
}

// asksOn has the administrator ask at the server's machine until ctx ends, and gives the longest
// that one answer took.
func (s *site) asksOn(ctx context.Context) (slowest time.Duration) {
	for ctx.Err() == nil {
		begun := time.Now()
		if _, err := s.admin().ServerStatus(context.Background()); err != nil {
			s.t.Error(err)
			return time.Since(begun)
		}
		slowest = max(slowest, time.Since(begun))
		time.Sleep(100 * time.Millisecond)
	}
	return slowest
}

// comeFirst gives the server and the receivers what they need of the processors before anybody else
// on this machine, as they have machines of their own elsewhere.
func comeFirst(t *testing.T, processes ...int) {
	t.Helper()
	for _, pid := range processes {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		must(t, err)
		for _, thread := range threads {
			tid, err := strconv.Atoi(filepath.Base(thread))
			must(t, err)
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, tid, -15) // a thread may have ended
		}
	}
}

// narrow gives a receiver's host a wire of so much.
func (s *site) narrow(i int, rate string) error {
	_, err := s.lab.Run(fmt.Sprintf("r%d", i), "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", rate,
		"burst", "20kb", "latency", "20ms")
	return err
}

func (s *site) groupAddr(name string) netip.AddrPort {
	s.t.Helper()
	g, err := s.admin().Group(context.Background(), name)
	must(s.t, err)
	return g.Address
}

// overhears records a transfer and a check at the server's port of the switch: the announcements and
// probes that passed, in a file, and the ID and source of somebody's feedback.
func (s *site) overhears(pcs []host, group netip.AddrPort) (file, id string, from netip.AddrPort) {
	s.t.Helper()
	stop, _ := s.capture("ps", "udp")
	_ = reached(s)
	s.sends(pcs, 1<<20, 0)
	var lines []string
	for _, c := range datagrams(stop()) {
		kind := attacker.LookAt(c.payload).Kind
		if c.to == group && (kind == wire.KindAnnounce || kind == wire.KindProbe) {
			lines = append(lines, hex.EncodeToString(c.payload))
		}
		if h, version, err := attacker.ParseFeedbackHeader(c.payload); err == nil {
			if version != groupcast.Spoken().Wire.Most {
				s.t.Errorf("somebody reports in version %d", version)
			}
			id, from = hex.EncodeToString(h.ID[:]), c.from
		}
	}
	if len(lines) == 0 || id == "" {
		s.t.Fatalf("overheard %d announcements and probes, feedback %q", len(lines), id)
	}
	file = filepath.Join(s.dir, "overheard.hex")
	must(s.t, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	return file, id, from
}
