package shell

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
)

// yesFlag is for those who cannot be asked.
const yesFlag = "yes"

// asksFirst gives a command the flag that answers what sure asks.
func asksFirst(c *cobra.Command) *cobra.Command {
	c.Flags().BoolP(yesFlag, "y", false, "do it without asking; needed where there is no terminal to ask at")
	return c
}

// sure asks before something is lost, and says what. Without a terminal only --yes is an answer.
func (a *app) sure(c *cobra.Command, loss string, args ...any) error {
	if yes, err := c.Flags().GetBool(yesFlag); yes || err != nil {
		return err
	}
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = ui.Name(text)
		}
	}
	loss = fmt.Sprintf(loss, args...)
	if a.JSON || !a.Attended() {
		return usageError{fmt.Errorf("%s. There is no terminal to ask at: give --yes if that is meant", loss)}
	}
	answer, err := a.Ask(loss + ". Go on? [y/N]")
	if err != nil {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errDeclined
	}
	return nil
}

var errDeclined error = groupcast.Errorf(groupcast.EConflict, "nothing was changed")

// each does something to several things: all of them, whatever becomes of one.
func each(names []string, do func(name string) error) error {
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
