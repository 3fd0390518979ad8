// Package relaycli is the command `groupcast relay`.
package relaycli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/device"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/relay"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

// App is what the command line has at hand for its commands.
type App struct {
	*terminal.Streams
	Machine func() device.Machine
	Verbose *bool
}

// asAdmin runs a command with a client of an administrator.
func (a App) asAdmin(
	run func(c *cobra.Command, client *apiclient.Client, args []string) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		client, err := a.Machine().Admin()
		if err != nil {
			return err
		}
		defer client.Close()
		return run(c, client, args)
	}
}

// Command makes the command.
func (a App) Command() *cobra.Command {
	c := &cobra.Command{
		Use: "relay", Short: "Relays (they fetch in advance what another site is owed): add, run, list, grant, revoke",
		Long: `A relay is a program on a machine in another site. It fetches what the devices there are owed, once,
and keeps it encrypted. It has what groups are sent that were granted to its site, and nothing else.
So far it does no more than that: it does not send in its site yet, and devices there fetch from the server.`,
	}
	c.AddCommand(a.relayAdd(), a.relayRun(), a.relayList(), a.relayGrant(), a.relayUngrant(), a.relayRevoke())
	return c
}

func (a App) relayAdd() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "add SITE", Short: "Announce a relay of a site, and get the code for it", Args: cobra.ExactArgs(1),
		Long: `Prints a code, and the line to run on the machine that becomes the relay. The code works once, for
24 hours; it is not shown again. Whoever has it first is the relay.`,
		Example: "  groupcast relay add bremen\n  groupcast relay add bremen --name bremen-2",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			in, err := client.AddRelay(c.Context(), groupcast.NewRelay{Site: args[0], Name: name})
			if err != nil {
				return err
			}
			return a.One(in, "relay %s of the site %s: until %s, on the machine that becomes it, run\n\n  %s %s\n",
				in.Relay.Name, in.Relay.Site, units.Minute(in.Expires), "groupcast relay run", in.Code)
		}),
	}
	c.Flags().StringVar(&name, "name", "", "what to call it (default: as the site, with a number if that was used)")
	return c
}

func (a App) relayList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List relays: what they hold, fetched, and lack", Args: cobra.NoArgs,
		Long: "FETCHED is what came from the server since the relay started. What a relay said last is forgotten when\n" +
			"the server ends.",
		Example: "  groupcast relay list\n  groupcast relay list --json",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			all, err := client.Relays(c.Context())
			if err != nil {
				return err
			}
			return terminal.List(a.Streams, all, "no relays: `groupcast relay add SITE` announces one", ui.RelayHead,
				ui.RelayRow)
		}),
	}
}

func (a App) relayRevoke() *cobra.Command {
	return shell.AsksFirst(&cobra.Command{
		Use: "revoke RELAY", Short: "End a relay for good (a lost or stolen machine)", Args: cobra.ExactArgs(1),
		Long: `The server refuses it from then on. What lies on its disk cannot be read once the relay has ended; the
keys are in its memory until then.`,
		Example: "  groupcast relay revoke bremen\n  groupcast relay revoke bremen --yes",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if err := shell.Sure(a.Streams, c, "This ends the relay %s for good", args[0]); err != nil {
				return err
			}
			if err := client.RevokeRelay(c.Context(), args[0]); err != nil {
				return err
			}
			return a.One(map[string]string{"revoked": args[0]}, "relay %s revoked", args[0])
		}),
	})
}

func (a App) relayGrant() *cobra.Command {
	return &cobra.Command{
		Use: "grant SITE GROUP", Short: "Let the relays of a site have what a group is sent", Args: cobra.ExactArgs(2),
		Long: `A relay then fetches what devices of its site are owed of that group. Whoever steals the relay has it, too,
until the relay is revoked.`,
		Example: "  groupcast relay grant bremen tills",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if err := client.GrantSite(c.Context(), args[0], args[1]); err != nil {
				return err
			}
			return a.One(map[string]string{"site": args[0], "granted": args[1]},
				"relays of the site %s have what is sent to %s", args[0], args[1])
		}),
	}
}

func (a App) relayUngrant() *cobra.Command {
	return &cobra.Command{
		Use: "ungrant SITE GROUP", Short: "Take a group from the relays of a site", Args: cobra.ExactArgs(2),
		Example: "  groupcast relay ungrant bremen tills",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if err := client.UngrantSite(c.Context(), args[0], args[1]); err != nil {
				return err
			}
			return a.One(map[string]string{"site": args[0], "taken": args[1]},
				"relays of the site %s do not get anymore what is sent to %s", args[0], args[1])
		}),
	}
}

func (a App) relayRun() *cobra.Command {
	var dir, quota, server string
	c := &cobra.Command{
		Use: "run [CODE]", Short: "Be a relay, until stopped", Args: cobra.MaximumNArgs(1),
		Long: `With the code of relay add the first time, without it from then on. With - for the code it is read from the
input, where other users of this machine do not see it.

Fetches what its site is owed into --dir, encrypted: what lies there can be read with keys only that the
server gives to the running relay. A disk that is full, or a --quota that is too small for what is owed at
the same time, is said here and in relay list. Its identity is kept in the folder relay of the home.`,
		Example: "  groupcast relay run gcr1.AV0c…\n" +
			"  groupcast relay run --dir /srv/relay --quota 200G",
		RunE: func(c *cobra.Command, args []string) error {
			cfg := relay.Config{Cache: dir, Server: server, Warn: a.Machine().Warn, Log: a.Logger(*a.Verbose)}
			size, err := units.ParseSize(quota)
			if err != nil {
				return err
			}
			cfg.Quota = uint64(size)
			if len(args) > 0 {
				if cfg.Code, err = a.relayCode(args[0]); err != nil {
					return err
				}
			}
			return a.runRelay(c, cfg)
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "`FOLDER` for what is fetched (default: relay/cache in the home)")
	c.Flags().StringVar(&quota, "quota", "50G", "`SIZE` that it may take there")
	c.Flags().StringVar(&server, "server", "", "`ADDRESS` of the server, where it is another than the code says")
	return c
}

// relayCode gives the code as it was typed, or reads it.
func (a App) relayCode(arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	line, err := bufio.NewReader(io.LimitReader(a.In, 4096)).ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		return "", groupcast.Errorf(groupcast.EInvalid, "there is no code in the input").
			WithHint("groupcast relay run - < FILE").Wrap(err)
	}
	return line, nil
}

func (a App) runRelay(c *cobra.Command, cfg relay.Config) (err error) {
	h, err := a.Machine().OpenHome()
	if err != nil {
		return err
	}
	if cfg.Folder, err = h.Folder(home.RoleRelay); err != nil {
		return err
	}
	lock, err := h.Lock(home.RoleRelay)
	if err != nil {
		return err
	}
	defer lock.Release() //nolint:errcheck // the system gives it back
	if cfg.Cache == "" {
		cfg.Cache = filepath.Join(cfg.Folder, "cache")
	}
	if err := os.MkdirAll(cfg.Cache, 0o700); err != nil {
		return groupcast.Errorf(groupcast.EInvalid, "cannot make the folder %s", cfg.Cache).
			WithHint("choose another with --dir").Wrap(err)
	}
	cfg.Say = func(text string) { fmt.Fprintln(a.Out, ui.Name(text)) }
	_, end := a.StayUp()
	defer end()
	return relay.Run(c.Context(), cfg)
}
