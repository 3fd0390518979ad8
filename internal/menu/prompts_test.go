package menu

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groupcast/groupcast/internal/apiclient"
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
		got, err := c.field.Settle(c.text, options)
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
		if got := values(dir + text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
