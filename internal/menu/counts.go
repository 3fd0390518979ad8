package menu

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

// countEvery is how often a receiver's counts are read again: there are no events for them; maxCounted
// bounds how many open transfers are counted.
const (
	countEvery = 5 * time.Second
	maxCounted = 1000
)

// Counts is the line above a menu: what there is to do, or that the server is away.
type Counts struct {
	Text   string
	Urgent bool // somebody waits for an answer
	Lost   time.Time
}

func (c Counts) Line(now time.Time) string {
	if !c.Lost.IsZero() {
		lost := units.FormatDuration(now.Sub(c.Lost).Round(time.Second))
		return "The server has not answered for " + lost + "; it is asked again by itself"
	}
	return c.Text
}

// count asks what stands in the line of a role.
func (m *Menu) count(ctx context.Context, r Role) (Counts, error) {
	if r == Receiver {
		return m.countMine(ctx)
	}
	return m.countAll(ctx)
}

func (m *Menu) countAll(ctx context.Context) (Counts, error) {
	requests, err := m.Admin.Requests(ctx, groupcast.RequestOpen)
	if err != nil {
		return Counts{}, err
	}
	open, err := m.Admin.Transfers(ctx, groupcast.TransferFilter{Open: true, Limit: maxCounted})
	if err != nil {
		return Counts{}, err
	}
	s, err := m.Admin.ServerStatus(ctx)
	if err != nil {
		return Counts{}, err
	}
	running := 0
	for _, t := range open {
		if t.State == groupcast.TransferSending {
			running++
		}
	}
	c := Counts{Urgent: len(requests) > 0 || s.Restored}
	c.Text = strings.Join([]string{
		some(len(requests), "join request waits", "join requests wait"), some(running, "transfer runs", "transfers run"),
		fmt.Sprintf("%d pending", len(open)-running),
		fmt.Sprintf("%d of %s active", s.Active, ui.Plural(s.Devices, "receiver")),
	}, " · ")
	if s.Restored {
		c.Text = "Nothing is sent: the server was set back to an earlier state. Confirm the memberships: r"
	}
	return c, nil
}

func (m *Menu) countMine(ctx context.Context) (Counts, error) {
	groups, err := m.Member.GroupsOnOffer(ctx, true)
	if err != nil {
		return Counts{}, err
	}
	mine, err := m.Member.MyDeliveries(ctx)
	if err != nil {
		return Counts{}, err
	}
	var in, asked, owed, got, lacking int
	for _, g := range groups {
		switch g.Membership {
		case groupcast.MembershipMember:
			in++
		case groupcast.MembershipAsked:
			asked++
		case groupcast.MembershipNone, groupcast.MembershipDenied:
		}
	}
	for _, r := range mine {
		switch {
		case r.State.Owed():
			owed++
		case r.State.Delivered():
			got++
		case r.State == groupcast.DeliveryIncomplete:
			lacking++
		}
	}
	received := fmt.Sprintf("%d received", got)
	if lacking > 0 {
		received += fmt.Sprintf(", %d incomplete", lacking)
	}
	return Counts{Text: strings.Join([]string{
		"in " + ui.Plural(in, "group"), fmt.Sprintf("%d asked for", asked),
		some(owed, "transfer on its way to you", "transfers on their way to you"), received,
	}, " · ")}, nil
}

func some(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// KeepCounting passes the counts of a role on until ctx ends.
func (m *Menu) KeepCounting(ctx context.Context, r Role, tell func(Counts)) {
	var now Counts
	look := func(ctx context.Context) time.Duration {
		next, err := m.count(ctx, r)
		switch {
		case ctx.Err() != nil:
			return 0
		case err == nil:
			now = next
		case now.Lost.IsZero():
			now.Lost = time.Now()
		}
		tell(now)
		return lookWithoutEvents
	}
	if r == Administrator {
		take := func(e groupcast.Event) bool { return e.Kind != groupcast.EventProgress }
		follower{events: m.Admin.Events, take: take, look: look}.run(ctx)
		return
	}
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	for look(ctx); ctx.Err() == nil; look(ctx) {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}
