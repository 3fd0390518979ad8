//go:build linux

package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/test/attacker"
	"github.com/groupcast/groupcast/test/netlab"
)

// forgery is a way for a member to forge packets of his group, and what it may cost the others.
type forgery struct {
	name  string
	plan  attacker.Plan
	limit float64 // of the quiet time
	shown bool    // the server has to say that a member forges
	long  bool    // only in the full run
	plain bool    // also in format 1, in the short run, too
}

var forgeries = []forgery{
	{"one forged parity symbol a block", attacker.Plan{Kind: "parity", PerBlock: 1}, 1.2, true, false, true},
	{
		"three forged source symbols a block, ahead of the genuine",
		attacker.Plan{Kind: "source", PerBlock: 1},
		1.5,
		true, false, false,
	},
	{
		"20 forged source symbols a block and of the two behind it",
		attacker.Plan{Kind: "source", PerBlock: 20},
		20,
		true, true, false,
	},
	{"four forged parity symbols a block", attacker.Plan{Kind: "parity", PerBlock: 4}, 1.5, true, true, false},
	{"packet numbers 2^48-1, gaps, far ahead", attacker.Plan{Kind: "numbers"}, 1.2, false, true, false},
	{"first symbols of 10,000 blocks, wrong lengths", attacker.Plan{
		Kind: "blocks", Count: 10000,
	}, 1.5, false, false, false},
	{"unsigned SYNCs at 20,000/s: END, GRTT 1 h, 255 to come; old ones again", attacker.Plan{
		Kind: "sync",
		Rate: 20000,
	}, 1.5, false, false, true},
	{"pages: of the transfer before, and of another's signature", attacker.Plan{
		Kind: "pages",
	}, 1.5, false, false, false},
}

// TestRedteamForgingMember: a member who holds the session's key forges packets of the server.
// Everybody has the right bytes, in time; nobody honest is named; memory is bounded.
func TestRedteamForgingMember(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 4, Rate: "50mbit", Loss: 1})
	pcs, agents := s.receives(3)
	s.member("mallory")
	for _, f := range forgeries {
		if !f.long || full {
			s.forges(f, pcs, agents)
		}
	}
	for _, f := range forgeries { // last: who was of an earlier release keeps the group's transfers in its format
		if f.plan.Wire = protocol.Version; (f.plain || full) && f.plan.Kind != "pages" {
			f.name += ", in format 1"
			s.forges(f, pcs, agents)
		}
	}
}

// versions says of which formats the sessions were that a member has keys of.
func versions(r attacker.Report) (out []int) {
	for _, k := range r.Sessions {
		v := protocol.Version
		if format2.IsOffer(k.Offer) {
			v = format2.Version
		}
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// more says whether another pair of a quiet and an attacked run is to be measured: up to five
// where the limit is passed so far, since a machine that others use too is slow now and then.
func more(quiet, attacked []time.Duration, limit float64) bool {
	return len(quiet) < 5 && median(attacked).Seconds() > limit*median(quiet).Seconds()
}

// forges compares runs with a member that listens to runs with one that forges.
func (s *site) forges(f forgery, pcs []host, agents []*osProcess) {
	s.t.Helper()
	const size = 16 << 20
	var quiet, attacked []time.Duration
	var last run
	var sent int
	blamed := make(map[string]string)
	for ask := true; ask; ask = more(quiet, attacked, f.limit) {
		for _, plan := range []attacker.Plan{{Kind: "listen"}, f.plan} {
			plan.User, plan.Wire = "mallory", f.plan.Wire
			a := s.host("r4").attacks(plan)
			a.await("attached")
			r := s.sends(pcs, size, 0)
			report := a.end()
			want := cmp.Or(f.plan.Wire, groupcast.Spoken().Wire.Most)
			if spoke := versions(report); !slices.Equal(spoke, []int{want}) {
				s.t.Errorf("%s: sessions of versions %d, not of %d", f.name, spoke, want)
			}
			if plan.Kind == "listen" {
				quiet = append(quiet, r.took)
			} else {
				attacked, last, sent = append(attacked, r.took), r, report.Sent
			}
			for user, why := range r.named {
				if user != "mallory" && plan.Kind != "listen" {
					blamed[user] = why
				}
			}
		}
	}
	ratio := median(attacked).Seconds() / median(quiet).Seconds()
	named := "nobody"
	if last.forger {
		named = "a member forges"
	}
	if why := last.named["mallory"]; why != "" {
		named += ", mallory: " + why
	}
	s.holds(row{
		Test: "T5", Attack: f.name, Quiet: seconds(median(quiet)),
		Attacked: fmt.Sprintf("%s, %d packets forged", seconds(median(attacked)), sent), Ratio: ratio,
		Limit: fmt.Sprintf("≤ %.1f ×, right bytes", f.limit), Named: named,
	},
		unless(ratio <= f.limit, "×%.2f", ratio),
		unless(!last.late, "not everyone has the file after %v", patience),
		unless(sent > 30, "only %d packets were forged", sent),
		unless(len(blamed) == 0, "honest ones are blamed: %s", describe(blamed)),
		unless(last.forger || !f.shown, "nothing says that a member forges"),
		unless(f.plan.Kind != "numbers" || last.loss < 3, "the loss is told as %.1f %%", last.loss),
		bounded(s.t, s, agents))
}

func describe(m map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+": "+m[k])
	}
	return strings.Join(out, ", ")
}
