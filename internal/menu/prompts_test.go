package menu

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/menu/menutest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

// nobody is a menu whose server does not run.
func nobody() *Menu {
	none := apiclient.Local("/nowhere/server.sock")
	return &Menu{Admin: none, Member: none, Dir: "/srv/lab", Whose: map[Role]string{
		Administrator: "the server on this machine", Receiver: "alice at 10.0.0.1:7440",
	}}
}

func TestPromptsEndWithItsInput(t *testing.T) {
	for in, want := range map[string]string{
		"":              "Choice: ",
		"14\n":          "14  Exit",
		"0\n":           `“0” is not one of 1 to 14, t, a, r, s.`,
		"s\n5\n":        "groupcast: Receiver, alice at 10.0.0.1:7440",
		"1\nlab\n":      "Description: ",
		"5\n":           "Next: start it with `groupcast serve`",
		"\x1b[31m\n":    `\u{1b}[31m`,
		"1\n\n14\n":     "an answer is needed",
		"6\n14\n":       "no server runs on this machine",
		"99999999999\n": "is not one of",
	} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := Prompts(context.Background(), nobody(), strings.NewReader(in), &out, nil); err != nil {
				t.Error(err)
			}
			if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "\x1b") {
				t.Errorf("no %q in\n%s", want, out.String())
			}
		})
	}
}

func TestSettle(t *testing.T) {
	options := []Option{{Value: "lab"}, {Value: "lab-b"}, {Value: "2"}}
	for _, c := range []struct {
		field      Field
		text, want string
		ok         bool
	}{
		{Field{Closed: true}, "lab", "lab", true},
		{Field{Closed: true}, "lab-", "lab-b", true},
		{Field{Closed: true}, "la", "", false},
		{Field{Closed: true}, "1", "lab", true},
		{Field{Closed: true}, "2", "2", true}, // a name comes before a number
		{Field{Closed: true}, "3", "2", true},
		{Field{Closed: true, Default: "lab"}, "", "lab", true},
		{Field{}, "anything ", "anything", true},
		{Field{Secret: true}, " kept ", " kept ", true},
		{Field{}, "", "", false},
		{Field{Optional: true}, "", "", true},
	} {
		t.Run(fmt.Sprint(c.text, " ", c.want, " ", c.ok), func(t *testing.T) {
			got, err := c.field.Settle(c.text, options)
			if got != c.want && c.field.Closed || (err == nil) != c.ok {
				t.Errorf("%+v of %q: %q, %v", c.field, c.text, got, err)
			}
		})
	}
}

func TestPathsAreCompleted(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one.txt", "other.txt", ".hidden"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("123"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "old"), 0o700); err != nil {
		t.Fatal(err)
	}
	values := func(text string) string {
		var out []string
		for _, o := range Paths(text) {
			out = append(out, strings.TrimPrefix(o.Value, dir+"/")+" "+o.Note)
		}
		return strings.Join(out, ", ")
	}
	for text, want := range map[string]string{
		"/":       "old/ folder, one.txt 3 B, other.txt 3 B",
		"/o":      "old/ folder, one.txt 3 B, other.txt 3 B",
		"/on":     "one.txt 3 B",
		"/.h":     ".hidden 3 B",
		"/nobody": "",
		"/no/on":  "",
	} {
		t.Run(text, func(t *testing.T) {
			if got := values(dir + text); got != want {
				t.Errorf("%s: %q, want %q", text, got, want)
			}
		})
	}
}

func TestAMenuIsShownToAScriptOnce(t *testing.T) {
	w := menutest.New(t)
	out := answer(t, own(w), "5", "", "5", "s", "3", "s", "5")
	if got := strings.Count(out, "  1  Create group"); got != 2 { // at first, and after the receiver's
		t.Errorf("the menu is shown %d times:\n%s", got, out)
	}
	has(t, out, "Choice: 5\n") // what nobody typed is repeated
}

func TestPersonsSeeTheMenuAgain(t *testing.T) {
	w := menutest.New(t)
	var out strings.Builder
	secret := func() (string, error) { return "her words", nil }
	in := strings.NewReader("5\n5\n3\nlab\ndora\nyes\n14\n5\n")
	if err := Prompts(t.Context(), own(w), in, &out, secret); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "  1  Create group"); got != 4 {
		t.Errorf("the menu is shown %d times:\n%s", got, out.String())
	}
	lacks(t, out.String(), "her words", "Choice: 5")
	has(t, strings.Join(w.Changes(), " "), "AddUser[{dora")
}

func TestASecretThatCannotBeRead(t *testing.T) {
	w := menutest.New(t)
	var out strings.Builder
	secret := func() (string, error) { return "", errors.New("no terminal") }
	if err := Prompts(t.Context(), own(w), strings.NewReader("3\nlab\ndora\n"), &out, secret); err != nil {
		t.Fatal(err)
	}
	has(t, out.String(), "That did not work: no terminal")
	if got := w.Changes(); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

func TestTheEndOfTheInputEndsAnEntry(t *testing.T) {
	for _, in := range []string{"1", "1\nnew", "3\nlab", "3\nlab\ndora", "4", "6\nlab", "10\n1", "a\nmake\ndora\nadmin"} {
		t.Run(in, func(t *testing.T) {
			w := menutest.New(t)
			var out strings.Builder
			if err := Prompts(t.Context(), own(w), strings.NewReader(in), &out, nil); err != nil {
				t.Errorf("%q: %v", in, err)
			}
			if got := w.Changes(); len(got) > 0 {
				t.Errorf("%q changed %q", in, got)
			}
		})
	}
}

func TestAnAnswerThatIsTooLongEndsTheMenu(t *testing.T) {
	w := menutest.New(t)
	var out strings.Builder
	err := Prompts(t.Context(), own(w), strings.NewReader("1\n"+strings.Repeat("x", maxLine+1)), &out, nil)
	if !errors.Is(err, bufio.ErrTooLong) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Prompts(ctx, own(w), strings.NewReader("1\n"), &out, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a menu that is ended: %v", err)
	}
}

func TestProgressInLines(t *testing.T) {
	var out strings.Builder
	p := &prompts{out: &out}
	tell := p.progress()
	tell(Progress{Lines: []string{"a", "b", "c", "d", "e"}})
	tell(Progress{Lines: []string{"too soon"}})
	tell(Progress{New: "something new", Lines: []string{"not this"}})
	if got := out.String(); got != "a\nb\nc\nd\nsomething new\n" {
		t.Errorf("%q", got)
	}
	out.Reset()
	p.progress()(Progress{Lines: []string{"a", "b"}, Tail: true})
	if got := out.String(); got != "b\n" {
		t.Errorf("of lines whose last matter most: %q", got)
	}
}

func TestSendPendingInLines(t *testing.T) {
	w := menutest.New(t)
	done := groupcast.Transfer{No: 13, Name: "exam.zip", Group: "exam", State: groupcast.TransferDone, Verified: 3}
	go func() {
		for !slices.Contains(w.Changes(), "SendTransfer[13]") {
			time.Sleep(time.Millisecond)
		}
		w.Put(done, nil)
		w.EventStream().C <- groupcast.Event{Kind: groupcast.EventTransfer, Transfer: 13}
	}()
	out := answer(t, own(w), "7", "exam", "yes")
	has(t, out, "Send 1 transfer to exam: exam.zip (5 MB).", "2 devices of the group are here now",
		"Transfer 13 (exam.zip): 3 verified.", "USER")
	out = answer(t, own(w), "7", "open")
	has(t, out, "Nothing is pending for open: `Add file to pending` adds files.")
	lacks(t, out, AskYes, "That did not work")
	w.Put(groupcast.Transfer{No: 12, Name: "ubuntu.iso", Group: "lab", State: groupcast.TransferDone}, nil)
	for no := range protocol.TransferNo(7) {
		w.Put(groupcast.Transfer{No: 40 + no, Name: "many", Group: "lab", State: groupcast.TransferHeld}, nil)
	}
	has(t, answer(t, own(w), "7", "lab", "no"), "Send 7 transfers to lab: many (0 B)", "and 2 more.")
}

func TestWhatIsSentAlreadyIsNotSentAgain(t *testing.T) {
	w := menutest.New(t)
	has(t, answer(t, own(w), "7", "lab", "yes"), "All that is pending for lab is being sent: `Pending status` shows it.")
	if got := w.Changes(); len(got) > 0 { // 12 is being sent
		t.Errorf("%q", got)
	}
}

func TestOutcomes(t *testing.T) {
	s := ui.Snapshot{Transfer: groupcast.Transfer{No: 3, Name: "a", Verified: 1, Owed: 2, Incomplete: 3, Failed: 4}}
	text := strings.Join(outcome(s), "|")
	has(t, text, "Transfer 3 (a): 1 verified, 2 still owed: delivered when they are back, 3 incomplete", ", 4 failed.|",
		"Nobody gets it")
}

func TestPendingStatusInLines(t *testing.T) {
	w := menutest.New(t)
	has(t, answer(t, own(w), "8"), "Transfer 12, ubuntu.iso for lab: 1 file, 4 MB, owed to 2", "   USER",
		"   bob    pc-b",
		"Transfer 13, exam.zip for exam")
	for _, no := range []protocol.TransferNo{12, 13} {
		w.Put(groupcast.Transfer{No: no, State: groupcast.TransferDone}, nil)
	}
	has(t, answer(t, own(w), "8"), "Nothing is owed to anybody.")
}

func TestWhoIsHere(t *testing.T) {
	for want, g := range map[string]groupcast.Group{
		"the group has no members yet.":                                            {},
		"no device of the group is here now, each gets it when it is back.":        {Members: 1},
		"1 device of the group is here now; the others get it when they are back.": {Members: 2, Active: 1},
		"4 devices of the group are here now; the others get it when they are back.": {
			Members: 2, Active: 4,
		},
	} {
		t.Run(want, func(t *testing.T) {
			if got := whoIsHere(g); got != want {
				t.Errorf("%q, not %q", got, want)
			}
		})
	}
}

// Every question whose choices the server gives says its error, and says if there are none.
func TestQuestionsWhoseChoicesCannotBeRead(t *testing.T) {
	w := menutest.New(t)
	w.Fail(groupcast.Errorf(groupcast.EForbidden, "no longer an administrator").WithHint("log in"))
	m := own(w)
	for role, keys := range map[Role][]string{
		Administrator: {"2", "3", "4", "6", "7", "8", "10", "11", "12", "13", "9", "5"}, Receiver: {"1", "2", "3"},
	} {
		for _, key := range keys {
			in := []string{key, "x", "x"}
			if role == Receiver {
				in = append([]string{"s"}, in...)
			}
			has(t, answer(t, m, in...), "That did not work: no longer an administrator", "Next: log in")
		}
	}
}
