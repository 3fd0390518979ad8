package menu

import (
	"context"
	"fmt"
	"time"

	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/words"
)

// maxReceived bounds how many lines of receiving are kept on the screen.
const maxReceived = 200

// receiverRows are the lines of the receiver's menu.
func (d *Desk) receiverRows() []Row {
	return []Row{
		{Title: "List available groups", Run: d.available},
		{Title: "Join a group", Run: d.join, Fields: []Field{d.offerField(), {Key: "text", Ask: "A word to the administrator", Optional: true}}},
		{Title: "My groups", Run: d.mine},
		{Title: "Receive", Run: d.receive, Stop: "Esc ends receiving", Fields: []Field{
			{Key: "dir", Ask: "Folder for the files", Default: d.Dir, Path: true}, confirm("once", "End after one transfer?", "no")}},
	}
}

func (d *Desk) available(ctx context.Context, _ Answers, _ show) (Page, error) {
	groups, err := d.Member.GroupsOnOffer(ctx, false)
	return table(groups, "No groups are on offer.", words.OfferHead, offerRow), err
}

func (d *Desk) mine(ctx context.Context, _ Answers, _ show) (Page, error) {
	groups, err := d.Member.GroupsOnOffer(ctx, true)
	return table(groups, "You are in no group: join one.", words.OfferHead, offerRow), err
}

func (d *Desk) join(ctx context.Context, a Answers, _ show) (Page, error) {
	r, err := d.Member.Join(ctx, a["group"], a["text"])
	return say(fmt.Sprintf("Asked to join %s: %s. `My groups` shows when an administrator has decided.", words.Name(r.Group), r.State)), err
}

// receive runs the agent and shows what it says.
func (d *Desk) receive(ctx context.Context, a Answers, tell show) (Page, error) {
	lines := make(chan agent.Line, 64)
	over := make(chan error, 1)
	go func() {
		over <- d.Receive(ctx, expand(a["dir"]), a.yes("once"), func(l agent.Line) {
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
	return Page{Lines: append(log.lines, "", "Receiving has ended.")}, nil
}

// received are the lines of an agent; progress of a transfer stays one line.
type received struct {
	lines []string
	live  bool // the last line is progress
}

func (r *received) add(l agent.Line) Progress {
	text := l.At.Format(time.TimeOnly) + "  " + words.Name(l.Text)
	progress := l.Kind == "progress"
	if progress && l.Of > 0 {
		text = l.At.Format(time.TimeOnly) + "  " + words.Bar(float64(l.Bytes)/float64(l.Of), 16) + "  " + words.Name(l.Text)
	}
	if r.live && progress {
		r.lines = r.lines[:len(r.lines)-1]
	}
	r.live = progress
	r.lines = append(r.lines, text)
	if len(r.lines) > maxReceived {
		r.lines = r.lines[len(r.lines)-maxReceived:]
	}
	return Progress{Lines: append([]string(nil), r.lines...), New: text, Tail: true}
}
