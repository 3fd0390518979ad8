package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// transferKeys lists who could open what was sent.
func (a *app) transferKeys() *cobra.Command {
	c := a.onTransfer("keys ID", "Which devices were given the keys: they could read it, nobody else",
		func(ctx context.Context, client *apiclient.Client, no protocol.TransferNo) error {
			holders, err := client.KeyHolders(ctx, no)
			if err != nil {
				return err
			}
			return terminal.List(&a.Streams, holders, ui.NoKeys, ui.KeyHead, ui.KeyRow)
		})
	c.Long = `Every multicast session is encrypted with a key of its own; a transfer has a new session whenever it is
sent again or a member is removed. The devices listed were handed the key of that session, nobody
else. What goes over HTTPS goes to each device by itself and is not listed.`
	c.Example = "  groupcast transfer keys 12\n  groupcast transfer keys 12 --json"
	return c
}

// groupKeys lists the last sessions of a group that keys were given out for.
func (a *app) groupKeys() *cobra.Command {
	return &cobra.Command{
		Use:     "keys GROUP",
		Short:   "The group's last sessions, and how many devices were handed the key of each",
		Args:    cobra.ExactArgs(1),
		Example: "  groupcast group keys lab-a\n  groupcast transfer keys 12      # which devices",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			sessions, err := client.KeySessions(c.Context(), args[0])
			if err != nil {
				return err
			}
			return terminal.List(&a.Streams, sessions, ui.NoKeys, "TRANSFER|NAME|DEVICES|MEMBERSHIP|FIRST|SESSION",
				func(s groupcast.KeySession) []string {
					return []string{
						number(s.Transfer), s.Name, fmt.Sprint(s.Devices), fmt.Sprint(s.Version), ui.Ago(s.FirstAt), s.Session.String(),
					}
				})
		}),
	}
}

func (a *app) savings() *cobra.Command {
	return &cobra.Command{
		Use: "savings", Short: "What multicast saved against one copy for each device", Args: cobra.NoArgs,
		Example: "  groupcast savings\n  groupcast savings --json",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			s, err := client.Savings(c.Context())
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(s)
			}
			for _, line := range ui.Savings(s) {
				fmt.Fprintln(a.Out, line)
			}
			return nil
		}),
	}
}

// logins are the user's own: each browser, each machine.
func (a *app) logins() *cobra.Command {
	c := &cobra.Command{
		Use: "logins", Short: "Where you are logged in; end one of them", Args: cobra.NoArgs,
		Example: "  groupcast logins\n  groupcast logins end 3f0a9c51d2e4b87760a1b2c3",
		RunE: a.asUser(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			all, err := client.SignIns(c.Context())
			if err != nil {
				return err
			}
			return terminal.List(&a.Streams, all, "logged in nowhere", ui.LoginHead, ui.LoginRow)
		}),
	}
	c.AddCommand(shell.AsksFirst(&cobra.Command{
		Use: "end ID", Short: "End a login; that of a receiver ends its device", Args: cobra.ExactArgs(1),
		Example: "  groupcast logins end 3f0a9c51d2e4b87760a1b2c3",
		RunE: a.asUser(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if err := a.sure(c, "This ends login %s; if it is a receiver's, its device gets nothing more", args[0]); err != nil {
				return err
			}
			if err := client.EndSignIn(c.Context(), args[0]); err != nil {
				return err
			}
			return a.One(map[string]string{"ended": args[0]}, "login %s ended", args[0])
		}),
	}))
	return c
}

func (a *app) audit() *cobra.Command {
	var q groupcast.AuditQuery
	var asCSV bool
	c := &cobra.Command{
		Use: "audit", Short: "Who did what, the newest first", Args: cobra.NoArgs,
		Example: "  groupcast audit --limit 1000\n" +
			"  groupcast audit --actor alice --action member\n" +
			"  groupcast audit --limit 10000 --csv > audit.csv",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			if asCSV && a.JSON {
				return shell.Misused(errors.New("give either --csv or --json"))
			}
			entries, err := client.AuditLog(c.Context(), q)
			if err != nil {
				return err
			}
			if asCSV {
				return ui.AuditCSV(a.Out, entries)
			}
			return terminal.List(&a.Streams, entries, "nothing yet", ui.AuditHead, ui.AuditRow)
		}),
	}
	c.Flags().IntVar(&q.Limit, "limit", 0, "how many (0: 100)")
	c.Flags().Int64Var(&q.Before, "before", 0, "only entries older than this ID")
	c.Flags().StringVar(&q.Actor, "actor", "", "only what this user did")
	c.Flags().StringVar(&q.Action, "action", "", "only this, member.remove, or all of a kind: member")
	c.Flags().StringVar(&q.Object, "object", "", "only what was done to this")
	c.Flags().BoolVar(&asCSV, "csv", false, "print CSV, for a spreadsheet")
	return c
}
