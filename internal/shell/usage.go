package shell

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// UsageError is what is wrong with flags and arguments.
type UsageError struct{ error }

// Misused makes an error one of flags and arguments.
func Misused(err error) error { return UsageError{err} }

// WrapArgs makes complaints about arguments usage errors, and says the usage with them.
func WrapArgs(c *cobra.Command) {
	if c.HasSubCommands() && !c.Runnable() {
		c.Args, c.RunE = cobra.ArbitraryArgs, nounAlone
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return UsageError{fmt.Errorf("%w\n  usage: %s\n  help:  %s --help", argsWrong(err), c.UseLine(), c.CommandPath())}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		WrapArgs(sub)
	}
}

// nounAlone is a noun without its verb: help; or with a verb it does not have: a mistake.
func nounAlone(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	c.SuggestionsMinimumDistance = nearEnough
	return UsageError{fmt.Errorf("unknown command %q for %q%s\n  help:  %s --help", args[0], c.CommandPath(),
		meant(c.SuggestionsFor(args[0])), c.CommandPath())}
}

// nearEnough is how many letters what was typed may be away from what is suggested.
const nearEnough = 2

// meant asks whether one of these was meant.
func meant(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "\n  did you mean: " + strings.Join(names, ", ")
}

// BadFlag says which flag was meant, if one is like it.
func BadFlag(c *cobra.Command, err error) error {
	var like []string
	nearest := nearEnough
	if typed, unknown := strings.CutPrefix(err.Error(), "unknown flag: --"); unknown {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			far := distance(typed, f.Name)
			switch {
			case f.Hidden || far > nearest:
			case far < nearest:
				nearest, like = far, []string{"--" + f.Name}
			default:
				like = append(like, "--"+f.Name)
			}
		})
	}
	return UsageError{fmt.Errorf("%w%s\n  help:  %s --help", err, meant(like), c.CommandPath())}
}

// distance counts the letters to change, add or leave out from one word to the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
