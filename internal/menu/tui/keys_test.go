package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/groupcast/groupcast/internal/menu"
)

func TestKeysOfTheMenu(t *testing.T) {
	for _, c := range []struct {
		keys   string
		cursor int
		typed  string
	}{
		{"", 0, ""},
		{"down", 1, ""},
		{"j j", 2, ""},
		{"j k", 0, ""},
		{"up", 17, ""},
		{"end", 17, ""},
		{"end down", 0, ""},
		{"end home", 0, ""},
		{"1", 0, "1"},
		{"1 3", 12, "13"},
		{"1 3 backspace", 0, "1"},
		{"1 3 backspace backspace", 0, ""},
		{"backspace", 0, ""},
		{"1 3 esc", 12, ""},
		{"1 3 down", 13, ""},
		{"1 9", 0, "19"},
		{"r", 16, "r"},
		{"R", 16, "R"},
		{"t a", 14, "ta"},
		{"0 7", 6, "07"},
		{"1 2 3 4 5 6 7 8 9 1", 11, "12345678"},
	} {
		t.Run(c.keys, func(t *testing.T) {
			b := newBench(t, both())
			b.press(strings.Fields(c.keys)...)
			if b.m.cursor != c.cursor || b.m.typed != c.typed || b.m.screen != onMenu || len(b.jobs) > 0 {
				t.Errorf("at %d, typed %q, screen %d", b.m.cursor, b.m.typed, b.m.screen)
			}
		})
	}
}

func TestWhatWasTypedIsShown(t *testing.T) {
	b := newBench(t, both())
	b.press("1")
	b.says("Choice: 1▏   Enter: Create group")
	b.press("0")
	b.says("Choice: 10▏   Enter: Approve or deny a request", "›10  Approve")
	b.press("0")
	b.says("Choice: 100▏   there is no 100")
	b.press("enter")
	b.says("“100” is not one of 1 to 14, t, a, r, s")
	b.press("5")
	b.says("Choice: 5▏   Enter: List groups")
	b.saysNot("100")
}

func TestExit(t *testing.T) {
	for _, keys := range []string{
		"q", "1 4 enter", "up up up up up enter", "0 1 4 enter", "s enter 5 enter",
		"1 4 1 backspace enter",
	} {
		t.Run(keys, func(t *testing.T) {
			b := newBench(t, both())
			b.press(strings.Fields(keys)...)
			if !b.quit {
				t.Errorf("%s: still there\n%s", keys, b.screen())
			}
		})
	}
	b := newBench(t, both())
	b.asks(true, menu.Field{Key: "x", Ask: "X"})
	ctrlC := tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}
	if _, cmd := b.m.Update(ctrlC); cmd == nil {
		t.Error("Ctrl-C ends the menu, in a form, too")
	}
}

func TestWhoHasOneRoleHasOneMenu(t *testing.T) {
	b := newBench(t, &menu.Menu{Member: both().Member})
	b.says("Receiver", "5  Exit")
	b.saysNot("Switch to")
	b.press("s", "enter")
	b.says("“s” is not one of 1 to 5")
}

// lines are a page of so many.
func lines(n int) menu.Page {
	var p menu.Page
	for i := range n {
		p.Lines = append(p.Lines, fmt.Sprintf("line %d.", i+1))
	}
	return p
}

// shows opens an entry that says a page.
func (b *bench) shows(p menu.Page, err error) *int {
	runs := 0
	b.open(menu.Entry{Title: "Page", Run: func(context.Context, menu.Answers, func(menu.Progress)) (menu.Page, error) {
		runs++
		return p, err
	}})
	b.run()
	return &runs
}

func TestPagesScroll(t *testing.T) {
	b := newBench(t, both())
	b.shows(lines(50), nil)
	b.says("line 1.", "PgUp PgDn scroll")
	for _, c := range []struct{ key, first, last string }{
		{"down", "line 1.", "line 17."},
		{"j", "line 1.", "line 18."},
		{"k", "line 1.", "line 17."},
		{
			"up", "line 1.",
			"line 16.",
		},
		{"pgdown", "line 17.", "line 35."},
		{"space", "line 32.", "line 50."},
		{"down", "line 32.", "line 50."},
		{"pgup", "line 13.", "line 31."},
		{"home", "line 1.", "line 16."},
		{"end", "line 32.", "line 50."},
	} {
		b.press(c.key)
		b.says(c.first, c.last)
	}
	b.saysNot("line 31.")
	b.press("q")
	if b.m.screen != onMenu || b.quit {
		t.Error("q leaves a page, not the menu")
	}
}

func TestPagesWhoseEndMattersBeginThere(t *testing.T) {
	b := newBench(t, both())
	p := lines(50)
	p.Tail = true
	b.shows(p, nil)
	b.says("line 50.")
	b.saysNot("line 2.")
}

func TestAPageOnceMore(t *testing.T) {
	b := newBench(t, both())
	runs := b.shows(lines(1), nil)
	b.says("r once more")
	b.press("r")
	b.run()
	if *runs != 2 {
		t.Errorf("%d runs", *runs)
	}
	b.press("e") // there were no questions
	if b.m.screen != onPage {
		t.Error("nothing to change")
	}
	for _, key := range []string{"esc", "enter", "q"} {
		t.Run(key, func(t *testing.T) {
			b.shows(lines(1), nil)
			b.press(key)
			if b.m.screen != onMenu {
				t.Errorf("%s goes back", key)
			}
		})
	}
}

// What changes something is not done again by one key.
func TestAFormIsNotDoneOnceMore(t *testing.T) {
	b := newBench(t, both())
	b.asks(true, menu.Field{Key: "x", Ask: "X"})
	b.types("a")
	b.press("enter")
	b.run()
	b.types("yes")
	b.press("enter")
	b.run()
	b.says("done")
	b.saysNot("once more")
	b.press("r")
	if len(b.jobs) > 0 {
		t.Error("it is done again")
	}
}

func TestErrorsAreSaidWithWhatWasDoneAllTheSame(t *testing.T) {
	b := newBench(t, both())
	b.shows(menu.Page{Lines: []string{"not this"}, Kept: []string{"The account is made."}}, errors.New("no such group"))
	b.says("That did not work: no such group", "The account is made.")
	b.saysNot("not this")
	if !b.m.failed {
		t.Error("it is no error")
	}
}

func TestTablesOfAPageAreWrapped(t *testing.T) {
	b := newBench(t, both())
	p := menu.Page{Head: "A|B|C", Rows: [][]string{{"one", strings.Repeat("two ", 12), strings.Repeat("three ", 9)}}}
	b.shows(p, nil)
	for _, l := range strings.Split(b.screen(), "\n") {
		if strings.Contains(l, "…") {
			t.Errorf("cut: %q", l)
		}
	}
	b.says("    three")
}

func TestWorkIsBrokenOff(t *testing.T) {
	for _, key := range []string{"esc", "q"} {
		b := newBench(t, both())
		var ended bool
		b.open(menu.Entry{Title: "Work", Stop: "Esc ends it", Run: func(ctx context.Context, _ menu.Answers,
			show func(menu.Progress)) (
			menu.Page, error,
		) {
			show(menu.Progress{Lines: []string{"half of it"}})
			b.says("half of it", "Esc ends it")
			b.press("x", "enter", key)
			b.says("stopping …")
			ended = ctx.Err() != nil
			return menu.Page{}, ctx.Err()
		}})
		b.says("One moment …")
		b.run()
		if !ended || b.m.screen != onMenu {
			t.Errorf("%s: ended %v, screen %d", key, ended, b.m.screen)
		}
	}
}

func TestWorkThatWasBrokenOffSaysWhatWasDone(t *testing.T) {
	b := newBench(t, both())
	b.open(menu.Entry{Title: "Work", Run: func(ctx context.Context, _ menu.Answers, _ func(menu.Progress)) (menu.Page,
		error,
	) {
		b.says("Esc breaks it off")
		b.press("esc")
		return menu.Page{Kept: []string{"half of it is there"}}, ctx.Err()
	}})
	b.run()
	b.says("Stopped.", "half of it is there")
}

func TestLongProgressIsCut(t *testing.T) {
	var long []string
	for i := range 40 {
		long = append(long, fmt.Sprintf("step %d.", i+1))
	}
	for _, c := range []struct {
		tail        bool
		says, lacks string
	}{{false, "… and 25 more", "step 16."}, {true, "step 40.", "step 24."}} {
		t.Run(c.says, func(t *testing.T) {
			b := newBench(t, both())
			b.open(menu.Entry{Title: "Work", Run: func(_ context.Context, _ menu.Answers, show func(menu.Progress)) (menu.Page,
				error,
			) {
				show(menu.Progress{Lines: long, Tail: c.tail})
				b.says(c.says)
				b.saysNot(c.lacks)
				return menu.Page{}, nil
			}})
			b.run()
		})
	}
}

func TestLateMessagesChangeNothing(t *testing.T) {
	b := newBench(t, both())
	b.shows(lines(1), nil)
	before := b.screen()
	for _, late := range []tea.Msg{
		choicesMsg{job: b.m.job},
		planMsg{job: b.m.job, plan: menu.Plan{"late"}},
		progressMsg{job: b.m.job - 1},
		doneMsg{job: b.m.job, page: lines(3)},
		doneMsg{job: b.m.job - 1},
		actionMsg{job: b.m.job, text: "late"},
		transfersMsg{job: b.m.job},
		"something else",
	} {
		b.m.Update(late)
		if b.screen() != before {
			t.Errorf("%T changed the screen", late)
		}
	}
}

func TestEveryScreenFitsEveryTerminal(t *testing.T) {
	long := strings.Repeat("a long text ", 30)
	screens := map[string]func(b *bench){
		"menu":  func(*bench) {},
		"typed": func(b *bench) { b.press("1", "2") },
		"wrong": func(b *bench) { b.press("x", "enter") },
		"form": func(b *bench) {
			b.asks(true, menu.Field{Key: "x", Ask: long, Closed: true, Prepare: options("a", long, "c")})
		},
		"page": func(b *bench) {
			b.shows(menu.Page{Lines: []string{long, long}, Head: "A|B", Rows: [][]string{{long, long}}}, nil)
		},
		"failed": func(b *bench) { b.shows(menu.Page{}, errors.New(long)) },
		"plan": func(b *bench) {
			b.open(menu.Entry{Title: long, Plan: func(context.Context, menu.Answers) (menu.Plan,
				error,
			) {
				return menu.Plan{long, long}, nil
			}})
			b.run()
		},
	}
	for name, show := range screens {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 12}, {20, 8}, {1, 1}} {
			t.Run(fmt.Sprintf("%s %dx%d", name, size[0], size[1]), func(t *testing.T) {
				b := newBench(t, both())
				b.m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
				show(b)
				b.fits(max(size[0], 20), max(size[1], 8))
			})
		}
	}
}
