package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/ui"
)

func (a *app) groupSeats() *cobra.Command {
	return &cobra.Command{
		Use: "seats NAME", Short: "Where the devices of a group stand in their room", Args: cobra.ExactArgs(1),
		Long: "Where the devices of a group stand in their room, row by row, the front above. Seats are arranged on\n" +
			"the page Machines of the web interface.",
		Example: "  groupcast group seats lab-a\n  groupcast group seats lab-a --json",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			m, err := client.Seats(c.Context(), args[0])
			switch {
			case err != nil:
				return err
			case a.JSON:
				return a.PrintJSON(m)
			}
			if m.Version == 0 {
				fmt.Fprintf(a.Out, "nobody has arranged the seats of %s yet; the page Machines of the web interface does\n",
					ui.Name(args[0]))
				return nil
			}
			fmt.Fprintf(a.Out, "%s: %d of %d seats taken, arranged by %s %s\n", ui.Name(args[0]), len(m.Seats),
				m.Rows*m.Columns, ui.Name(m.ChangedBy), ui.Ago(m.ChangedAt))
			a.Table(ui.Seats(m))
			return nil
		}),
	}
}
