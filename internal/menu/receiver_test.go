package menu

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/menu/menutest"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.Local)

func TestReceiving(t *testing.T) {
	m := own(menutest.New(t))
	var dir string
	var once bool
	m.Receive = func(_ context.Context, d string, o bool, say func(agent.Line)) error {
		dir, once = d, o
		say(agent.Line{At: noon, Kind: "joined", Text: "in group lab\x1b"})
		say(agent.Line{At: noon, Kind: "begun", Transfer: 12, Text: "lab: receiving 1 file"})
		say(agent.Line{At: noon, Kind: "progress", Transfer: 12, Text: "lab: 1 of 3", Bytes: 1, Of: 3})
		say(agent.Line{At: noon, Kind: "done", Transfer: 12, Text: "lab: one.txt verified"})
		return nil
	}
	out := answer(t, m, "s", "4", "/srv/other", "yes")
	has(t, out, `12:00:00  in group lab\u{1b}`, "12:00:00  lab: one.txt verified", "Receiving has ended.")
	if dir != "/srv/other" || !once {
		t.Errorf("into %q, once %v", dir, once)
	}
	answer(t, m, "s", "4", "", "")
	if dir != "/srv/lab" || once {
		t.Errorf("without answers into %q, once %v", dir, once)
	}
	m.Receive = func(context.Context, string, bool, func(agent.Line)) error {
		return groupcast.Errorf(groupcast.EConflict, "another one runs").WithHint("end it")
	}
	has(t, answer(t, m, "s", "4", "", ""), "That did not work: another one runs", "Next: end it")
}

func TestReceivingIsEndedByItsUser(t *testing.T) {
	m := own(menutest.New(t))
	ctx, cancel := context.WithCancel(t.Context())
	m.Receive = func(ctx context.Context, _ string, _ bool, say func(agent.Line)) error {
		say(agent.Line{At: noon, Text: "connected"})
		<-ctx.Done()
		say(agent.Line{At: noon, Text: "too late, and nobody waits for it"})
		return ctx.Err()
	}
	page, err := m.receive(ctx, Answers{"dir": "/srv"}, func(p Progress) {
		if strings.HasSuffix(p.New, "connected") {
			cancel()
		}
	})
	if err != nil || !page.Tail || page.Lines[len(page.Lines)-1] != "Receiving has ended." {
		t.Errorf("%v, %q", err, page.Lines)
	}
}

func TestReceivedKeepsTheNewestLines(t *testing.T) {
	var r received
	for range maxReceived + 5 {
		r.add(agent.Line{At: noon, Kind: "done", Text: "one"})
	}
	if len(r.lines) != maxReceived {
		t.Errorf("%d lines are kept", len(r.lines))
	}
	r = received{}
	for _, no := range []uint64{9, 7} {
		r.add(agent.Line{At: noon, Kind: "progress", Transfer: 7, Text: "seven", Bytes: no, Of: 14})
		r.add(agent.Line{At: noon, Kind: "progress", Transfer: 9, Text: "nine"})
	}
	p := r.progress("")
	if len(p.Lines) != 2 || !strings.HasSuffix(p.Lines[0], "  seven") || !strings.HasPrefix(p.Lines[0],
		strings.Repeat("█", 15)+"░") {
		t.Errorf("one line each, by number: %q", p.Lines)
	}
	p = r.add(agent.Line{At: noon, Kind: "failed", Transfer: 7, Text: "seven failed"})
	if len(p.Lines) != 2 || p.New != "12:00:00  seven failed" || !strings.HasSuffix(p.Lines[1], "  nine") {
		t.Errorf("what is over no longer runs: %q", p.Lines)
	}
}

func TestGroupsOfAReceiver(t *testing.T) {
	w := menutest.New(t)
	m := own(w)
	var nothing NothingToDo
	field := m.offerField()
	c, err := field.Prepare(t.Context(), nil)
	if err != nil || len(c.Options) != 1 || c.Options[0] != (Option{"open", "for everybody"}) {
		t.Errorf("%v: only groups that the user is not in: %v", err, c.Options)
	}
	w.Fail(groupcast.Errorf(groupcast.EUnauthorized, "this login is over").WithHint("log in again"))
	for _, key := range []string{"1", "2", "3"} {
		has(t, answer(t, m, "s", key), "That did not work: this login is over", "Next: log in again")
	}
	if err := error(NothingToDo("x")); !errors.As(err, &nothing) {
		t.Error(err)
	}
}

func TestCountsOfAReceiver(t *testing.T) {
	w := menutest.New(t)
	of := func(s groupcast.DeliveryState) groupcast.Received {
		return groupcast.Received{Delivery: groupcast.Delivery{State: s}}
	}
	w.Deliver(of(groupcast.DeliveryVerified), of(groupcast.DeliveryAlreadyHad), of(groupcast.DeliveryQueued),
		of(groupcast.DeliveryIncomplete), of(groupcast.DeliveryFailed))
	c, err := own(w).count(t.Context(), Receiver)
	want := "in 1 group · 0 asked for · 1 transfer on its way to you · 2 received, 1 incomplete"
	if err != nil || c.Text != want || c.Urgent {
		t.Errorf("%v: %+v", err, c)
	}
	w.Fail(groupcast.Errorf(groupcast.EUnauthorized, "this login is over"))
	if _, err := own(w).count(t.Context(), Receiver); err == nil {
		t.Error("an error is lost")
	}
}
