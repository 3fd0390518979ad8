package terminal

import (
	"bytes"
	"errors"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

// A sentence that only says that something was done is left out with --quiet; JSON and tables stay.
func TestOne(t *testing.T) {
	for _, c := range []struct {
		name        string
		json, quiet bool
		want        string
	}{
		{"a sentence", false, false, "user a\\u{1b} added (7)\n"},
		{"quiet", false, true, ""},
		{"JSON", true, false, "{\n  \"n\": 7\n}\n"},
		{"JSON, quiet", true, true, "{\n  \"n\": 7\n}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			s := &Streams{Out: &out, JSON: c.json, Quiet: c.quiet}
			if err := s.One(map[string]int{"n": 7}, "user %s added (%d)", "a\x1b", 7); err != nil || out.String() != c.want {
				t.Errorf("%q, %v", out.String(), err)
			}
		})
	}
	var out bytes.Buffer
	s := &Streams{Out: &out, Quiet: true}
	s.Table("A|B", [][]string{{"1", "2"}})
	if out.String() != "A  B\n1  2\n" {
		t.Errorf("a table: %q", out.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// What could not be printed ends the command with an error, but not a daemon.
func TestOutputThatCannotBeWritten(t *testing.T) {
	o := NewOutput(full{})
	if o.Failed() != nil {
		t.Error("nothing was printed yet")
	}
	s := &Streams{Out: o}
	_ = s.PrintJSON(1)
	if err := o.Failed(); groupcast.ErrorCode(err) != groupcast.EUnavailable {
		t.Errorf("%v", err)
	}
	_, end := s.StayUp()
	defer end()
	if n, err := o.Write([]byte("abc")); n != 3 || err != nil || o.Failed() != nil {
		t.Errorf("a daemon ends: %d, %v, %v", n, err, o.Failed())
	}
}

// A command that is to be given again is read by a shell as it was given.
func TestAgain(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("quotes are those of a POSIX shell")
	}
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"plain", []string{"send", "lab", "a.iso"}, []string{"send", "lab", "a.iso", "--resume", "x"}},
		{"an older value", []string{"send", "--resume", "old", "lab"}, []string{"send", "lab", "--resume", "x"}},
		{"an older value, joined", []string{"send", "--resume=old", "lab"}, []string{"send", "lab", "--resume", "x"}},
		{
			"what a shell reads",
			[]string{"a b", "it's", "$(rm x)", ""},
			[]string{"a b", "it's", "$(rm x)", "", "--resume", "x"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			line, ok := strings.CutPrefix(Again(c.args, "--resume", "x"), "groupcast ")
			out, err := exec.Command("sh", "-c", `for a in `+line+`; do printf '%s\n' "$a"; done`).Output()
			if !ok || err != nil || string(out) != strings.Join(c.want, "\n")+"\n" {
				t.Errorf("%q is read as %q, %v", line, out, err)
			}
		})
	}
}

func TestNobodyIsThereToAsk(t *testing.T) {
	var out bytes.Buffer
	s := &Streams{In: strings.NewReader("x\n"), Out: NewOutput(&out), Err: &out}
	if s.Attended() || IsTerminal(s.Out) || Width(s.Out) != 0 {
		t.Error("a buffer is no terminal")
	}
	if _, err := s.Password(false, "Password"); groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("%v", err)
	}
	if text, err := s.Ask("Name"); text != "x" || err != nil || !strings.Contains(out.String(), "Name: ") {
		t.Errorf("%q, %v, %q", text, err, out.String())
	}
}
