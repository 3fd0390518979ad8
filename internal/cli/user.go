package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// asAdmin wraps a command that an administrator gives.
func (a *app) asAdmin(
	run func(c *cobra.Command, client *apiclient.Client, args []string) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		client, err := a.machine().Admin()
		if err != nil {
			return err
		}
		defer client.Close()
		return run(c, client, args)
	}
}

func (a *app) user() *cobra.Command {
	c := &cobra.Command{
		Use:   "user",
		Short: "Accounts: add, list, passwd, disable, enable, delete, groups, devices, revoke",
	}
	c.AddCommand(a.userAdd(), a.userList(), a.userPasswd(), a.userSwitch("disable", true), a.userSwitch("enable", false),
		a.userRole(), a.userDelete(), a.userGroups(), a.userDevices(), a.userRevoke())
	return c
}

func (a *app) userAdd() *cobra.Command {
	var role string
	var stdin bool
	c := &cobra.Command{
		Use: "add NAME...", Short: "Make accounts", Args: cobra.MinimumNArgs(1),
		Long: `Asks for a password for each of them. With --password-stdin each has a line of standard input, in the
order of the names.`,
		Example: "  groupcast user add alice bob\n" +
			"  pwgen 16 1 | groupcast user add alice --password-stdin\n" +
			"  groupcast user add root2 --role admin",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			typed := map[string]groupcast.Password{}
			if stdin {
				var err error
				if typed, err = a.passwordsFor(args); err != nil {
					return err
				}
			}
			return shell.Each(args, func(name string) (err error) {
				pw, given := typed[name]
				if !given {
					if pw, err = a.NewPassword(false, name); err != nil {
						return err
					}
				}
				u, err := client.AddUser(c.Context(), groupcast.NewUser{Name: name, Role: groupcast.Role(role), Password: pw})
				if err != nil {
					return err
				}
				return a.One(u, "user %s added (%s)", u.Name, string(u.Role))
			})
		}),
	}
	c.Flags().StringVar(&role, "role", "member", "`ROLE`: member or admin")
	c.Flags().BoolVar(&stdin, "password-stdin", false, "read the passwords from standard input, a line each")
	return c
}

// passwordsFor reads a password for each name from standard input, before anything is done with one.
func (a *app) passwordsFor(names []string) (map[string]groupcast.Password, error) {
	all := map[string]groupcast.Password{}
	for i, name := range names {
		pw, err := a.Password(true, "")
		if err != nil && i > 0 {
			return nil, groupcast.Errorf(groupcast.EInvalid, "standard input has %s for %d names: there is none for %s",
				ui.Plural(i, "password"), len(names), strings.Join(names[i:], ", ")).
				WithHint("give a line for each name; no account was made")
		}
		if err != nil {
			return nil, err
		}
		all[name] = pw
	}
	return all, nil
}

func (a *app) userList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the accounts", Args: cobra.NoArgs,
		Example: "  groupcast user list\n  groupcast user list --json",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			users, err := client.Users(c.Context())
			if err != nil {
				return err
			}
			return terminal.List(&a.Streams, users, "no users yet: groupcast user add NAME", "NAME|ROLE|STATE|SINCE",
				func(u groupcast.User) []string {
					return []string{u.Name, string(u.Role), yes(u.Disabled, "disabled", "enabled"), ui.Ago(u.CreatedAt)}
				})
		}),
	}
}

func (a *app) userPasswd() *cobra.Command {
	var stdin bool
	c := &cobra.Command{
		Example: "  groupcast user passwd alice",
		Use:     "passwd NAME",
		Short:   "Give a user a new password; their logins end, receivers go on", Args: cobra.ExactArgs(1),
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			pw, err := a.NewPassword(stdin, args[0])
			if err != nil {
				return err
			}
			u, err := client.UpdateUser(c.Context(), args[0], groupcast.UserChange{Password: &pw})
			if err != nil {
				return err
			}
			return a.One(u, "user %s has a new password", u.Name)
		}),
	}
	c.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from standard input")
	return c
}

func (a *app) userSwitch(verb string, disabled bool) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " NAME",
		Example: "  groupcast user " + verb + " alice",
		Short:   yes(disabled, "Disable an account: its devices get nothing from now on", "Enable an account again"),
		Args:    cobra.ExactArgs(1),
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			u, err := client.UpdateUser(c.Context(), args[0], groupcast.UserChange{Disabled: &disabled})
			if err != nil {
				return err
			}
			return a.One(u, "user %s %sd", u.Name, verb)
		}),
	}
}

func (a *app) userRole() *cobra.Command {
	return &cobra.Command{
		Use: "role NAME ROLE", Short: "Make a user an admin or a member", Args: cobra.ExactArgs(2),
		Example: "  groupcast user role alice admin",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			role := groupcast.Role(args[1])
			u, err := client.UpdateUser(c.Context(), args[0], groupcast.UserChange{Role: &role})
			if err != nil {
				return err
			}
			return a.One(u, "user %s is now %s", u.Name, string(u.Role))
		}),
	}
}

func (a *app) userDelete() *cobra.Command {
	return shell.AsksFirst(&cobra.Command{
		Use:     "delete NAME...",
		Aliases: []string{"remove"},
		Short:   "Delete accounts, their devices and memberships",
		Args:    cobra.MinimumNArgs(1),
		Example: "  groupcast user delete alice\n  groupcast user delete alice bob --yes",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if err := a.sure(c, "This deletes %s with all devices and memberships; what they are still owed is cancelled",
				"user "+strings.Join(args, ", ")); err != nil {
				return err
			}
			return shell.Each(args, func(name string) error {
				if err := client.DeleteUser(c.Context(), name); err != nil {
					return err
				}
				return a.One(map[string]string{"deleted": name}, "user %s deleted", name)
			})
		}),
	})
}

func (a *app) userGroups() *cobra.Command {
	return &cobra.Command{
		Use: "groups NAME", Short: "The groups a user is in, and those they asked for", Args: cobra.ExactArgs(1),
		Example: "  groupcast user groups alice",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			groups, err := client.UserGroups(c.Context(), args[0])
			if err != nil {
				return err
			}
			return terminal.List(&a.Streams, groups, "in no group", "GROUP|STATE|SINCE|ADDRESS", ui.OfferRow)
		}),
	}
}

func (a *app) userDevices() *cobra.Command {
	return &cobra.Command{
		Use: "devices NAME", Short: "The devices of a user", Args: cobra.ExactArgs(1),
		Example: "  groupcast user devices alice",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			return a.listDevices(c, client, groupcast.DeviceFilter{User: args[0]})
		}),
	}
}

// userRevoke ends every device of a user: their machines get nothing until they log in again.
func (a *app) userRevoke() *cobra.Command {
	return shell.AsksFirst(&cobra.Command{
		Use:     "revoke NAME",
		Short:   "End all devices of a user; the account stays (for one device: groupcast device revoke)",
		Args:    cobra.ExactArgs(1),
		Example: "  groupcast user revoke alice",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			devices, err := client.Devices(c.Context(), args[0])
			if err != nil {
				return err
			}
			if err := a.sure(c, "This ends %s of %s for good: they get nothing more until somebody logs in there again",
				ui.Plural(len(devices), "device"), args[0]); err != nil {
				return err
			}
			for _, d := range devices {
				if err := client.RevokeDevice(c.Context(), d.ID); err != nil {
					return fmt.Errorf("revoke device %s: %w", d.Name, err)
				}
			}
			return a.One(map[string]any{"user": args[0], "revoked": len(devices)}, "%s of %s revoked",
				ui.Plural(len(devices), "device"), args[0])
		}),
	})
}
