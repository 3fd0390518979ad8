package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
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
		Use: "add NAME", Short: "Make an account", Args: cobra.ExactArgs(1),
		Example: "  groupcast user add alice\n" +
			"  pwgen 16 1 | groupcast user add alice --password-stdin\n" +
			"  groupcast user add root2 --role admin",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			pw, err := a.NewPassword(stdin, args[0])
			if err != nil {
				return err
			}
			u, err := client.AddUser(c.Context(), groupcast.NewUser{Name: args[0], Role: groupcast.Role(role), Password: pw})
			if err != nil {
				return err
			}
			return a.One(u, "user %s added (%s)", u.Name, string(u.Role))
		}),
	}
	c.Flags().StringVar(&role, "role", "member", "member or admin")
	c.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from standard input")
	return c
}

func (a *app) userList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the accounts", Args: cobra.NoArgs,
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
		Use: "passwd NAME", Short: "Give a user a new password; his logins end", Args: cobra.ExactArgs(1),
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
		Use:   verb + " NAME",
		Short: yes(disabled, "Shut an account: its devices get nothing from now on", "Open an account again"),
		Args:  cobra.ExactArgs(1),
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
	return &cobra.Command{
		Use:     "delete NAME",
		Aliases: []string{"remove"},
		Short:   "Delete an account, its devices and memberships",
		Args:    cobra.ExactArgs(1),
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if err := client.DeleteUser(c.Context(), args[0]); err != nil {
				return err
			}
			return a.One(map[string]string{"deleted": args[0]}, "user %s deleted", args[0])
		}),
	}
}

func (a *app) userGroups() *cobra.Command {
	return &cobra.Command{
		Use: "groups NAME", Short: "The groups a user is in, and those he has asked for", Args: cobra.ExactArgs(1),
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
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			return a.listDevices(c, client, args[0])
		}),
	}
}

// userRevoke ends every device of a user: his machines get nothing until he logs in again.
func (a *app) userRevoke() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME",
		Short: "End all devices of a user; the account stays (one device: groupcast device revoke ID)",
		Args:  cobra.ExactArgs(1),
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			devices, err := client.Devices(c.Context(), args[0])
			if err != nil {
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
	}
}

func (a *app) deviceCommand() *cobra.Command {
	c := &cobra.Command{Use: "device", Short: "Devices (logins of users on machines): list, revoke"}
	c.AddCommand(
		&cobra.Command{
			Use: "list [USER]", Short: "List devices", Args: cobra.MaximumNArgs(1),
			RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
				user := ""
				if len(args) > 0 {
					user = args[0]
				}
				return a.listDevices(c, client, user)
			}),
		},
		&cobra.Command{
			Use: "revoke ID", Short: "End a device for good (lost or stolen machine)", Args: cobra.ExactArgs(1),
			RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
				var id protocol.DeviceID
				if err := id.UnmarshalText([]byte(args[0])); err != nil {
					return groupcast.Errorf(groupcast.EInvalid, "%s is no device ID", args[0]).
						WithHint("`groupcast device list` shows them").Wrap(err)
				}
				if err := client.RevokeDevice(c.Context(), id); err != nil {
					return err
				}
				return a.One(map[string]string{"revoked": args[0]}, "device %s revoked", args[0])
			}),
		},
	)
	return c
}

func (a *app) listDevices(c *cobra.Command, client *apiclient.Client, user string) error {
	devices, err := client.Devices(c.Context(), user)
	if err != nil {
		return err
	}
	return terminal.List(&a.Streams, devices, "no devices: on a receiver, run `groupcast login`",
		"DEVICE|USER|STATE|PATH|LOSS|FREE|VERSION|LOGIN ENDS|ID", func(d groupcast.Device) []string {
			free := ""
			if d.FreeBytes > 0 {
				free = ui.Size(d.FreeBytes)
			}
			state := yes(d.Active, "active", "seen "+ui.Ago(d.LastSeen))
			if d.Machines > 1 {
				state = fmt.Sprintf("used by %d machines", d.Machines)
			}
			ends := "no login"
			if !d.LoginEnds.IsZero() {
				ends = d.LoginEnds.Local().Format(time.DateOnly)
			}
			return []string{
				d.Name, d.User, state, string(d.Path), fmt.Sprintf("%.1f %%", d.LossPercent), free, d.Version, ends, d.ID.String(),
			}
		})
}
