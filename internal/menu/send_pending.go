package menu

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

// statusLive shows the transfers of every group.
func (m *Menu) statusLive(ctx context.Context, _ Answers, g *Selection, show func(Transfers)) (Page, error) {
	m.watchTransfers("", g, show).run(ctx)
	return Page{}, nil
}

// sendLive sends what is pending for a group and shows it.
func (m *Menu) sendLive(ctx context.Context, a Answers, g *Selection, show func(Transfers)) (Page, error) {
	sent, err := m.sendPlanned(ctx, a)
	if err != nil {
		return Page{}, err
	}
	w := m.watchTransfers(a["group"], g, show)
	w.only = map[protocol.TransferNo]bool{}
	for _, t := range sent {
		w.only[t.No] = true
	}
	w.run(ctx)
	return Page{}, nil
}

// sentKey is the answer with the numbers of what is sent.
const sentKey = "sent"

// sendPlanned sends what the plan said, and nothing that came since.
func (m *Menu) sendPlanned(ctx context.Context, a Answers) ([]groupcast.Transfer, error) {
	var sent []groupcast.Transfer
	for _, text := range strings.Fields(a[sentKey]) {
		no, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return sent, err
		}
		t, err := m.Admin.SendTransfer(ctx, protocol.TransferNo(no))
		if err != nil {
			return sent, err
		}
		sent = append(sent, t)
	}
	if len(sent) == 0 {
		return nil, nothingPending(a)
	}
	return sent, nil
}

func nothingPending(a Answers) error {
	return NothingToDo("Nothing is pending for " + ui.Name(a["group"]) + ": `Add file to pending` adds files.")
}

// sendPending sends what is pending for a group and says in lines how it goes.
func (m *Menu) sendPending(ctx context.Context, a Answers, tell show) (Page, error) {
	sent, err := m.sendPlanned(ctx, a)
	if err != nil {
		return Page{}, err
	}
	c := sends{menu: m, tell: tell}
	for _, t := range sent {
		c.all = append(c.all, &send{Snapshot: ui.Snapshot{Transfer: t}, quiet: ui.Stillness{Since: time.Now()}})
	}
	if err := c.watch(ctx); err != nil {
		return Page{}, err
	}
	var p Page
	for _, one := range c.all {
		p.Lines = append(p.Lines, outcome(one.Snapshot)...)
	}
	return p, nil
}

// send is one transfer that is waited for.
type send struct {
	ui.Snapshot
	quiet ui.Stillness
	over  bool
}

// sends is several of them.
type sends struct {
	menu *Menu
	all  []*send
	tell show
	err  error
}

// watch waits until no active device waits for any of them.
func (c *sends) watch(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	f := follower{events: c.menu.Admin.Events, take: func(groupcast.Event) bool { return true }}
	f.look = func(ctx context.Context) time.Duration {
		left, pause := c.lookAtAll(ctx)
		if ctx.Err() == nil && (left == 0 || c.err != nil) {
			cancel()
		}
		return pause
	}
	f.run(inner)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return c.err
}

// lookAtAll says how they stand, how many are waited for, and how long the next look may wait.
func (c *sends) lookAtAll(ctx context.Context) (left int, pause time.Duration) {
	devices, waiting, lines := 0, 0, []string{}
	for _, one := range c.all {
		if !one.over && c.err == nil {
			c.err = c.look(ctx, one)
		}
		devices += len(one.Deliveries)
		if one.over {
			continue
		}
		left++
		if one.Transfer.State == groupcast.TransferGathering && len(lines) > 0 {
			waiting++
			continue
		}
		text := "Transfer %d: %3.0f %%; %s"
		lines = append(lines, fmt.Sprintf(text, one.Transfer.No, ui.Share(one.Snapshot)*100, Sentence(one.Transfer)))
	}
	if waiting > 0 {
		lines = append(lines, fmt.Sprintf("%d more after it", waiting))
	}
	if left > 0 && c.err == nil && ctx.Err() == nil {
		c.tell(Progress{Lines: lines})
	}
	return left, lookLeast + time.Duration(devices)*lookPerUnit
}

func (c *sends) look(ctx context.Context, one *send) error {
	deliveries, err := c.menu.Admin.Deliveries(ctx, one.Transfer.No)
	if err != nil {
		return err
	}
	t, err := c.menu.Admin.Transfer(ctx, one.Transfer.No)
	if err != nil {
		return err
	}
	one.Snapshot = ui.Snapshot{Transfer: t, Deliveries: deliveries}
	one.over = ui.Settled(one.Snapshot) || one.quiet.Longer(one.Snapshot)
	return nil
}

// outcome is how a transfer ended, or that it continues.
func outcome(s ui.Snapshot) []string {
	t := s.Transfer
	text := fmt.Sprintf("Transfer %d (%s): %d verified", t.No, ui.Name(t.Name), t.Verified)
	switch {
	case t.Owed > 0 && t.Paused:
		text += fmt.Sprintf(", %d still owed: paused until it is resumed", t.Owed)
	case t.Owed > 0:
		text += fmt.Sprintf(", %d still owed: delivered when they are back", t.Owed)
	}
	if t.Incomplete > 0 {
		text += fmt.Sprintf(", %d incomplete: t and retry owe it again", t.Incomplete)
	}
	if t.Failed > 0 {
		text += fmt.Sprintf(", %d failed", t.Failed)
	}
	none := "Nobody gets it: the group has no members."
	lines := append([]string{text + "."}, table(s.Deliveries, none, ui.DeliveryHead, ui.DeliveryRow).lines()...)
	return append(lines, "")
}
