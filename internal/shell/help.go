package shell

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usualWidth is how wide help is where no terminal says how wide it is.
const usualWidth = 80

// WrapFlags lets the help of a command and of all below it break the lines of flags at so many characters; 0: it is
// no terminal.
func WrapFlags(c *cobra.Command, width int) {
	if width <= 0 {
		width = usualWidth
	}
	cobra.AddTemplateFunc("wrapped", func(flags *pflag.FlagSet) string { return flags.FlagUsagesWrapped(width) })
	c.SetUsageTemplate(strings.NewReplacer(
		".LocalFlags.FlagUsages", "wrapped .LocalFlags", ".InheritedFlags.FlagUsages", "wrapped .InheritedFlags",
	).Replace(c.UsageTemplate()))
}
