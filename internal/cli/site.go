package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

func (a *app) site() *cobra.Command {
	c := &cobra.Command{
		Use: "site", Short: "Sites (parts of the network without multicast from here): create, set, list, show, remove",
	}
	c.AddCommand(a.siteCreate(), a.siteSet(), a.siteList(), a.siteShow(), a.siteRemove())
	return c
}

func (a *app) siteCreate() *cobra.Command {
	return &cobra.Command{
		Use: "create NAME...", Short: "Make sites", Args: cobra.MinimumNArgs(1),
		Long: `A site is a part of the network that the server's multicast does not reach: a branch behind a VPN, say.
Devices that are put into it fetch everything over HTTPS at once, and no multicast is sent for them.`,
		Example: "  groupcast site create depot\n  groupcast site set alice/pc-03 pc-04 depot",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			return shell.Each(args, func(name string) error {
				s, err := client.CreateSite(c.Context(), groupcast.NewSite{Name: name})
				if err != nil {
					return err
				}
				return a.One(s, "site %s created: groupcast site set DEVICE... %s", s.Name, s.Name)
			})
		}),
	}
}

func (a *app) siteSet() *cobra.Command {
	return &cobra.Command{
		Use: "set DEVICE... SITE", Short: "Put devices into a site", Args: cobra.MinimumNArgs(2),
		Long: `A device is named as USER/DEVICE, by its own name if no other has it, or by its ID. The server's own site is
called ` + groupcast.OwnSite + `: devices are there until they are put elsewhere. What a device has of a running
transfer stays.`,
		Example: "  groupcast site set pc-03 pc-04 depot\n  groupcast site set alice/pc-03 " + groupcast.OwnSite,
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			change := groupcast.SiteChange{Site: args[len(args)-1]}
			found, _, err := namedDevices(c, client, args[:len(args)-1])
			if err != nil {
				return err
			}
			return a.atOnce(found, func(ids []protocol.DeviceID) ([]groupcast.DeviceResult, error) {
				change.Devices = ids
				return client.SetSite(c.Context(), change)
			}, func(r groupcast.DeviceResult) string { return "is in " + r.Site })
		}),
	}
}

func (a *app) siteList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the sites", Args: cobra.NoArgs,
		Example: "  groupcast site list\n  groupcast site list --json",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			sites, err := client.Sites(c.Context())
			if err != nil {
				return err
			}
			return terminal.List(&a.Streams, sites, "", "SITE|DEVICES|ACTIVE|HOW", func(s groupcast.Site) []string {
				return []string{s.Name, fmt.Sprint(s.Devices), fmt.Sprint(s.Active), siteWay(s)}
			})
		}),
	}
}

// siteWay says how data comes into a site.
func siteWay(s groupcast.Site) string {
	return yes(s.Multicast, "multicast from the server", "no multicast: each device fetches over HTTPS")
}

func (a *app) siteShow() *cobra.Command {
	return &cobra.Command{
		Use: "show SITE", Short: "A site and its devices", Args: cobra.ExactArgs(1),
		Example: "  groupcast site show depot\n  groupcast site show depot --json",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			s, err := client.Site(c.Context(), args[0])
			if err != nil {
				return err
			}
			all, err := client.Devices(c.Context(), "")
			if err != nil {
				return err
			}
			in := []groupcast.Device{}
			for _, d := range all {
				if d.Site == s.Name || d.Site == "" && s.Own {
					in = append(in, d)
				}
			}
			if a.JSON {
				return a.PrintJSON(struct {
					groupcast.Site
					DeviceList []groupcast.Device `json:"device_list"`
				}{s, in})
			}
			fmt.Fprintf(a.Out, "%s  %s, %d active\n%s\n", ui.Name(s.Name), ui.Plural(s.Devices, "device"), s.Active, siteWay(s))
			return terminal.List(&a.Streams, in, "no devices: groupcast site set DEVICE... "+s.Name, "DEVICE|STATE|LAST SEEN",
				func(d groupcast.Device) []string {
					return []string{d.User + "/" + d.Name, yes(d.Active, "active", "away"), ui.Ago(d.LastSeen)}
				})
		}),
	}
}

func (a *app) siteRemove() *cobra.Command {
	return shell.AsksFirst(&cobra.Command{
		Use: "remove SITE...", Short: "Remove sites without devices", Args: cobra.MinimumNArgs(1),
		Long: `Refused while devices are in it: put them elsewhere first. What was counted there counts in the server's own
site from then on.`,
		Example: "  groupcast site remove depot\n  groupcast site remove depot --yes",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if err := a.sure(c, "This removes the site %s", strings.Join(args, ", ")); err != nil {
				return err
			}
			return shell.Each(args, func(name string) error {
				if err := client.DeleteSite(c.Context(), name); err != nil {
					return err
				}
				return a.One(map[string]string{"removed": name}, "site %s removed", name)
			})
		}),
	})
}
