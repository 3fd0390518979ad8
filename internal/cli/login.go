package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/device"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// loginOptions are the flags of `login`.
type loginOptions struct {
	user, trust, device string
	stdin               bool
}

func (a *app) login() *cobra.Command {
	var o loginOptions
	c := &cobra.Command{
		Use: "login https://HOST:PORT --user NAME", Short: "Log this machine in to a server", Args: cobra.ExactArgs(1),
		Long: `Asks for the server's fingerprint and the password. The fingerprint is what ` + "`groupcast serve`" + `
prints: type its first 20 characters as you read them there, so that nobody in between gets
the password. Scripts give the whole fingerprint with --trust.`,
		Example: "  groupcast login https://10.0.0.1:7440 --user alice\n" +
			"  groupcast login https://10.0.0.1:7440 --user alice --trust 9f2c…64 hex digits… --password-stdin < pw",
		RunE: func(c *cobra.Command, args []string) error { return a.logIn(c.Context(), args[0], o) },
	}
	c.Flags().StringVar(&o.user, "user", "", "`NAME` of the account (asked for if not given)")
	c.Flags().StringVar(&o.trust, "trust", "", "the server's `FINGERPRINT`, whole")
	c.Flags().StringVar(&o.device, "device", "", "`NAME` of this machine (default: its host name)")
	c.Flags().BoolVar(&o.stdin, "password-stdin", false, "read the password from standard input")
	return c
}

func (a *app) logIn(ctx context.Context, address string, o loginOptions) error {
	in, err := a.machine().LogIn(ctx, device.Login{
		Address: address, Trust: o.trust, User: o.user, Device: o.device, Compare: a.typed,
		AskUser:  func() (string, error) { return a.Ask("Login ID") },
		Password: func(user string) (groupcast.Password, error) { return a.Password(o.stdin, "Password of "+user) },
	})
	if err != nil {
		return err
	}
	called := ""
	if in.ServerName != "" {
		called = " (" + in.ServerName + ")"
	}
	return a.One(in, "logged in to %s%s as %s, device %s\nnext: groupcast groups, groupcast join GROUP, groupcast receive",
		in.Server, called, in.User, in.Device.Name)
}

// typed has a human type the fingerprint from the server's screen: there is no yes to press.
func (a *app) typed(found protocol.ServerID, address string) error {
	if !terminal.IsTerminal(a.In) {
		return groupcast.Errorf(groupcast.EForbidden,
			"the fingerprint of %s is not known, and there is no terminal to ask at", address).
			WithHint("read it from what `groupcast serve` prints and give it with --trust FINGERPRINT")
	}
	fmt.Fprintf(a.Err, "This machine does not know %s yet.\nOn the server's screen, `groupcast serve` shows its "+
		"fingerprint; the web interface shows it on its page Server.\n", ui.Name(address))
	for tries := 1; ; tries++ {
		text, err := a.Ask(fmt.Sprintf("Type its first %d characters, or more, as you read them there", pki.TypedHex))
		if err != nil {
			return err
		}
		compared := pki.CompareTyped(found, text)
		switch {
		case compared == pki.TypedRight:
			return nil
		case tries < typedTries && compared == pki.TypedShort:
			fmt.Fprintf(a.Err, "That is too short: it takes %d characters to tell this server from another.\n", pki.TypedHex)
		case tries < typedTries:
			fmt.Fprintln(a.Err, "That is not the fingerprint of what answers. Read it once more.")
		case compared == pki.TypedShort:
			return groupcast.Errorf(groupcast.EInvalid, "that is too short for a fingerprint").
				WithHint("type %d characters or more; nothing was sent to %s", pki.TypedHex, address)
		default:
			return groupcast.Errorf(groupcast.EForbidden, "that is not the fingerprint of what answers at %s", address).
				WithHint("read it again from the server's screen; if it is right, somebody else answers: nothing was sent")
		}
	}
}

// typedTries is how often a human may mistype a fingerprint.
const typedTries = 3

func (a *app) logout() *cobra.Command {
	return &cobra.Command{
		Use:     "logout",
		Example: "  groupcast logout",
		Short:   "Log this machine out: the server forgets the device, this machine the server",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out, err := a.machine().LogOut(c.Context())
			switch {
			case err != nil:
				return err
			case out.Copied != "":
				fmt.Fprintf(a.Err, "groupcast: device %s stays at the server: another machine, which this home was copied from, "+
					"uses it\n", ui.Name(out.Copied))
			case out.Untold != nil:
				a.warn("the server was not informed: " + out.Untold.Error() + "; its administrator can revoke the device")
			}
			return a.One(map[string]any{"logged_out": true, "server_told": out.Untold == nil && out.Copied == ""}, "logged out")
		},
	}
}

func (a *app) passwd() *cobra.Command {
	var stdin bool
	c := &cobra.Command{
		Use: "passwd", Short: "Change your own password", Args: cobra.NoArgs,
		Example: "  groupcast passwd\n  printf 'old\\nnew\\n' | groupcast passwd --password-stdin",
		RunE: a.asUser(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			old, err := a.Password(stdin, "Present password")
			if err != nil {
				return err
			}
			next, err := a.NewPassword(stdin, "you")
			if err != nil {
				return err
			}
			if err := client.ChangePassword(c.Context(), groupcast.PasswordChange{Old: old, New: next}); err != nil {
				return err
			}
			return a.One(map[string]bool{"changed": true},
				"the password is changed; command lines (this one, too) and browsers have to log in again with it, receiving "+
					"goes on")
		}),
	}
	c.Flags().BoolVar(
		&stdin, "password-stdin", false, "read the old and the new password, a line each, from standard input",
	)
	return c
}

// asUser wraps a command that needs a login.
func (a *app) asUser(
	run func(c *cobra.Command, client *apiclient.Client, args []string) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		client, err := a.machine().Own()
		if err != nil {
			return err
		}
		defer client.Close()
		return run(c, client, args)
	}
}
