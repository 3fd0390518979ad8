package menu

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

// maxReceived bounds how many lines of receiving are kept on the screen.
const maxReceived = 200

// receiverEntries are the lines of the receiver's menu.
func (m *Menu) receiverEntries() []Entry {
	return []Entry{
		{Key: "1", Title: "List available groups", Run: m.available},
		{Key: "2", Title: "Join a group", Plan: m.planJoin, Run: m.join, Fields: []Field{
			m.offerField(), {Key: "text", Ask: "A word to the administrator", Optional: true},
		}},
		{Key: "3", Title: "My groups", Run: m.mine},
		{Key: "4", Title: "Receive", Run: m.receive, Stop: "Esc ends receiving", Fields: []Field{
			{Key: "dir", Ask: "Folder for the files", Default: m.Dir, Path: true},
			yesOrNo("once", "End after one transfer?", "no"),
		}},
		{Key: "5", Title: "Exit", Leads: Out},
	}
}

func (m *Menu) available(ctx context.Context, _ Answers, _ show) (Page, error) {
	groups, err := m.Member.GroupsOnOffer(ctx, false)
	return table(groups, "No groups are on offer.", ui.OfferHead, offerRow), err
}

func (m *Menu) mine(ctx context.Context, _ Answers, _ show) (Page, error) {
	groups, err := m.Member.GroupsOnOffer(ctx, true)
	return table(groups, "You are in no group: join one.", ui.OfferHead, offerRow), err
}

func (m *Menu) join(ctx context.Context, a Answers, _ show) (Page, error) {
	r, err := m.Member.Join(ctx, a["group"], a["text"])
	text := "Asked to join %s: %s. `My groups` shows when an administrator has decided."
	return say(fmt.Sprintf(text, ui.Name(r.Group), r.State)), err
}

// receive runs the agent and shows what it says.
func (m *Menu) receive(ctx context.Context, a Answers, tell show) (Page, error) {
	tell(Progress{Lines: []string{"Connecting to " + ui.Name(m.Member.Address()) + " …"}})
	lines := make(chan agent.Line, 64)
	over := make(chan error, 1)
	go func() {
		over <- m.Receive(ctx, expand(a["dir"]), a.yes("once"), func(l agent.Line) {
			select {
			case lines <- l:
			case <-ctx.Done():
			}
		})
		close(lines)
	}()
	var log received
	for l := range lines {
		tell(log.add(l))
	}
	if err := <-over; err != nil && ctx.Err() == nil {
		return Page{}, err
	}
	return Page{Lines: append(log.lines, "", "Receiving has ended."), Tail: true}, nil
}

// received are the lines of an agent, and below them how far each transfer has come.
type received struct {
	lines   []string
	running map[protocol.TransferNo]string
}

func (r *received) add(l agent.Line) Progress {
	text := units.Clock(l.At) + "  " + ui.Name(l.Text)
	if l.Kind == "progress" {
		if r.running == nil {
			r.running = map[protocol.TransferNo]string{}
		}
		r.running[l.Transfer] = ui.Bar(float64(l.Bytes)/float64(max(l.Of, 1)), 30) + "  " + ui.Name(l.Text)
		return r.progress("")
	}
	if l.Transfer != 0 {
		delete(r.running, l.Transfer) // begun, done, failed or refused
	}
	r.lines = append(r.lines, text)
	if len(r.lines) > maxReceived {
		r.lines = r.lines[len(r.lines)-maxReceived:]
	}
	return r.progress(text)
}

func (r *received) progress(text string) Progress {
	lines := slices.Clone(r.lines)
	for _, no := range slices.Sorted(maps.Keys(r.running)) {
		lines = append(lines, r.running[no])
	}
	return Progress{Lines: lines, New: text, Tail: true}
}
