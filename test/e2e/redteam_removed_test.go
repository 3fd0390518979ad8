//go:build linux

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/test/attacker"
	"github.com/groupcast/groupcast/test/netlab"
)

// TestRedteamRemovedMember: a member is removed at half of a transfer. His program keeps all keys,
// records what passes his port and goes on to ask. Nothing that passes after the removal was
// answered opens; nothing that he asks for is granted; the others lose a second at most.
func TestRedteamRemovedMember(t *testing.T) {
	t.Run("his release", func(t *testing.T) { removedMember(t, groupcast.Spoken().Wire.Most) })
	t.Run("an earlier release", func(t *testing.T) { removedMember(t, protocol.Version) })
}

// removedMember does it with a member whose program speaks a version of the wire, which is that of the transfers.
func removedMember(t *testing.T, version int) {
	s := newSite(t, netlab.Config{Receivers: 4, Rate: "100mbit"})
	pcs, agents := s.receives(3)
	s.member("mallory")
	size := int64(32 << 20)
	if full {
		size = 256 << 20
	}
	const rate = 80_000_000 // below the wire's: what is sealed has left
	a := s.host("r4").attacks(attacker.Plan{Kind: "listen", User: "mallory", Wire: version})
	a.await("attached")
	quiet := s.sends(pcs, size, rate)
	a.end()

	a = s.host("r4").attacks(attacker.Plan{Kind: "cling", User: "mallory", Wire: version})
	a.await("attached")
	stop, _ := s.capture("p4", "udp")
	answered := make(chan time.Time, 1)
	go func() {
		answered <- s.removesAtHalf("mallory")
	}()
	r := s.sends(pcs, size, rate)
	at := <-answered
	all := datagrams(stop())
	report := a.end()

	delete(r.named, "mallory") // he asks without end
	n, last := s.opens(report.Sessions, all)
	var after int
	for _, c := range all {
		if c.at.After(at) && c.to.Addr().IsMulticast() {
			after++
		}
	}
	var granted string
	for what, begun := range report.Granted {
		if begun > at.UnixNano() {
			granted = fmt.Sprintf("%s was granted %.1f ms after the removal", what, float64(begun-at.UnixNano())/1e6)
		}
	}
	s.holds(row{
		Test: "T3", Attack: fmt.Sprintf("removed at half of %d MiB in format %d, keeps keys and records, asks on", size>>20,
			version),
		Quiet: seconds(quiet.took), Attacked: seconds(r.took), Ratio: r.took.Seconds() / quiet.took.Seconds(),
		Limit: "≤ 1.05 × + 1 s; nothing opens",
		Named: fmt.Sprintf("opened %d before, 0 of %d after; last one %.1f ms before the answer", n, after,
			at.Sub(last).Seconds()*1e3),
	},
		unless(n > 1000, "only %d packets opened before: the recording is not whole", n),
		unless(after > 1000, "only %d packets passed after the removal", after),
		unless(!last.After(at), "a packet that passed %.2f ms after the answer opens", last.Sub(at).Seconds()*1e3),
		granted, unless(slices.Equal(versions(report), []int{version}), "sessions of versions %d", versions(report)),
		unless(report.Granted["blocks"] != 0 && report.Granted["hand-out"] != 0,
			"he was granted nothing before either: %v", report.Answers),
		unless(r.took <= quiet.took*105/100+time.Second, "the others took %v instead of %v", r.took, quiet.took),
		unless(len(r.named) == 0, "named: %s", describe(r.named)),
		bounded(t, s, agents))
}

// removesAtHalf removes a member when half of what is sent is there, and says when that was answered.
func (s *site) removesAtHalf(user string) time.Time {
	ctx, c := context.Background(), s.admin()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		all, err := c.Transfers(ctx, groupcast.TransferFilter{})
		if err != nil {
			s.t.Error(err)
			return time.Now()
		}
		for _, tr := range all {
			if tr.Session != nil && tr.Session.Progress >= 0.5 {
				if err := c.RemoveMember(ctx, "lab", user); err != nil {
					s.t.Error(err)
				}
				return time.Now()
			}
		}
	}
	s.t.Error("no transfer was half done")
	return time.Now()
}

// TestRedteamNewcomer: who comes into the group in mid-transfer has recorded five sessions before
// it and knows the numbers of their transfers. He opens the running one and none before it, and is
// given nothing of them. No secret passes his port in any spelling.
func TestRedteamNewcomer(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 4, Rate: "50mbit"})
	pcs, _ := s.receives(2)
	s.member("spy") // a member whose keys are known to the test
	spy := s.host("r3").attacks(attacker.Plan{Kind: "listen", User: "spy"})
	spy.await("attached")
	stop, _ := s.capture("p4", "")
	const earlier = 5
	for range earlier {
		s.sends(pcs, 1<<20, 0)
	}
	s.host("s").run(password+"\n", "user", "add", "nina", "--password-stdin")
	nina := s.host("r4").attacks(attacker.Plan{Kind: "cling", User: "nina", Count: earlier})
	nina.await("attached")
	admitted := make(chan error, 1)
	go func() {
		time.Sleep(1500 * time.Millisecond)
		_, err := s.admin().AddMember(context.Background(), "lab", "nina")
		admitted <- err
	}()
	r := s.sends(pcs, 16<<20, 0)
	must(t, <-admitted)
	text := stop()
	hers, known := nina.end(), spy.end()

	all := datagrams(text)
	before := known.Sessions[:min(earlier, len(known.Sessions))]
	recorded, _ := s.opens(before, all)
	running, _ := s.opens(hers.Sessions, all)
	var old, granted string
	for _, k := range hers.Sessions {
		if k.Transfer <= earlier {
			old = fmt.Sprintf("she was handed the keys of transfer %d", k.Transfer)
		}
		for _, o := range before {
			if bytes.Equal(k.Secret, o.Secret) || bytes.Equal(k.Feedback, o.Feedback) {
				old = fmt.Sprintf("she holds a secret of transfer %d", o.Transfer)
			}
		}
	}
	for answer, n := range hers.Answers {
		if strings.Contains(answer, " of ") && !strings.HasSuffix(answer, string(groupcast.ENotFound)) {
			granted = fmt.Sprintf("%s (%d times)", answer, n)
		}
	}
	secrets, clear := passed(text, append(hers.Sessions, known.Sessions...))
	s.holds(row{
		Test: "T4", Attack: fmt.Sprintf("newcomer in mid-transfer with recordings of %d sessions", earlier),
		Quiet: "–", Attacked: seconds(r.took),
		Limit: "nothing earlier opens, 404 for it",
		Named: fmt.Sprintf("opened %d of the running, 0 of %d earlier; %d secrets in no spelling", running, recorded,
			secrets),
	},
		unless(len(before) == earlier && recorded > earlier*700, "%d sessions, %d packets recorded", len(before), recorded),
		unless(running > 100, "she opens %d packets of the running session", running),
		unless(len(hers.Answers) > 2*earlier, "she asked too little: %v", hers.Answers),
		old, granted, clear)
}

// passed searches a recording for the secrets of sessions, in any spelling, and says for how many.
func passed(recording []byte, sessions []attacker.SessionKeys) (secrets int, fault string) {
	for _, k := range sessions {
		for _, secret := range [][]byte{k.Secret, k.Feedback} {
			secrets++
			for _, form := range spellings(secret) {
				if bytes.Contains(recording, form) {
					fault = "a secret passed in clear"
				}
			}
		}
	}
	return secrets, fault
}
