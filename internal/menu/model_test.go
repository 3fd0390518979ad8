package menu

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/ui"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// bench drives a model without a terminal: jobs run when the test lets them.
type bench struct {
	t    *testing.T
	m    *model
	jobs []func()
	quit bool
}

func newBench(t *testing.T, d *Desk) *bench {
	b := &bench{t: t}
	b.m = newModel(d, func(job func(context.Context, func(tea.Msg))) context.CancelFunc {
		ctx, cancel := context.WithCancel(context.Background())
		b.jobs = append(b.jobs, func() { job(ctx, func(msg tea.Msg) { b.m.Update(msg) }) })
		return cancel
	})
	return b
}

func both() *Desk {
	none := apiclient.Local("/nowhere/server.sock")
	return &Desk{Admin: none, Member: none, Whose: map[Role]string{Administrator: "the server on this machine", Receiver: "alice at 10.0.0.1:7440"}, Dir: "/srv/lab"}
}

// run lets the jobs that wait run to their end.
func (b *bench) run() {
	for len(b.jobs) > 0 {
		job := b.jobs[0]
		b.jobs = b.jobs[1:]
		job()
	}
}

var named = map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown, "tab": tea.KeyTab, "pgdown": tea.KeyPgDown, "end": tea.KeyEnd, "home": tea.KeyHome}

func (b *bench) press(keys ...string) {
	for _, k := range keys {
		code, ok := named[k]
		press := tea.KeyPressMsg{Code: code}
		if !ok {
			press = tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
		}
		if _, cmd := b.m.Update(press); cmd != nil {
			if _, ok := cmd().(tea.QuitMsg); ok {
				b.quit = true
			}
		}
	}
}

func (b *bench) types(text string) { b.press(strings.Split(text, "")...) }

func (b *bench) screen() string { return ansi.Strip(b.m.View().Content) }

// golden compares the screen with the one that was looked at, and checks that it is 80×24.
func (b *bench) golden(name string) {
	b.t.Helper()
	got := b.screen()
	lines := strings.Split(got, "\n")
	if len(lines) != 24 {
		b.t.Errorf("%s: %d lines, want 24", name, len(lines))
	}
	for i, l := range lines {
		if w := ansi.StringWidth(l); w > 80 {
			b.t.Errorf("%s: line %d is %d wide: %q", name, i+1, w, l)
		}
		lines[i] = strings.TrimRight(l, " ")
	}
	got = strings.Join(lines, "\n") + "\n"
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		b.t.Errorf("%s is not as it was (%v):\n%s", name, err, got)
	}
}

// open shows a row that is not of the menu.
func (b *bench) open(r Row) {
	b.m.row, b.m.form = r, form{answers: Answers{}}
	b.m.ask(0)
}

func groupsTo(n int) Field {
	return Field{Key: "group", Ask: "Group", Closed: true, Prepare: func(context.Context, Answers) (Choices, error) {
		var c Choices
		for i := range n {
			c.Options = append(c.Options, Option{fmt.Sprintf("lab-%c", 'a'+i), ui.Plural(i*3, "member")})
		}
		return c, nil
	}}
}

func TestMenuScreens(t *testing.T) {
	b := newBench(t, both())
	b.golden("menu-admin")
	b.press("1")
	b.golden("menu-digit")
	b.press("7")
	b.golden("menu-receiver")
	if b.m.role != Receiver {
		t.Error("17 switches to the receiver's menu")
	}
	b.press("up", "up", "enter")
	if b.m.role != Administrator {
		t.Error("the receiver's menu switches back")
	}
	b.press("9")
	if b.screen(); b.m.screen != onWork {
		t.Error("9 needs no Enter: there is no 90")
	}
	b.run()
	b.golden("error")
	b.press("esc", "q")
	if !b.quit {
		t.Error("q does not end the menu")
	}
}

func TestForm(t *testing.T) {
	b := newBench(t, both())
	var got Answers
	b.open(Row{Title: "Add client to group", Fields: []Field{groupsTo(20), {Key: "user", Ask: "Client (login ID)"}, {Key: "password", Ask: "Password", Secret: true}},
		Run: func(_ context.Context, a Answers, _ func(Progress)) (Page, error) { got = a; return say("done"), nil }})
	b.golden("form-asking")
	b.run()
	b.golden("form-choices")
	b.press("down", "down")
	b.types("x")
	b.press("enter")
	b.golden("form-wrong")
	b.press("esc")
	if b.m.screen != onMenu {
		t.Fatal("Esc in the first question goes back to the menu")
	}
	b.open(b.m.row)
	b.run()
	b.press("3", "enter")
	b.types("alice")
	b.press("enter")
	b.types("secret words")
	b.golden("form-secret")
	if strings.Contains(b.screen(), "secret") {
		t.Error("the password is on the screen")
	}
	b.press("esc", "enter") // what was answered is still there
	b.types("secret words")
	b.press("enter")
	b.run()
	if got["group"] != "lab-c" || got["user"] != "alice" || got["password"] != "secret words" {
		t.Errorf("answers: %v", got)
	}
}

func TestLateAnswersAreNotShown(t *testing.T) {
	b := newBench(t, both())
	b.open(Row{Title: "Late", Fields: []Field{groupsTo(2)}, Run: nil})
	b.press("esc")
	before := b.screen()
	b.run()
	if b.screen() != before {
		t.Error("a choice that came too late changed the screen")
	}
}

func TestEveryRowRunsAgainstNothingInWords(t *testing.T) {
	for _, role := range []Role{Administrator, Receiver} {
		d := both()
		for i, r := range d.rows(role) {
			if r.Title == "Receive" || (len(r.Fields) > 0 && r.Fields[0].Prepare == nil) {
				continue // they ask nobody before the form is through
			}
			b := newBench(t, d)
			b.m.role = role
			if r.Live != nil {
				continue // it waits for its server: TestLiveTransfers
			}
			b.m.choose(i, 100)
			b.run()
			for n := 0; b.m.screen == onForm && n < len(r.Fields); n++ { // the first questions may be for nobody
				b.press("enter")
				b.run()
			}
			if s := b.screen(); !strings.Contains(s, "no server runs on this machine") || !strings.Contains(s, "Next: ") {
				t.Errorf("%s: %s", r.Title, s)
			}
		}
	}
}

func transfer() ui.Snapshot {
	t := groupcast.Transfer{No: 12, Name: "ubuntu.iso", Group: "lab-a", Bytes: 4_700_000_000, State: groupcast.TransferSending, Verified: 1,
		Session: &groupcast.SessionStatus{Rate: 912_000_000, Limiter: "receivers", LossPercent: 1.4, Remaining: 21e9},
		Summary: "1 of 30 done; pc-19 slow disk, 21 s more; pc-03 off"}
	s := ui.Snapshot{Transfer: t}
	for i := range 30 {
		d := groupcast.Delivery{UserID: fmt.Sprint(i), User: fmt.Sprintf("user%02d", i), Device: fmt.Sprintf("pc-%02d", i), State: groupcast.DeliveryReceiving, Path: groupcast.PathMulticast, Active: true, Bytes: uint64(i) * 150_000_000}
		switch i {
		case 3:
			d.State, d.Active, d.Reason = groupcast.DeliveryQueued, false, "off"
		case 4:
			d.State = groupcast.DeliveryVerified
		case 5:
			d.State, d.Reason = groupcast.DeliveryFailed, "no space: 12 GB are needed and 3 GB are free"
		}
		s.Deliveries = append(s.Deliveries, d)
	}
	return s
}

func TestCounts(t *testing.T) {
	b := newBench(t, both())
	b.m.Update(countsMsg{Administrator, counts{text: "3 join requests wait · 1 transfer runs · 2 pending · 4 of 5 receivers active", urgent: true}})
	b.golden("menu-counts")
	b.m.Update(countsMsg{Administrator, counts{text: "3 join requests wait", lost: time.Now().Add(-12 * time.Second)}})
	if s := b.screen(); !strings.Contains(s, "The server has not answered for 12s") || strings.Contains(s, "3 join requests") {
		t.Errorf("a server that is away:\n%s", s)
	}
	b.m.Update(countsMsg{Administrator, counts{text: "0 join requests wait"}})
	if !strings.Contains(b.screen(), "0 join requests wait") {
		t.Error("the server is back, and the counts are not")
	}
}

func TestOtherAnswersAfterAnError(t *testing.T) {
	b := newBench(t, both())
	var tries []string
	b.open(Row{Title: "Create", Fields: []Field{{Key: "name", Ask: "Name"}, groupsTo(3)}, Run: func(_ context.Context, a Answers, _ func(Progress)) (Page, error) {
		if tries = append(tries, a["name"]+" "+a["group"]); len(tries) == 1 {
			return Page{Lines: []string{"It is there."}}, errors.New("a bad name")
		}
		return say("done"), nil
	}})
	b.types("Bad")
	b.press("enter")
	b.run()
	b.press("3")
	b.run()
	if s := b.screen(); !strings.Contains(s, "a bad name") || !strings.Contains(s, "e other answers") || strings.Contains(s, "It is there") {
		t.Fatalf("the error, the way back and nothing else:\n%s", s)
	}
	b.press("e")
	b.run()
	if b.m.form.pick != 2 {
		t.Errorf("option %d is picked, not the one chosen before", b.m.form.pick)
	}
	b.press("esc")
	b.types("2")
	b.press("enter")
	b.run()
	b.press("enter")
	b.run()
	if strings.Join(tries, ", ") != "Bad lab-c, Bad2 lab-c" {
		t.Errorf("tried %v", tries)
	}
}

func TestLongNumbersChooseAmongMany(t *testing.T) {
	b := newBench(t, both())
	b.open(Row{Title: "Many", Fields: []Field{groupsTo(20)}, Run: func(_ context.Context, a Answers, _ func(Progress)) (Page, error) {
		return say("took " + a["group"]), nil
	}})
	b.run()
	b.types("12")
	b.press("enter")
	b.run()
	if s := b.screen(); !strings.Contains(s, "took lab-l") {
		t.Errorf("12 is the twelfth:\n%s", s)
	}
	b.open(b.m.row)
	b.run()
	b.types("ab-q") // a part of the name
	b.press("enter")
	b.run()
	if s := b.screen(); !strings.Contains(s, "took lab-q") {
		t.Errorf("a part of a name finds it:\n%s", s)
	}
}

func TestTablesFit(t *testing.T) {
	rows := [][]string{{"alice", "pc-a", "queued", strings.Repeat("why it waits ", 8)}, {"bob", "pc-b", "verified", ""}}
	for _, width := range []int{200, 78, 40, 20} {
		lines := tabled("USER|DEVICE|STATE|WHY", rows, width)
		for _, l := range lines {
			if ansi.StringWidth(l) > width {
				t.Errorf("%d: %q", width, l)
			}
		}
		if all := strings.Join(strings.Fields(strings.Join(lines, " ")), " "); !strings.Contains(all, strings.TrimSpace(rows[0][3])) || !strings.Contains(all, "bob pc-b verified") {
			t.Errorf("%d: something is lost:\n%s", width, strings.Join(lines, "\n"))
		}
	}
}

func TestReceivedLines(t *testing.T) {
	b := newBench(t, both())
	b.open(Row{Title: "Receive", Stop: "Esc ends receiving", Run: func(_ context.Context, _ Answers, show func(Progress)) (Page, error) {
		var r received
		for i := range maxReceived + 5 {
			show(r.add(line(fmt.Sprintf("line %d of what came\x1b[31m", i), "done", 0)))
		}
		show(r.add(line("lab: 1 of 3", "progress", 1)))
		r.add(agent.Line{Kind: "progress", Transfer: 9, Text: "other: soon over"})
		show(r.add(line("lab: 2 of 3", "progress", 2)))
		show(r.add(agent.Line{At: line("", "", 0).At, Kind: "done", Transfer: 9, Text: "other: " + strings.Repeat("a long name of a folder ", 4) + "verified"}))
		if len(r.lines) != maxReceived {
			t.Errorf("%d lines are kept", len(r.lines))
		}
		b.golden("receiving")
		return Page{}, errors.New("gone")
	}})
	b.run()
	if !strings.Contains(b.screen(), "That did not work: gone") {
		t.Errorf("the error is not on the screen: %s", b.screen())
	}
}
