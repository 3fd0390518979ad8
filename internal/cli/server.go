package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/ui"
)

func (a *app) serverCommand() *cobra.Command {
	c := &cobra.Command{Use: "server", Short: "The server itself: show, name"}
	c.AddCommand(a.serverShow(), a.serverName())
	return c
}

func (a *app) serverShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "What the server is called, where it is reached, its fingerprint", Args: cobra.NoArgs,
		Example: "  groupcast server show\n  groupcast server show --json",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			s, err := client.ServerStatus(c.Context())
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(s)
			}
			if s.About != nil {
				fmt.Fprintf(a.Out, "Name:        %s\nMachine:     %s\n", ui.Name(s.About.Name), ui.Name(s.About.Machine))
				fmt.Fprintf(a.Out, "Address:     %s\n", ui.Name(strings.Join(s.About.Addresses, ", ")))
			}
			fmt.Fprintf(a.Out, "Fingerprint: %s\n             compare its beginning: %s\n", s.ServerID, pki.Compared(s.ServerID))
			fmt.Fprintf(a.Out, "Version:     %s\nDevices:     %d, %d active\n", ui.Name(s.Version), s.Devices, s.Active)
			if s.Note != "" {
				fmt.Fprintln(a.Out, "Note:       ", ui.Name(s.Note))
			}
			return nil
		}),
	}
}

func (a *app) serverName() *cobra.Command {
	return &cobra.Command{
		Use: "name [NAME]", Short: "Show or change what the server is called", Args: cobra.MaximumNArgs(1),
		Long: `The name is shown on every page of the web interface, by login and by groups, so that people know
which server they talk to. An empty one is the host name of the server's machine again.`,
		Example: "  groupcast server name\n  groupcast server name 'Physics lab'\n  groupcast server name ''",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			is, err := client.Welcome(c.Context())
			if err != nil {
				return err
			}
			switch {
			case len(args) == 0 && a.JSON:
				return a.PrintJSON(map[string]string{"name": is.Name})
			case len(args) == 0:
				fmt.Fprintln(a.Out, ui.Name(is.Name))
				return nil
			}
			s, err := client.ChangeServer(c.Context(), groupcast.ServerChange{Name: &args[0]})
			if err != nil || s.About == nil {
				return err
			}
			return a.One(map[string]string{"name": s.About.Name}, "the server is called %s", s.About.Name)
		}),
	}
}
