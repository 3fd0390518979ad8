package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
)

// mostRows is how many rows of a long list are shown unless more are asked for.
const mostRows = 1000

// windowFlags lets people read a long list piece by piece.
func windowFlags(c *cobra.Command, w *groupcast.Window, what string) {
	c.Flags().IntVar(&w.Limit, "limit", w.Limit, "how many "+what+" (0: all of them)")
	c.Flags().IntVar(&w.From, "from", 0, "leave out so many "+what+" from the start")
}

// sayMore says how many rows a list has that were not shown. It goes to the error stream: a list as JSON stays one.
func (a *app) sayMore(w groupcast.Window, shown, total int) error {
	if end := w.From + shown; end < total {
		_, err := fmt.Fprintf(a.Err, "%d of %d are shown; --from %d shows what follows\n", shown, total, end)
		return err
	}
	return nil
}

func yes(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}
