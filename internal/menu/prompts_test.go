package menu

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/agent"
)

func line(text, kind string, bytes uint64) agent.Line {
	return agent.Line{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local), Kind: kind, Text: text, Bytes: bytes, Of: 3}
}

func TestPlainEndsWithItsInput(t *testing.T) {
	for in, want := range map[string]string{
		"":              "Choice: ",
		"18\n":          "18  Exit",
		"0\n":           `“0” is not one of 1 to 18.`,
		"17\n6\n":       "groupcast: Receiver, alice at 10.0.0.1:7440",
		"1\nlab\n":      "Description: ",
		"5\n":           "Next: start it with `groupcast serve`",
		"\x1b[31m\n":    `\u{1b}[31m`,
		"1\n\n18\n":     "an answer is needed",
		"6\n18\n":       "no server runs on this machine",
		"99999999999\n": "is not one of",
	} {
		var out strings.Builder
		if err := Plain(context.Background(), both(), strings.NewReader(in), &out, nil); err != nil {
			t.Errorf("%q: %v", in, err)
		}
		if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "\x1b") {
			t.Errorf("%q: no %q in\n%s", in, want, out.String())
		}
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
		got, err := c.field.settle(numbered(c.text, options), options)
		if got != c.want && c.field.Closed || (err == nil) != c.ok {
			t.Errorf("%+v of %q: %q, %v", c.field, c.text, got, err)
		}
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
		for _, o := range paths(text) {
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
		if got := values(dir + text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	b := newBench(t, both())
	b.open(Row{Title: "Add file", Fields: []Field{{Key: "path", Ask: "File", Path: true, Check: isThere}}})
	b.types(dir + "/on")
	b.press("tab")
	if got := b.m.form.input.Value(); got != dir+"/one.txt" {
		t.Errorf("completed to %q", got)
	}
}
