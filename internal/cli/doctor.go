package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/doctor"
	"github.com/groupcast/groupcast/internal/ui"
)

func (a *app) doctor() *cobra.Command {
	var iface string
	c := &cobra.Command{
		Use:     "doctor",
		Example: "  groupcast doctor\n  groupcast doctor --interface eth1",
		Short:   "Check what this machine needs to receive: network card, multicast, buffers, server, clock",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			h, login, err := a.machine().LoggedIn()
			found := doctor.Machine{
				Interface: iface, Home: h, Login: login, LoginErr: err,
				Client: func() (*apiclient.Client, error) { return a.machine().Client(login, string(login.AgentToken)) },
			}.Examine(c.Context())
			if a.JSON {
				return a.PrintJSON(found)
			}
			bad := 0
			for _, f := range found {
				fmt.Fprintf(a.Out, "%s  %-18s %s\n", yes(f.OK, "ok  ", "LOOK"), f.What, ui.Clean(f.Said))
				if !f.OK {
					bad++
					fmt.Fprintf(a.Out, "      next: %s\n", ui.Clean(f.Next))
				}
			}
			if bad > 0 {
				return groupcast.Errorf(groupcast.EUnavailable, "%s to look at", ui.Plural(bad, "thing"))
			}
			return nil
		},
	}
	c.Flags().StringVar(&iface, "interface", "", "network card to look at (default: the one that routes to the server)")
	return c
}
