package shell

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// yesFlag is for those who cannot be asked.
const yesFlag = "yes"

// AsksFirst gives a command the flag that answers what Sure asks.
func AsksFirst(c *cobra.Command) *cobra.Command {
	c.Flags().BoolP(yesFlag, "y", false, "do it without asking; needed where there is no terminal to ask at")
	return c
}

// Sure asks before something is lost, and says what. Without a terminal only --yes is an answer.
func Sure(s *terminal.Streams, c *cobra.Command, loss string, args ...any) error {
	if yes, err := c.Flags().GetBool(yesFlag); yes || err != nil {
		return err
	}
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = ui.Name(text)
		}
	}
	loss = fmt.Sprintf(loss, args...)
	if s.JSON || !s.Attended() {
		return UsageError{fmt.Errorf("%s. There is no terminal to ask at: give --yes if that is meant", loss)}
	}
	answer, err := s.Ask(loss + ". Go on? [y/N]")
	if err != nil {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return ErrDeclined
	}
	return nil
}

// ErrDeclined says that the answer to a question was no.
var ErrDeclined error = groupcast.Errorf(groupcast.EConflict, "nothing was changed")

// Each does something to several things: all of them, whatever becomes of one.
func Each(names []string, do func(name string) error) error {
	var failed []error
	for _, name := range names {
		if err := do(name); err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) == 1 {
		return failed[0]
	}
	return errors.Join(failed...)
}
