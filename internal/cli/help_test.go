package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

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
