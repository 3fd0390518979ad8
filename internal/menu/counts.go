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

// countEvery is how often a receiver's user is told anew: he hears no events; maxCounted bounds
// how many open transfers are counted.
const (
	countEvery = 5 * time.Second
	maxCounted = 1000
)

// counts is the line above a menu: what there is to do, or that the server is away.
type counts struct {
	text   string
	urgent bool // somebody waits for an answer
	lost   time.Time
}

func (c counts) line(now time.Time) string {
	if !c.lost.IsZero() {
		return "The server has not answered for " + units.FormatDuration(now.Sub(c.lost).Round(time.Second)) + "; trying again by itself"
	}
	return c.text
}

// count asks what stands in the line of a role.
func (d *Desk) count(ctx context.Context, r Role) (counts, error) {
	if r == Receiver {
		return d.countMine(ctx)
	}
	return d.countAll(ctx)
}

func (d *Desk) countAll(ctx context.Context) (counts, error) {
	requests, err := d.Admin.Requests(ctx, groupcast.RequestOpen)
	if err != nil {
		return counts{}, err
	}
	open, err := d.Admin.Transfers(ctx, groupcast.TransferFilter{Open: true, Limit: maxCounted})
	if err != nil {
		return counts{}, err
	}
	s, err := d.Admin.ServerStatus(ctx)
	if err != nil {
		return counts{}, err
	}
	running := 0
	for _, t := range open {
		if t.State == groupcast.TransferSending {
			running++
		}
	}
	c := counts{urgent: len(requests) > 0 || s.Restored}
	c.text = strings.Join([]string{
		some(len(requests), "join request waits", "join requests wait"), some(running, "transfer runs", "transfers run"),
		fmt.Sprintf("%d pending", len(open)-running), fmt.Sprintf("%d of %s active", s.Active, ui.Plural(s.Devices, "receiver"))}, " · ")
	if s.Restored {
		c.text = "Nothing is sent: the server was set back to an earlier state; look at the memberships and confirm them (line 16)"
	}
	return c, nil
}

func (d *Desk) countMine(ctx context.Context) (counts, error) {
	groups, err := d.Member.GroupsOnOffer(ctx, true)
	if err != nil {
		return counts{}, err
	}
	mine, err := d.Member.MyDeliveries(ctx)
	if err != nil {
		return counts{}, err
	}
	var in, asked, owed, got, lacking int
	for _, g := range groups {
		switch g.Membership {
		case groupcast.MembershipMember:
			in++
		case groupcast.MembershipAsked:
			asked++
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
	return counts{text: strings.Join([]string{"in " + ui.Plural(in, "group"), fmt.Sprintf("%d asked for", asked),
		some(owed, "transfer on its way to you", "transfers on their way to you"), received}, " · ")}, nil
}

func some(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// keepCounting tells the counts of a role until ctx ends.
func (d *Desk) keepCounting(ctx context.Context, r Role, tell func(counts)) {
	var now counts
	look := func(ctx context.Context) time.Duration {
		next, err := d.count(ctx, r)
		switch {
		case ctx.Err() != nil:
			return 0
		case err == nil:
			now = next
		case now.lost.IsZero():
			now.lost = time.Now()
		}
		tell(now)
		return lookDeaf
	}
	if r == Administrator {
		hear := func(e groupcast.Event) bool { return e.Kind != groupcast.EventProgress }
		follower{events: d.Admin.Events, hear: hear, look: look}.run(ctx)
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
