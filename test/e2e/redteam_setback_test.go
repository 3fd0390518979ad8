//go:build linux

package e2e

import (
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
	"github.com/groupcast/groupcast/test/attacker"
	"github.com/groupcast/groupcast/test/netlab"
)

// copyHome copies the server's home, whether it runs or not, as a person would.
func (s *site) copyHome(to string) {
	s.t.Helper()
	must(s.t, os.RemoveAll(to))
	if out, err := exec.Command("cp", "-a", s.host("s").home(), to).CombinedOutput(); err != nil {
		s.t.Fatalf("cp: %v: %s", err, out) // sockets are copied, too
	}
}

// putBack replaces the home of a server that does not run by a copy. booted says that the machine
// was started anew since, or is another one: what lives until the next boot is gone.
func (s *site) putBack(copied string, booted bool) {
	s.t.Helper()
	home := s.host("s").home()
	must(s.t, os.RemoveAll(home))
	if out, err := exec.Command("cp", "-a", copied, home).CombinedOutput(); err != nil {
		s.t.Fatalf("cp: %v: %s", err, out)
	}
	if booted {
		must(s.t, os.RemoveAll(s.host("s").runtime()))
	}
}

// knowsOfSetBack waits until the server says that it was set back, and how it knows.
func (s *site) knowsOfSetBack() (st groupcast.ServerStatus) {
	s.t.Helper()
	c := s.admin()
	s.await("the server to know that it was set back", func() bool {
		var err error
		st, err = c.ServerStatus(context.Background())
		return err == nil && st.SetBack != ""
	})
	return st
}

// wayOf is how a server learns that its home was copied back.
func wayOf(booted bool) groupcast.SetBack {
	if booted {
		return groupcast.SetBackDevice
	}
	return groupcast.SetBackWitness
}

// promises promises a file to the group lab.
func (s *site) promises(name string, size int64, rate uint64) (tr groupcast.Transfer, sum [32]byte) {
	s.t.Helper()
	path, sum := s.randomFile(name, size)
	tr, err := s.admin().AddTransfer(context.Background(), groupcast.NewTransfer{
		Group: "lab", Paths: []string{path},
		Now: true, Rate: rate,
	})
	must(s.t, err)
	return tr, sum
}

// TestRedteamHomeCopiedBack: the server's home is copied in mid-transfer, while the server runs or
// after it was stopped. Two members are removed, more is sent; then the copy is put back, in which
// they are members and are owed the transfer. They and everybody else get nothing, by multicast or
// HTTPS, before an administrator has confirmed the memberships. Then those who are members get
// everything, under numbers that no device has seen.
func TestRedteamHomeCopiedBack(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name             string
		running, booted  bool
		inTheShortRunToo bool
	}{
		{"copied while it runs, put back on the same machine", true, false, true},
		{"copied while it is stopped, put back after a boot", false, true, true},
		{"copied while it runs, put back after a boot", true, true, false},
		{"copied while it is stopped, put back on the same machine", false, false, false},
	} {
		if !full && !x.inTheShortRunToo {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, netlab.Config{Receivers: 5, Rate: "50mbit"})
			setBackOnce(s, x.name, x.running, x.booted)
		})
	}
}

func setBackOnce(s *site, name string, running, booted bool) {
	pcs, _ := s.receives(3)
	honest, removed, away := pcs[:2], pcs[2], s.host("r4")
	away.enrol("lab")
	s.member("mallory")
	seen := s.readsNumbers()
	copied := filepath.Join(s.dir, "copied")
	first, firstSum := s.promises("first.bin", 24<<20, 40_000_000)
	awaitProgress(s, 10)
	lost := s.livesOn(copied, running, removed, honest, firstSum)

	s.putBack(copied, booted)
	began := time.Now()
	s.startServer()
	mallory := s.host("r5").attacks(attacker.Plan{Kind: "cling", User: "mallory", Count: int(first.No)})
	away.receive()
	st := s.knowsOfSetBack()
	noticed := time.Since(began)
	mallory.await("attached")
	time.Sleep(4 * time.Second) // more than a start waits for devices
	silent := seen.since(began)
	asked := s.saysSetBack(first)

	s.removes(removed.user(), "mallory")
	said := s.host("s").run("", "restore", "--confirm", "--yes")
	confirmed := time.Now()
	members := append(honest, away)
	s.await("all members to have the first file", func() bool { return allGot(members, "lab/first.bin", firstSum) })
	again := time.Since(confirmed)
	last, lastSum := s.promises("last.bin", 4<<20, 0)
	s.await("all members to have the last file", func() bool { return allGot(members, "lab/last.bin", lastSum) })
	hers := mallory.end()
	seen.end()

	s.holds(row{
		Test: "T1", Attack: "the server's home " + name + ", with two members who were removed", Quiet: "–",
		Attacked: fmt.Sprintf("noticed after %.1f s, %d packets before the confirmation; all have all %.1f s after it",
			noticed.Seconds(), silent, again.Seconds()),
		Limit: "nothing before it, then all; nothing to who was removed",
		Named: fmt.Sprintf("by a %s; transfer %d comes after %d", st.SetBack, last.No, lost.No),
	},
		unless(st.SetBack == wayOf(booted), "it knows by %q, not by %q", st.SetBack, wayOf(booted)),
		unless(strings.Contains(st.Note, "set back"), "the status says %q", st.Note),
		unless(strings.Contains(asked, "set back"), "the transfer says %q", asked),
		unless(silent == 0, "%d packets before the confirmation", silent),
		unless(len(hers.Granted) == 0, "mallory was granted %v", hers.Granted),
		unless(len(hers.Answers) > 1, "mallory asked too little: %v", hers.Answers),
		unless(!removed.got("lab/first.bin", firstSum) && !removed.got("lab/last.bin", lastSum),
			"who was removed has a file"),
		unless(strings.Contains(said, "u-r1") && !strings.Contains(said, removed.user()),
			"the confirmation shows %q", said),
		unless(last.No > lost.No, "transfer %d comes after %d", last.No, lost.No),
		unless(len(seen.twice) == 0, "used twice: %s", strings.Join(seen.twice, ", ")))
}

// livesOn copies the home and lets the server go on: two are no members any more, the others get
// what runs and one more transfer. Then it is stopped.
func (s *site) livesOn(copied string, running bool, removed host, honest []host,
	sum [32]byte,
) (last groupcast.Transfer) {
	s.t.Helper()
	if running {
		s.copyHome(copied)
	} else {
		s.stop(s.serve, syscall.SIGTERM)
		s.copyHome(copied)
		s.startServer()
	}
	s.removes(removed.user(), "mallory")
	s.await("the others to have the first file", func() bool { return allGot(honest, "lab/first.bin", sum) })
	last, sum = s.promises("lost.bin", 1<<20, 0)
	s.await("the others to have the second file", func() bool { return allGot(honest, "lab/lost.bin", sum) })
	s.stop(s.serve, syscall.SIGTERM)
	return last
}

func (s *site) removes(users ...string) {
	s.t.Helper()
	for _, user := range users {
		s.host("s").run("", "member", "remove", "lab", user, "--yes")
	}
}

// saysSetBack looks at what an administrator sees who does not know yet; it gives the transfer's words.
func (s *site) saysSetBack(tr groupcast.Transfer) string {
	s.t.Helper()
	admin := s.host("s")
	path, _ := s.randomFile("refused.bin", 1000)
	admin.fails("(?s)set back.*restore --confirm", "", "send", "lab", path)
	c, ctx := s.admin(), context.Background()
	now, err := c.Transfer(ctx, tr.No)
	must(s.t, err)
	entries, err := c.Audit(ctx, groupcast.AuditQuery{})
	must(s.t, err)
	told := false
	for _, e := range entries {
		told = told || e.Action == "setback"
	}
	if !told {
		s.t.Error("the audit log does not have it")
	}
	return now.Reason
}
