//go:build linux

package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/test/attacker"
	"github.com/groupcast/groupcast/test/netlab"
)

// speaksPages skips a test of paged transfers where the program has none.
func speaksPages(t *testing.T) {
	if groupcast.Spoken().Wire.Most < format2.Version {
		t.Skip("this version sends transfers of format 1 only")
	}
}

// TestRedteamReceipts: a member signs receipts of a transfer that say more than is so: of another edition, skeleton,
// transfer or site, without the final page or of one that is none, of an earlier format. None is taken; the true one
// that follows is.
func TestRedteamReceipts(t *testing.T) {
	speaksPages(t)
	s := newSite(t, netlab.Config{Receivers: 3, Rate: "50mbit"})
	pcs, agents := s.receives(2)
	s.member("mallory")
	a := s.host("r3").attacks(attacker.Plan{Kind: "receipts", User: "mallory"})
	a.await("attached")
	tr, sum := s.promises("f.bin", 8<<20, 0)
	a.await("receipts sent")
	report := a.end()
	s.await("the others to have it", func() bool { return allGot(pcs, "lab/f.bin", sum) })
	var taken []string
	for _, answer := range slices.Sorted(maps.Keys(report.Answers)) {
		name, said, _ := strings.Cut(answer, ": ")
		switch {
		case name != attacker.Truth && said != string(groupcast.EClosed) && said != string(groupcast.EInvalid):
			taken = append(taken, answer)
		case name == attacker.Truth && said != "taken":
			taken = append(taken, answer)
		}
	}
	verified := s.outcomes("mallory")
	s.holds(row{
		Test: "T6", Attack: fmt.Sprintf("%d false receipts of a paged transfer", attacker.ReceiptLies()), Quiet: "–",
		Attacked: fmt.Sprintf("%d receipts, then the true one: %s", report.Sent, verified),
		Limit:    "each refused, the true one taken", Named: "–",
	},
		unless(report.Sent == attacker.ReceiptLies()+1, "%d receipts were sent", report.Sent),
		unless(len(taken) == 0, "answered otherwise: %s", strings.Join(taken, ", ")),
		unless(verified == fmt.Sprintf("%d verified", tr.No), "in the end: %s", verified),
		bounded(t, s, agents))
}

// TestRedteamNumbers: a member who is owed a transfer asks for parts of it by numbers that there are not, and says
// that it lacks what there is not. Each is answered, none by a fault of the server, and the others have the file.
func TestRedteamNumbers(t *testing.T) {
	speaksPages(t)
	s := newSite(t, netlab.Config{Receivers: 3, Rate: "50mbit"})
	pcs, agents := s.receives(2)
	s.member("mallory")
	a := s.host("r3").attacks(attacker.Plan{Kind: "ask", User: "mallory"})
	a.await("attached")
	_, sum := s.promises("f.bin", 16<<20, 0)
	a.await("all was asked")
	report := a.end()
	s.await("the others to have it", func() bool { return allGot(pcs, "lab/f.bin", sum) })
	var told, faults []string
	for _, status := range slices.Sorted(maps.Keys(report.Answers)) {
		told = append(told, fmt.Sprintf("%s: %d", status, report.Answers[status]))
		if status < "200" || status >= "500" {
			faults = append(faults, fmt.Sprintf("%d answers of %s", report.Answers[status], status))
		}
	}
	s.holds(row{
		Test: "T10", Attack: "numbers of pages, blocks, transfers and sessions that there are not, lists of junk",
		Quiet: "–", Attacked: strings.Join(told, ", "), Limit: "each answered, none by a fault, memory", Named: "–",
	}, append(faults,
		unless(report.Sent > 90 && report.Failed == 0, "%d of %d were not answered", report.Failed, report.Sent),
		unless(report.Answers["200"] > 3, "it was granted nothing: it asked for nothing that there is"),
		bounded(t, s, agents))...)
}

// replaysItsOwnPast pauses a transfer in the middle of a session; while its next session runs, what was recorded of
// the first one is played again.
func (s *site) replaysItsOwnPast(pcs []host, agents []*osProcess) {
	s.t.Helper()
	c, ctx, group := s.admin(), context.Background(), s.groupAddr("lab")
	stop, _ := s.capture("ps", "udp")
	tr, sum := s.promises("past.bin", 16<<20, 20_000_000)
	first := s.session(tr.No, protocol.SessionID{})
	s.await("a third of it to be there", func() bool {
		now, err := c.Transfer(ctx, tr.No)
		must(s.t, err)
		return now.Session != nil && now.Session.Progress > 0.3
	})
	_, err := c.PauseTransfer(ctx, tr.No)
	must(s.t, err)
	file, from, count := s.keeps(datagrams(stop()), group)
	_, err = c.ResumeTransfer(ctx, tr.No)
	must(s.t, err)
	second := s.session(tr.No, first)
	a := s.host("r4").attacks(attacker.Plan{
		Kind: "replay", Group: group.String(), File: file, Source: from.String(), Rate: 2000,
	})
	a.await("flooding")
	s.await("everybody to have it", func() bool { return allGot(pcs, "lab/past.bin", sum) })
	sent := a.end().Sent
	var by []string
	s.await("it to be verified", func() bool {
		by = nil
		for _, d := range deliveries(s) {
			by = append(by, fmt.Sprintf("%s %s by %s", d.User, d.State, d.Path))
		}
		return strings.Count(strings.Join(by, ","), string(groupcast.DeliveryVerified)) >= len(pcs)
	})
	s.holds(row{
		Test: "T7", Attack: "a transfer's first session replayed at 2,000/s while its second runs", Quiet: "–",
		Attacked: fmt.Sprintf("%d of %d packets; %s", sent, count, strings.Join(by, ", ")),
		Limit:    "right bytes, by multicast", Named: "–",
	},
		unless(first != second, "it is one session"), unless(count > 2000, "only %d packets were recorded", count),
		unless(sent > 1000, "only %d packets were played", sent),
		unless(strings.Count(strings.Join(by, ","), "verified by multicast") >= len(pcs), "not by multicast"),
		bounded(s.t, s, agents))
}

// session waits until a session of a transfer runs that is not this one.
func (s *site) session(no protocol.TransferNo, other protocol.SessionID) (id protocol.SessionID) {
	s.t.Helper()
	s.await("a session", func() bool {
		tr, err := s.admin().Transfer(context.Background(), no)
		must(s.t, err)
		if tr.Session != nil {
			id = tr.Session.ID
		}
		return id != protocol.SessionID{} && id != other
	})
	return id
}
