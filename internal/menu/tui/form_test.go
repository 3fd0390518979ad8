package tui

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/groupcast/groupcast/internal/menu"
)

func options(values ...string) func(context.Context, menu.Answers) (menu.Choices, error) {
	return func(context.Context, menu.Answers) (menu.Choices, error) {
		var c menu.Choices
		for _, v := range values {
			c.Options = append(c.Options, menu.Option{Value: v, Note: "about " + v})
		}
		return c, nil
	}
}

// asks opens an entry with these questions and gives what it is run with.
func (b *bench) asks(plan bool, fields ...menu.Field) *menu.Answers {
	var got menu.Answers
	e := menu.Entry{Title: "Ask", Fields: fields}
	e.Run = func(_ context.Context, a menu.Answers, _ func(menu.Progress)) (menu.Page, error) {
		got = a
		return menu.Page{Lines: []string{"done"}}, nil
	}
	if plan {
		e.Plan = func(_ context.Context, a menu.Answers) (menu.Plan, error) {
			return menu.Plan{"Do it with " + strings.Join(slices.Sorted(values(a)), ", ") + "."}, nil
		}
	}
	b.open(e)
	b.run()
	return &got
}

func values(a menu.Answers) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range a {
			if !yield(v) {
				return
			}
		}
	}
}

func (b *bench) says(parts ...string) {
	b.t.Helper()
	for _, p := range parts {
		if s := b.screen(); !strings.Contains(s, p) {
			b.t.Errorf("no %q on\n%s", p, s)
		}
	}
}

func (b *bench) saysNot(parts ...string) {
	b.t.Helper()
	for _, p := range parts {
		if s := b.screen(); strings.Contains(s, p) {
			b.t.Errorf("%q on\n%s", p, s)
		}
	}
}

// How a choice is typed, and what Enter takes then: the entry changes nothing, so that one is always
// picked, or it does, and only what was chosen is taken.
func TestChoicesAreTyped(t *testing.T) {
	rooms := []string{"lab-1", "lab-2", "exam", "hall"}
	for _, c := range []struct {
		keys  string // parted by spaces
		looks string // what is taken where nothing is changed; empty: nothing
		acts  string // and where something is
	}{
		{"enter", "lab-1", ""},
		{"down enter", "lab-2", "lab-1"},
		{"down down enter", "exam", "lab-2"},
		{"end enter", "lab-1", ""}, // of the line that is typed, not of the choices
		{"up enter", "lab-1", "lab-1"},
		{"pgdown enter", "hall", "hall"},
		{"pgdown pgup enter", "lab-1", "lab-1"},
		{"3 enter", "exam", "exam"},
		{"4 backspace 2 enter", "lab-2", "lab-2"},
		{"l enter", "lab-1", ""}, // two begin so
		{"e enter", "exam", "exam"},
		{"l tab enter", "lab-1", ""}, // what both have in common
		{"l tab 2 enter", "", "lab-2"},
		{"a l enter", "hall", "hall"},
		{"z enter", "", ""},
		{"9 enter", "", ""},
		{"0 enter", "", ""},
		{"1 down enter", "lab-2", "lab-2"},
	} {
		t.Run(c.keys, func(t *testing.T) {
			for _, plan := range []bool{false, true} {
				b := newBench(t, both())
				got := b.asks(plan, menu.Field{Key: "room", Ask: "Room", Closed: true, Prepare: options(rooms...)})
				b.press(strings.Fields(c.keys)...)
				b.run()
				want := c.looks
				if plan {
					want = c.acts
					if want != "" {
						b.says("Do it with " + want + ".")
					}
					b.types("yes")
					b.press("enter")
					b.run()
				}
				if (*got)["room"] != want {
					t.Errorf("a plan %v: %q, not %q\n%s", plan, (*got)["room"], want, b.screen())
				}
			}
		})
	}
}

func TestAnEmptyAnswerIsExplained(t *testing.T) {
	b := newBench(t, both())
	b.asks(true, menu.Field{Key: "room", Ask: "Room", Closed: true, Prepare: options("a", "b")})
	b.press("enter")
	b.says("Type its number or a part of its name", "1  a  about a", "a number, then Enter")
	b.press("2")
	b.saysNot("Type its number")
	b = newBench(t, both())
	b.asks(false, menu.Field{Key: "name", Ask: "Name"})
	b.press("enter")
	b.says("an answer is needed")
}

func TestNumbersBeforeChoicesStayTheirs(t *testing.T) {
	b := newBench(t, both())
	b.asks(true, menu.Field{Key: "room", Ask: "Room", Closed: true, Prepare: options("lab-1", "exam-1", "lab-2",
		"exam-2")})
	b.types("exam")
	b.says("2  exam-1", "4  exam-2") // narrowed, and called as before
	b.saysNot("lab-1", "1  exam-1")
	for range "exam" {
		b.press("backspace")
	}
	b.press("4")
	b.says("› 4  exam-2", "1  lab-1")
}

func TestTransfersAreCalledByTheirOwnNumbers(t *testing.T) {
	b := newBench(t, both())
	f := menu.Field{Key: "no", Ask: "Transfer", Closed: true, OwnNames: true, Prepare: options("12", "3", "1")}
	got := b.asks(false, f)
	b.says("›12  about 12", "   3   about 3")
	b.saysNot("1  12", "2  3")
	b.press("1", "enter")
	b.run()
	if (*got)["no"] != "1" {
		t.Errorf("%q: not the first in the list", (*got)["no"])
	}
}

func TestANewNameMayBeTypedBesideChoices(t *testing.T) {
	for keys, want := range map[string]string{
		"b o": "bo", "b o b": "bob", "2": "bob", "b tab": "bob", "down": "alice", "3": "3", "c a r l": "carl",
	} {
		t.Run(keys, func(t *testing.T) {
			b := newBench(t, both())
			got := b.asks(false, menu.Field{Key: "user", Ask: "Client (login ID)", Prepare: options("alice", "bob")})
			b.press(append(strings.Fields(keys), "enter")...)
			b.run()
			if (*got)["user"] != want {
				t.Errorf("%s: %q, not %q", keys, (*got)["user"], want)
			}
		})
	}
}

func TestEscGoesBackQuestionByQuestion(t *testing.T) {
	b := newBench(t, both())
	skipped := menu.Field{Key: "none", Ask: "Never asked", Prepare: func(context.Context, menu.Answers) (menu.Choices,
		error,
	) {
		return menu.Choices{Skip: true}, nil
	}}
	room := menu.Field{Key: "room", Ask: "Room", Closed: true, Prepare: options("a", "b")}
	got := b.asks(true, menu.Field{Key: "name", Ask: "Name"}, skipped, room)
	b.types("new")
	b.press("enter")
	b.run()
	b.press("2", "enter")
	b.run()
	b.says("Do it with b, new.", "Name: new", "Room: b", menu.AskYes)
	b.press("esc")
	b.run()
	b.says("› Room:", "› 2  b") // what was chosen before is picked
	b.press("esc")
	b.run()
	b.says("› Name: new")
	b.types("er")
	b.press("enter")
	b.run()
	b.press("1", "enter")
	b.run()
	b.says("Do it with a, newer.")
	b.press("esc")
	b.run()
	b.press("esc", "esc")
	if b.m.screen != onMenu || *got != nil {
		t.Errorf("screen %d, run with %v", b.m.screen, *got)
	}
}

func TestQuestionsThatCannotBeAsked(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(context.Context, menu.Answers) (menu.Choices, error)
		says    string
		bad     bool
	}{
		"none to choose": {func(context.Context, menu.Answers) (menu.Choices, error) {
			return menu.Choices{Empty: "There is no group yet."}, nil
		}, "There is no group yet.", false},
		"an error": {func(context.Context, menu.Answers) (menu.Choices, error) {
			return menu.Choices{}, errors.New("the server is gone")
		}, "That did not work: the server is gone", true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, both())
			b.asks(true, menu.Field{Key: "room", Ask: "Room", Closed: true, Prepare: c.prepare})
			b.says(c.says)
			if b.m.screen != onPage || b.m.failed != c.bad {
				t.Errorf("screen %d, failed %v", b.m.screen, b.m.failed)
			}
			b.press("enter")
			if b.m.screen != onMenu {
				t.Error("Enter goes back")
			}
		})
	}
}

func TestPlansThatCannotBeMade(t *testing.T) {
	for says, plan := range map[string]func(context.Context, menu.Answers) (menu.Plan, error){
		"That did not work: gone": func(context.Context, menu.Answers) (menu.Plan, error) { return nil, errors.New("gone") },
		"Nothing is pending.": func(context.Context, menu.Answers) (menu.Plan, error) {
			return nil, menu.NothingToDo("Nothing is pending.")
		},
		"it ran": func(context.Context, menu.Answers) (menu.Plan, error) { return nil, nil }, // nothing is changed
	} {
		b := newBench(t, both())
		b.open(menu.Entry{Title: "Plan", Plan: plan, Run: func(context.Context, menu.Answers,
			func(menu.Progress),
		) (menu.Page, error) {
			return menu.Page{Lines: []string{"it ran"}}, nil
		}})
		b.says("asking the server")
		b.run()
		b.says(says)
		b.saysNot(menu.AskYes)
	}
}

func TestAPlanIsPasteProof(t *testing.T) {
	b := newBench(t, both())
	got := b.asks(true)
	b.m.Update(tea.PasteMsg{Content: "yes\n"})
	b.press("enter")
	if *got != nil || !strings.Contains(b.screen(), "before you type yes") {
		t.Errorf("a yes that was pasted: %v\n%s", *got, b.screen())
	}
	b.types("no")
	b.press("enter")
	b.says(menu.NotChanged)
	got = b.asks(true)
	b.types("yesyesyesyes") // bounded
	if len(b.m.asking.typed) > mostTyped {
		t.Errorf("%d characters are kept", len(b.m.asking.typed))
	}
	b.press("enter")
	if *got != nil {
		t.Error("more than a yes is no yes")
	}
}

func TestTextIsPastedIntoAnswers(t *testing.T) {
	b := newBench(t, both())
	got := b.asks(false, menu.Field{Key: "name", Ask: "Name"})
	b.m.Update(tea.PasteMsg{Content: "pasted name"})
	b.press("enter")
	b.run()
	if (*got)["name"] != "pasted name" {
		t.Errorf("%q", (*got)["name"])
	}
	b.m.Update(tea.PasteMsg{Content: "nowhere"}) // not a form
	b.says("done")
}

func TestPathsAreCompletedAsFarAsTheyAgree(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"report-1.txt", "report-2.txt", "other"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, both())
	got := b.asks(false, menu.Field{Key: "path", Ask: "File", Path: true})
	b.types(dir + "/r")
	b.press("tab")
	if text := b.m.form.input.Value(); text != dir+"/report-" {
		t.Errorf("%q", text)
	}
	b.press("tab") // no further
	b.press("down", "down", "tab")
	if text := b.m.form.input.Value(); text != dir+"/report-2.txt" {
		t.Errorf("%q", text)
	}
	for range "report-2.txt" {
		b.press("backspace")
	}
	b.types("f")
	b.press("tab", "enter")
	b.run()
	if (*got)["path"] != dir+"/folder" {
		t.Errorf("%q: a folder without its last stroke", (*got)["path"])
	}
	got = b.asks(false, menu.Field{Key: "path", Ask: "File", Path: true})
	b.types(dir + "/nobody")
	b.press("tab", "enter")
	b.run()
	if (*got)["path"] != dir+"/nobody" {
		t.Errorf("%q", (*got)["path"])
	}
}

func TestWhatWasTypedAheadOfAQuestion(t *testing.T) {
	b := newBench(t, both())
	b.wait = 0
	room := menu.Field{Key: "room", Ask: "Room", Closed: true, Prepare: options("a", "b")}
	got := b.asks(true, menu.Field{Key: "name", Ask: "Name"}, room)
	b.types("x") // at once: nobody has seen the question
	b.says("Keys that were typed before this was shown are ignored.")
	b.at = b.at.Add(seen / 2)
	b.types("y")
	b.at = b.at.Add(seen / 2) // it has to be quiet for a while
	b.types("z")
	if text := b.m.form.input.Value(); text != "" {
		t.Errorf("%q was taken", text)
	}
	b.at = b.at.Add(seen)
	b.types("name") // and then all of it, however quickly
	b.saysNot("are ignored")
	b.press("enter", "1", "enter") // while the choices are asked for
	b.run()
	b.says("› Room:", "are ignored")
	b.press("1", "enter") // at once
	b.says("› Room:", "are ignored")
	b.at = b.at.Add(seen)
	b.press("1", "enter")
	b.types("yes") // while the plan is made
	b.run()
	b.says(menu.AskYes+": ▏", "are ignored")
	b.types("yes")
	b.press("enter")
	b.says(menu.AskYes+": ▏", "are ignored")
	if *got != nil {
		t.Fatal("it was done")
	}
	b.at = b.at.Add(time.Second)
	b.types("yes")
	b.press("enter")
	b.run()
	if (*got)["name"] != "name" || (*got)["room"] != "a" {
		t.Errorf("%v", *got)
	}
}

func TestEscIsTakenAtOnce(t *testing.T) {
	b := newBench(t, both())
	b.wait = 0
	b.asks(true, menu.Field{Key: "name", Ask: "Name"})
	b.press("esc")
	if b.m.screen != onMenu {
		t.Error("who wants to leave may, at any time")
	}
}

func TestQuestionsThatChangeNothingTakeKeysAtOnce(t *testing.T) {
	b := newBench(t, both())
	b.wait = 0
	got := b.asks(false, menu.Field{Key: "name", Ask: "Name"})
	b.types("quick")
	b.press("enter")
	b.run()
	if (*got)["name"] != "quick" {
		t.Errorf("%q", (*got)["name"])
	}
}

func TestLongNotesAreWrappedWhereThereIsRoom(t *testing.T) {
	b := newBench(t, both())
	note := strings.Repeat("a long explanation ", 8)
	few := func(n int) func(context.Context, menu.Answers) (menu.Choices, error) {
		return func(context.Context, menu.Answers) (menu.Choices, error) {
			var c menu.Choices
			for i := range n {
				c.Options = append(c.Options, menu.Option{Value: strings.Repeat("v", i+1), Note: note})
			}
			return c, nil
		}
	}
	b.asks(true, menu.Field{Key: "x", Ask: "X", Closed: true, Prepare: few(3)})
	if got := strings.Count(strings.Join(strings.Fields(b.screen()), " "), strings.TrimSpace(note)); got != 3 {
		t.Errorf("%d notes are there in full:\n%s", got, b.screen())
	}
	b.asks(true, menu.Field{Key: "x", Ask: "X", Closed: true, Prepare: few(14)})
	b.says("13  vvvvvvvvvvvvv", "…")
	b.asks(true, menu.Field{Key: "x", Ask: "X", Closed: true, Prepare: few(30)})
	b.says("and 17 more: type to narrow")
	b.press("pgdown", "pgdown")
	b.says("before", "more: type to narrow")
}
