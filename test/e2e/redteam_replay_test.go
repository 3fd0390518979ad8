//go:build linux

package e2e

import (
	"context"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/test/attacker"
	"github.com/groupcast/groupcast/test/netlab"
)

// TestRedteamReplay: somebody recorded a transfer, announcements and all, and plays it again after a
// newer version came: to its group, to another group with a common member, to the receivers of
// another server, while something else is sent, and after a receiver came back. Nothing is joined
// or written, and who is owed both versions ends with the newer one.
func TestRedteamReplay(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 5, Rate: "50mbit"})
	admin := s.host("s")
	pcs, agents := s.receives(2)
	lab := s.groupAddr("lab")
	admin.run("", "group", "create", "red")
	admin.run("", "member", "add", "red", "u-r2")
	r5 := s.host("r5")
	r5.enrol("lab") // he is away
	other := s.otherServer(lab)

	stop, _ := s.capture("ps", "udp")
	old := s.sendsDoc(pcs, 4<<20)
	file, from, count := s.keeps(datagrams(stop()), lab)
	newer := s.sendsDoc(pcs, 4<<20)

	before := trees(t, append(pcs, other)...)
	transfers := s.transferCount()
	for _, to := range []struct {
		name  string
		group netip.AddrPort
	}{
		{"its group, and another server's receivers at the address", lab},
		{"another group with a common member", s.groupAddr("red")},
	} {
		s.replays(file, from, to.group, count)
		s.holds(row{
			Test: "T7", Attack: "replayed to " + to.name, Quiet: "–", Attacked: packetsSent(count),
			Limit: "nothing joined or written", Named: "–",
		}, changed(t, before, trees(t, append(pcs, other)...)),
			unless(s.transferCount() == transfers, "there is another transfer"),
			unless(count > 2000, "only %d packets were recorded", count),
			unless(allGot(pcs, "lab/doc.bin", newer), "the newer version went"))
	}

	s.replaysBeside(pcs, file, from, lab, func() string { return changed(t, before, trees(t, append(pcs, other)...)) })
	s.replaysItsOwnPast(pcs, agents)
	before = trees(t, append(pcs, other)...)

	s.stop(agents[0].cmd, syscall.SIGKILL)
	pcs[0].receive()
	s.replays(file, from, lab, count)
	s.holds(row{
		Test: "T7", Attack: "replayed after a receiver was killed and came back", Quiet: "–",
		Attacked: packetsSent(count), Limit: "nothing joined or written", Named: "–",
	}, changed(t, before, trees(t, append(pcs, other)...)))

	r5.receive()
	s.await("who was away to have the newer version", func() bool { return r5.got("lab/doc.bin", newer) })
	s.await("him to be owed nothing", func() bool { return s.stillOwed("u-r5") == 0 })
	s.holds(row{
		Test: "T7", Attack: "who is owed both versions comes back", Quiet: "–",
		Attacked: s.outcomes("u-r5"), Limit: "the newer one stays", Named: "–",
	}, unless(r5.got("lab/doc.bin", newer), "the newer version is not there"), unless(old != newer, "both are one"))
}

// replaysBeside plays a recording while another transfer runs.
func (s *site) replaysBeside(pcs []host, file string, from, group netip.AddrPort, unchanged func() string) {
	s.t.Helper()
	quiet := s.sends(pcs, 16<<20, 0)
	a := s.host("r4").attacks(
		attacker.Plan{Kind: "replay", Group: group.String(), File: file, Source: from.String(), Rate: 2000})
	a.await("flooding")
	r := s.sends(pcs, 16<<20, 0)
	sent := a.end().Sent
	s.holds(row{
		Test: "T7", Attack: "replayed at 2,000/s while another transfer runs", Quiet: seconds(quiet.took),
		Attacked: seconds(r.took),
		Ratio:    r.took.Seconds() / quiet.took.Seconds(), Limit: "≤ 1.2 ×", Named: describe(r.named),
	},
		unless(r.took.Seconds() <= 1.2*quiet.took.Seconds(), "×%.2f", r.took.Seconds()/quiet.took.Seconds()),
		unless(sent > 3000, "only %d packets", sent), unchanged())
}

func packetsSent(n int) string { return fmt.Sprintf("%d packets", n) }

// sendsDoc sends a new version of doc.bin and waits until pcs have it.
func (s *site) sendsDoc(pcs []host, size int64) [32]byte {
	s.t.Helper()
	version := fmt.Sprintf("v%d", time.Now().UnixNano())
	mustMkdir(s.t, filepath.Join(s.dir, version))
	path, sum := s.randomFile(filepath.Join(version, "doc.bin"), size)
	_, err := s.admin().AddTransfer(context.Background(), groupcast.NewTransfer{
		Group: "lab", Paths: []string{path},
		Now: true,
	})
	must(s.t, err)
	s.await("the document", func() bool { return allGot(pcs, "lab/doc.bin", sum) })
	return sum
}

// keeps writes what went to a group to a file, and says whose packets they were.
func (s *site) keeps(all []captured, group netip.AddrPort) (file string, from netip.AddrPort, count int) {
	s.t.Helper()
	var b strings.Builder
	for _, c := range all {
		if c.to == group {
			b.WriteString(hex.EncodeToString(c.payload) + "\n")
			from = c.from
			count++
		}
	}
	file = filepath.Join(s.dir, "recorded.hex")
	must(s.t, os.WriteFile(file, []byte(b.String()), 0o600))
	return file, from, count
}

// replays plays all that was recorded once, in about two seconds.
func (s *site) replays(file string, from, to netip.AddrPort, count int) {
	s.t.Helper()
	a := s.host("r4").attacks(attacker.Plan{
		Kind: "replay", Group: to.String(), File: file, Source: from.String(),
		Rate: count / 2, For: 2500 * time.Millisecond,
	})
	a.await("REPORT")
	if sent := a.end().Sent; sent < count {
		s.t.Errorf("only %d of %d packets were replayed", sent, count)
	}
}

// otherServer starts a second server on r4 with a group at the same address, and a receiver of it on r3.
func (s *site) otherServer(group netip.AddrPort) host {
	s.t.Helper()
	o := &site{t: s.t, lab: s.lab, bin: s.bin, dir: filepath.Join(s.dir, "o")}
	mustMkdir(s.t, o.dir)
	where := "10.99.0.14:7440"
	srv := o.host("r4")
	cmd, log := srv.start("serve", "--listen", where, "--interface", "eth0")
	s.t.Cleanup(func() { s.stop(cmd, syscall.SIGTERM) })
	o.fingerprint = log.await(s.t, regexp.MustCompile(`Fingerprint: ([0-9a-f]{64})`))[1]
	s.await("the other server", func() bool { _, _, err := srv.try("", "group", "list", "--json"); return err == nil })
	srv.run("", "group", "create", "lab", "--address", group.Addr().String())
	srv.run(password+"\n", "user", "add", "olga", "--password-stdin")
	srv.run("", "member", "add", "lab", "olga")
	pc := o.host("r3")
	pc.run(password+"\n", "login", "https://"+where, "--user", "olga", "--password-stdin", "--trust", o.fingerprint)
	pc.receive()
	return pc
}

func (s *site) transferCount() int {
	return len(list[groupcast.Transfer](s.host("s"), "transfer", "list"))
}

// outcomes says how each delivery of a user ended.
func (s *site) outcomes(user string) string {
	s.t.Helper()
	var out []string
	s.eachDelivery(user, func(no protocol.TransferNo, d groupcast.Delivery) {
		out = append(out, fmt.Sprintf("%d %s", no, d.State))
	})
	return strings.Join(out, ", ")
}

func (s *site) stillOwed(user string) (n int) {
	s.t.Helper()
	s.eachDelivery(user, func(_ protocol.TransferNo, d groupcast.Delivery) {
		if d.State.Owed() {
			n++
		}
	})
	return n
}

func (s *site) eachDelivery(user string, each func(protocol.TransferNo, groupcast.Delivery)) {
	s.t.Helper()
	for _, tr := range list[groupcast.Transfer](s.host("s"), "transfer", "list") {
		for _, d := range list[groupcast.Delivery](s.host("s"), "transfer", "deliveries", fmt.Sprint(tr.No)) {
			if d.User == user {
				each(tr.No, d)
			}
		}
	}
}

// trees digests everything that lies in the folders of receivers.
func trees(t *testing.T, pcs ...host) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, pc := range pcs {
		must(t, filepath.WalkDir(pc.inbox(), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.Contains(path, ".groupcast") {
				return err
			}
			sum, err := digest(path)
			out[path] = hex.EncodeToString(sum[:])
			return err
		}))
	}
	return out
}

// changed says what of the folders is not as before.
func changed(t *testing.T, before, after map[string]string) string {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(after)) {
		if before[path] != after[path] {
			return path + " was written"
		}
	}
	return unless(len(before) == len(after), "something went")
}
