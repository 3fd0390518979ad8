//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/test/attacker"
	"github.com/groupcast/groupcast/test/netlab"
)

// markedForgeries are what a member does, first in a session without MACs, which ends for that, then in sessions that
// have them from their beginning. Every third forged packet has a random MAC, every third one of the newest element
// that is disclosed in the present slot, and every third one that is right, of the slot whose key is known.
var markedForgeries = []struct {
	name  string
	plan  attacker.Plan
	limit float64 // of the quiet time
	began bool    // without MACs
}{
	{
		"four forged source symbols a block and of the two behind it: the session begins anew with MACs",
		attacker.Plan{Kind: "source", PerBlock: 4},
		2, true,
	},
	{
		"one forged source symbol a block and of the two behind it, in a session with MACs",
		attacker.Plan{Kind: "source", PerBlock: 1},
		1.3, false,
	},
	{
		"40 forged source symbols a block and of the two behind it, in a session with MACs",
		attacker.Plan{Kind: "source", PerBlock: 40},
		1.6, false,
	},
	{"pages that the server did not sign, in a session with MACs", attacker.Plan{Kind: "pages"}, 1.3, false},
	{
		"unsigned SYNCs at 20,000/s, in a session with MACs",
		attacker.Plan{Kind: "sync", Rate: 20000},
		1.5, false,
	},
}

// TestRedteamMarkedSession: once a member is seen to forge, the session begins anew with a MAC in each packet, and
// forging costs the others no more than its volume. Everybody has the right bytes by multicast; nobody honest is named.
func TestRedteamMarkedSession(t *testing.T) {
	speaksPages(t)
	s := newSite(t, netlab.Config{Receivers: 4, Rate: "50mbit", Loss: 1})
	pcs, agents := s.receives(3)
	s.member("mallory")
	const size = 16 << 20
	attack := func(plan attacker.Plan) (run, attacker.Report) {
		plan.User = "mallory"
		a := s.host("r4").attacks(plan)
		a.await("attached")
		r := s.sends(pcs, size, 0)
		return r, a.end()
	}
	var quiet []time.Duration
	for range 3 {
		r, _ := attack(attacker.Plan{Kind: "listen"})
		quiet = append(quiet, r.took)
		if r.marked {
			t.Errorf("packets have MACs and nobody forges")
		}
	}
	for _, f := range markedForgeries {
		r, report := attack(f.plan)
		ratio := r.took.Seconds() / median(quiet).Seconds()
		for again := 0; ratio > f.limit && again < 3 && !f.began; again++ { // a machine that others use, too
			r, report = attack(f.plan)
			ratio = min(ratio, r.took.Seconds()/median(quiet).Seconds())
		}
		var blamed, elsewhere []string
		for _, pc := range pcs {
			user := "u-" + pc.name
			if why := r.named[user]; why != "" {
				blamed = append(blamed, user+": "+why)
			}
			if r.by[user] != groupcast.PathMulticast {
				elsewhere = append(elsewhere, user)
			}
		}
		s.holds(row{
			Test: "T11", Attack: f.name, Quiet: seconds(median(quiet)),
			Attacked: fmt.Sprintf("%s, %d packets forged", seconds(r.took), report.Sent), Ratio: ratio,
			Limit: fmt.Sprintf("≤ %.1f ×, right bytes by multicast", f.limit), Named: "–",
		},
			unless(ratio <= f.limit, "×%.2f", ratio),
			unless(!r.late, "not everyone has the file after %v", patience),
			unless(report.Sent > 30, "only %d packets were forged", report.Sent),
			unless(r.marked, "its packets have no MACs"),
			unless(r.forger || f.plan.Kind == "pages", "nothing says that a member forges"),
			unless(len(blamed) == 0, "honest ones are blamed: %v", blamed),
			unless(len(elsewhere) == 0, "not by multicast: %v", slices.Sorted(slices.Values(elsewhere))),
			bounded(t, s, agents))
	}
}
