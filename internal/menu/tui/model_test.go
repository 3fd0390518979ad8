package tui

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
	"github.com/groupcast/groupcast/internal/menu"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// bench drives a model without a terminal: jobs run when the test lets them.
type bench struct {
	t    *testing.T
	m    *model
	at   time.Time     // what the model takes for now
	wait time.Duration // before each key
	jobs []func()
	quit bool

	after func(tea.Msg) // is called with what jobs sent, once it is shown
}

func newBench(t *testing.T, d *menu.Menu) *bench {
	b := &bench{t: t, at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), wait: 200 * time.Millisecond}
	b.m = newModel(d, func(job func(context.Context, func(tea.Msg))) context.CancelFunc {
		ctx, cancel := context.WithCancel(context.Background())
		b.jobs = append(b.jobs, func() {
			job(ctx, func(msg tea.Msg) {
				b.m.Update(msg)
				if b.after != nil {
					b.after(msg)
				}
			})
		})
		return cancel
	})
	b.m.now = func() time.Time { return b.at }
	return b
}

func both() *menu.Menu {
	none := apiclient.Local("/nowhere/server.sock")
	return &menu.Menu{
		Admin: none, Member: none,
		Whose: map[menu.Role]string{
			menu.Administrator: "the server on this machine",
			menu.Receiver:      "alice at 10.0.0.1:7440",
		}, Dir: "/srv/lab",
	}
}

// run lets the jobs that wait run to their end.
func (b *bench) run() {
	for len(b.jobs) > 0 {
		job := b.jobs[0]
		b.jobs = b.jobs[1:]
		job()
	}
}

var named = map[string]rune{
	"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown, "tab": tea.KeyTab,
	"pgdown": tea.KeyPgDown, "end": tea.KeyEnd, "home": tea.KeyHome, "backspace": tea.KeyBackspace,
}

func (b *bench) press(keys ...string) {
	for _, k := range keys {
		b.at = b.at.Add(b.wait)
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

// fits checks that the screen is so large.
func (b *bench) fits(width, height int) {
	b.t.Helper()
	lines := strings.Split(b.screen(), "\n")
	if len(lines) != height {
		b.t.Errorf("%d lines, not %d:\n%s", len(lines), height, b.screen())
	}
	for i, l := range lines {
		if w := ansi.StringWidth(l); w > width {
			b.t.Errorf("line %d is %d wide: %q", i+1, w, l)
		}
	}
}

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
func (b *bench) open(r menu.Entry) {
	b.m.entry, b.m.form = r, form{answers: menu.Answers{}}
	b.m.ask(0)
}

func groupsTo(n int) menu.Field {
	return menu.Field{Key: "group", Ask: "Group", Closed: true, Prepare: func(context.Context,
		menu.Answers,
	) (menu.Choices, error) {
		var c menu.Choices
		for i := range n {
			c.Options = append(c.Options, menu.Option{Value: fmt.Sprintf("lab-%c", 'a'+i), Note: ui.Plural(i*3, "member")})
		}
		return c, nil
	}}
}

func TestMenuScreens(t *testing.T) {
	b := newBench(t, both())
	b.golden("menu-admin")
	b.press("1", "2")
	b.golden("menu-typed")
	b.press("9", "enter")
	b.golden("menu-wrong")
	b.press("S", "enter")
	b.golden("menu-receiver")
	if b.m.role != menu.Receiver {
		t.Error("s switches to the receiver's menu")
	}
	b.press("up", "enter")
	if b.m.role != menu.Administrator {
		t.Error("the receiver's menu switches back")
	}
	b.press("7", "backspace", "9")
	if b.m.screen != onMenu {
		t.Error("a digit acts before Enter")
	}
	b.press("enter")
	if b.m.screen != onWork {
		t.Error("9 and Enter does nothing")
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
	var got menu.Answers
	b.open(menu.Entry{
		Title: "Add client to group", Fields: []menu.Field{groupsTo(20), {
			Key: "user",
			Ask: "Client (login ID)",
		}, {Key: "password", Ask: "Password", Secret: true}},
		Run: func(_ context.Context, a menu.Answers, _ func(menu.Progress)) (menu.Page, error) {
			got = a
			return menu.Page{Lines: []string{"done"}}, nil
		},
	})
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
	b.open(b.m.entry)
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
	b.open(menu.Entry{Title: "Late", Fields: []menu.Field{groupsTo(2)}, Run: nil})
	b.press("esc")
	before := b.screen()
	b.run()
	if b.screen() != before {
		t.Error("a choice that came too late changed the screen")
	}
}

func TestEveryRowRunsAgainstNothingInWords(t *testing.T) {
	for _, role := range []menu.Role{menu.Administrator, menu.Receiver} {
		d := both()
		for _, r := range d.Entries(role) {
			if r.Leads != menu.Nowhere || r.Title == "Receive" || r.Key == "a" || r.Key == "r" || (len(r.Fields) > 0 &&
				r.Fields[0].Prepare == nil) {
				continue // they ask nobody before the form is through
			}
			b := newBench(t, d)
			b.m.role = role
			if r.Live != nil {
				continue // it waits for its server: TestLiveTransfers
			}
			b.m.choose(r)
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
	t := groupcast.Transfer{
		No: 12, Name: "ubuntu.iso", Group: "lab-a", Bytes: 4_700_000_000,
		State: groupcast.TransferSending, Verified: 1,
		Session: &groupcast.SessionStatus{Rate: 912_000_000, Limiter: "receivers", LossPercent: 1.4, Remaining: 21e9},
		Summary: "pc-05 has no room for it; pc-03 gets it when it is back",
	}
	s := ui.Snapshot{Transfer: t}
	for i := range 30 {
		d := groupcast.Delivery{
			UserID: fmt.Sprint(i), User: fmt.Sprintf("user%02d", i), Device: fmt.Sprintf("pc-%02d", i),
			State: groupcast.DeliveryReceiving, Path: groupcast.PathMulticast, Active: true, Bytes: uint64(i) * 150_000_000,
		}
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
	b.m.Update(countsMsg{
		menu.Administrator,
		menu.Counts{Text: "3 join requests wait · 1 transfer runs · 2 pending · 4 of 5 receivers active", Urgent: true},
	})
	b.golden("menu-counts")
	b.m.Update(countsMsg{menu.Administrator, menu.Counts{
		Text: "3 join requests wait",
		Lost: time.Now().Add(-12 * time.Second),
	}})
	if s := b.screen(); !strings.Contains(s, "The server has not answered for 12s") || strings.Contains(s,
		"3 join requests") {
		t.Errorf("a server that is away:\n%s", s)
	}
	b.m.Update(countsMsg{menu.Administrator, menu.Counts{Text: "0 join requests wait"}})
	if !strings.Contains(b.screen(), "0 join requests wait") {
		t.Error("the server is back, and the counts are not")
	}
}

func TestOtherAnswersAfterAnError(t *testing.T) {
	b := newBench(t, both())
	var tries []string
	b.open(menu.Entry{
		Title: "Create", Fields: []menu.Field{{Key: "name", Ask: "Name"}, groupsTo(3)},
		Run: func(_ context.Context, a menu.Answers, _ func(menu.Progress)) (menu.Page, error) {
			if tries = append(tries, a["name"]+" "+a["group"]); len(tries) == 1 {
				return menu.Page{Lines: []string{"It is there."}}, errors.New("a bad name")
			}
			return menu.Page{Lines: []string{"done"}}, nil
		},
	})
	b.types("Bad")
	b.press("enter")
	b.run()
	b.press("3", "enter")
	b.run()
	if s := b.screen(); !strings.Contains(s, "a bad name") || !strings.Contains(s, "e other answers") ||
		strings.Contains(s, "It is there") {
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
	b.open(menu.Entry{Title: "Many", Fields: []menu.Field{groupsTo(20)}, Run: func(_ context.Context, a menu.Answers,
		_ func(menu.Progress),
	) (menu.Page, error) {
		return menu.Page{Lines: []string{"took " + a["group"]}}, nil
	}})
	b.run()
	b.types("12")
	b.press("enter")
	b.run()
	if s := b.screen(); !strings.Contains(s, "took lab-l") {
		t.Errorf("12 is the twelfth:\n%s", s)
	}
	b.open(b.m.entry)
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
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			lines := tabled("USER|DEVICE|STATE|WHY", rows, width)
			for _, l := range lines {
				if ansi.StringWidth(l) > width {
					t.Errorf("%d: %q", width, l)
				}
			}
			if all := strings.Join(strings.Fields(strings.Join(lines, " ")), " "); !strings.Contains(all,
				strings.TrimSpace(rows[0][3])) || !strings.Contains(all, "bob pc-b verified") {
				t.Errorf("%d: something is lost:\n%s", width, strings.Join(lines, "\n"))
			}
		})
	}
}

func TestPathsAreCompletedInAForm(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "one.txt"), []byte("123"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, both())
	b.open(menu.Entry{Title: "Add file", Fields: []menu.Field{{Key: "path", Ask: "File", Path: true}}})
	b.types(dir + "/on")
	b.press("tab")
	if got := b.m.form.input.Value(); got != dir+"/one.txt" {
		t.Errorf("completed to %q", got)
	}
}

func TestReceivedLines(t *testing.T) {
	d := both()
	b := newBench(t, d)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	d.Receive = func(_ context.Context, _ string, _ bool, say func(agent.Line)) error {
		line := func(kind, text string, bytes uint64) agent.Line {
			return agent.Line{At: at, Kind: kind, Text: text, Bytes: bytes, Of: 3}
		}
		for i := range 205 {
			say(line("done", fmt.Sprintf("line %d of what came\x1b[31m", i), 0))
		}
		say(line("progress", "lab: 1 of 3", 1))
		say(agent.Line{At: at, Kind: "progress", Transfer: 9, Text: "other: soon over"})
		say(line("progress", "lab: 2 of 3", 2))
		long := "other: " + strings.Repeat("a long name of a folder ", 4) + "verified"
		say(agent.Line{At: at, Kind: "done", Transfer: 9, Text: long})
		return errors.New("gone")
	}
	looked := false
	b.after = func(msg tea.Msg) {
		if p, ok := msg.(progressMsg); ok && strings.HasSuffix(p.progress.New, "verified") {
			b.golden("receiving")
			looked = true
		}
	}
	b.m.role = menu.Receiver
	b.press("4", "enter")
	b.run()
	b.press("enter")
	b.run()
	b.press("enter")
	b.run()
	if s := b.screen(); !looked || !strings.Contains(s, "That did not work: gone") {
		t.Errorf("the error is not on the screen: %s", s)
	}
}

func plainText(s string) string { return ansi.Strip(s) }

func transferNo(n int) protocol.TransferNo { return protocol.TransferNo(n) }
