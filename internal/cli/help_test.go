package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
)

// everyCommand visits the commands that do something, but for cobra's own.
func everyCommand(c *cobra.Command, visit func(*cobra.Command)) {
	if c.Name() == "completion" || c.Name() == "help" {
		return
	}
	if !c.HasSubCommands() || c.Name() == "logins" {
		visit(c)
	}
	for _, sub := range c.Commands() {
		everyCommand(sub, visit)
	}
}

func TestHelpHasExamples(t *testing.T) {
	a := &app{Streams: terminal.Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}}
	seen := 0
	everyCommand(a.root(), func(c *cobra.Command) {
		seen++
		t.Run(c.CommandPath(), func(t *testing.T) {
			if !strings.Contains(c.Example, c.CommandPath()) {
				t.Errorf("no example of it: %q", c.Example)
			}
			if len(c.Short) > 90 || strings.HasSuffix(c.Short, ".") || c.Short == "" {
				t.Errorf("the line about it: %q", c.Short)
			}
			for _, line := range strings.Split(c.Long+"\n"+c.Example, "\n") {
				if len([]rune(line)) > 110 {
					t.Errorf("a line of help with %d characters: %q", len([]rune(line)), line)
				}
			}
			for _, riddle := range []string{" he ", " him ", " his ", "design §", "security.md"} {
				if strings.Contains(" "+c.Short+" "+c.Long+" ", riddle) {
					t.Errorf("%q is in its help", riddle)
				}
			}
		})
	})
	if seen < 50 {
		t.Errorf("only %d commands were looked at", seen)
	}
}

// Help fits 80 characters where no terminal says how wide it is: but for words that cannot be broken.
func TestFlagsInHelpFitTheTerminal(t *testing.T) {
	everyCommand(Commands(), func(c *cobra.Command) {
		t.Run(c.CommandPath(), func(t *testing.T) {
			var out, errs bytes.Buffer
			Main(append(strings.Fields(c.CommandPath())[1:], "--help"), strings.NewReader(""), &out, &errs)
			_, flags, found := strings.Cut(out.String(), "\nFlags:\n")
			if !found {
				t.Fatalf("no flags in %q", out.String())
			}
			for _, line := range strings.Split(flags, "\n") {
				if n := len([]rune(line)); n > 80 {
					t.Errorf("%d characters: %q", n, line)
				}
			}
		})
	})
}

// A mistyped flag is a usage error of every command, and the flag that was meant is named: in words, and as JSON.
func TestEveryCommandWithATypo(t *testing.T) {
	t.Setenv("GROUPCAST_HOME", filepath.Join(t.TempDir(), "home"))
	everyCommand(Commands(), func(c *cobra.Command) {
		t.Run(c.CommandPath(), func(t *testing.T) {
			path := strings.Fields(c.CommandPath())[1:]
			var out, errs bytes.Buffer
			code := Main(append(slices.Clone(path), "--hom=x"), strings.NewReader(""), &out, &errs)
			if code != shell.Misuse || out.Len() > 0 || !strings.Contains(errs.String(), "did you mean: --home") {
				t.Errorf("%d, %q, %q", code, out.String(), errs.String())
			}
			errs.Reset()
			code = Main(append(slices.Clone(path), "--hom=x", "--json"), strings.NewReader(""), &out, &errs)
			var f shell.Failure
			err := json.Unmarshal(errs.Bytes(), &f)
			if err != nil || code != shell.Misuse || f.Code != "usage" || f.Exit != code {
				t.Errorf("%d, %q, %v", code, errs.String(), err)
			}
		})
	})
}

// The script walk gives every command with --json.
func TestTheWalkHasEveryCommand(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("testdata", "script", "walk.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	// The demo has a script of its own, what stays up is started there, and doctor's exit code is the machine's.
	elsewhere := []string{"groupcast demo", "groupcast serve", "groupcast receive", "groupcast doctor"}
	everyCommand(Commands(), func(c *cobra.Command) {
		given := regexp.MustCompile(`(?m)^json \d ` + c.CommandPath() + `( |$)`)
		if !given.Match(script) && !slices.Contains(elsewhere, c.CommandPath()) {
			t.Errorf("%s is not in it", c.CommandPath())
		}
	})
}
