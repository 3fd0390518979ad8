//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/test/attacker"
	"github.com/groupcast/groupcast/test/netlab"
)

// lieToTell is what the member may claim, and whether a short run tries it.
type lieToTell struct {
	name, lie string
	demands   bool // it asks for what others pay: its teller has to be named
	short     bool
}

var liesToTell = []lieToTell{
	{"all of it is missing, for ever", "deficit", true, true},
	{"its machine is overrun, half of all is missing", "overrun", true, false},
	{"60 % loss", "loss", false, false},
	{"blocks do not match", "mismatch", false, false},
	{"parity 254 was seen, 40 symbols missing", "parity", false, false},
	{"it lacks everything, without end", "everything", true, false},
	{"it heard packets that were never sent", "ahead", false, false},
	{"three seconds of delay and congestion marks", "delay", false, false},
}

// TestRedteamLiar: one of eight lies about itself 20 times a second. The others lose a twentieth of
// their time at most, the wire carries little more, and whoever asks for what others pay is named.
func TestRedteamLiar(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 8, Rate: "50mbit"})
	pcs, agents := s.receives(7)
	s.member("mallory")
	for _, x := range liesToTell {
		if x.short || full {
			s.lied(x, pcs, agents, groupcast.Spoken().Wire.Most)
		}
	}
	if full { // last: who was of an earlier release keeps the group's transfers in its format
		for _, x := range liesToTell {
			s.lied(x, pcs, agents, protocol.Version)
		}
	}
}

// lied compares runs with a member that listens to runs with one that lies, and speaks a version of the wire.
func (s *site) lied(x lieToTell, pcs []host, agents []*osProcess, version int) {
	s.t.Helper()
	const size = 32 << 20
	var quiet, attacked []time.Duration
	var wires [2]uint64
	var last run
	var sent int
	var spoke []int
	for ask := true; ask; ask = more(quiet, attacked, 1.05) {
		for i, plan := range []attacker.Plan{{Kind: "listen"}, {Kind: "lie", Source: x.lie}} {
			plan.User, plan.Wire = "mallory", version
			a := s.host("r8").attacks(plan)
			a.await("attached")
			r := s.sends(pcs, size, 0)
			report := a.end()
			wires[i] = r.wire
			if i == 0 {
				quiet = append(quiet, r.took)
			} else {
				attacked, last, sent, spoke = append(attacked, r.took), r, report.Sent, versions(report)
			}
		}
	}
	ratio, wire := median(attacked).Seconds()/median(quiet).Seconds(), float64(wires[1])/float64(wires[0])
	blamed := make(map[string]string)
	for user, why := range last.named {
		if user != "mallory" {
			blamed[user] = why
		}
	}
	limit := "others ≤ 1.05 ×, bytes ≤ 1.15 ×"
	if x.demands {
		limit += ", the liar named"
	}
	s.holds(row{
		Test: "T6", Attack: fmt.Sprintf("one of 8 lies in format %d: %s", version, x.name), Quiet: seconds(median(quiet)),
		Attacked: fmt.Sprintf("%s, ×%.2f of the bytes", seconds(median(attacked)), wire),
		Ratio:    ratio, Limit: limit, Named: "mallory: " + last.named["mallory"],
	},
		unless(slices.Equal(spoke, []int{version}), "sessions of versions %d", spoke),
		unless(ratio <= 1.05, "×%.2f", ratio), unless(wire <= 1.15, "×%.2f of the bytes", wire),
		unless(sent > 20, "only %d lies were told", sent), unless(!last.late, "not everyone has the file"),
		unless(last.named["mallory"] != "" || !x.demands, "the liar is not named"), unless(len(blamed) == 0,
			"named: %s", describe(blamed)),
		bounded(s.t, s, agents))
}
