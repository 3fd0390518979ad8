package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/daemon"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

func (a *app) restore() *cobra.Command {
	var force, confirm bool
	c := shell.AsksFirst(&cobra.Command{
		Use: "restore FILE", Short: "Put a backup in the place of the server's state", Args: cobra.MaximumNArgs(1),
		Long: `Runs on the server's machine while the server is stopped. A file that is not a whole backup
changes nothing. After the next start nothing is sent until the memberships are looked at and
confirmed: groupcast restore --confirm

The same holds when the server finds by itself that its state was set back, by a snapshot of its
machine or a copy of its home: its receivers hold offers that it does not know.`,
		Example: "  groupcast restore /backup/groupcast.tar\n" +
			"  groupcast serve &\n" +
			"  groupcast restore --confirm          # shows who is a member of what, then asks",
		RunE: func(c *cobra.Command, args []string) error {
			if confirm == (len(args) == 1) {
				return shell.Misused(errors.New("give either FILE or --confirm"))
			}
			if confirm {
				return a.asAdmin(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
					return a.confirmMemberships(c, client)
				})(c, args)
			}
			return a.restoreFrom(c, args[0], force)
		},
	})
	c.Flags().BoolVar(&force, "force", false, "replace the state that is there")
	c.Flags().BoolVar(&confirm, "confirm", false, "the memberships are as they should be: send again")
	return c
}

// confirmMemberships shows who is a member of what. On a terminal it asks before it confirms.
func (a *app) confirmMemberships(c *cobra.Command, client *apiclient.Client) error {
	ctx := c.Context()
	st, err := client.ServerStatus(ctx)
	if err != nil {
		return err
	}
	if !st.Restored {
		return a.One(map[string]bool{"confirmed": false},
			"there is nothing to confirm: the server was not set back, and sending goes on")
	}
	members, err := memberships(ctx, client)
	if err != nil {
		return err
	}
	if !a.JSON {
		fmt.Fprintln(a.Out, ui.Clean(st.Note))
		if err := terminal.List(&a.Streams, members, "no group has a member", "GROUP|MEMBER|DEVICES|ACTIVE|SINCE",
			func(m groupcast.Member) []string {
				return []string{m.Group, m.User, fmt.Sprint(m.Devices), fmt.Sprint(m.Active), ui.Ago(m.Since)}
			}); err != nil {
			return err
		}
	}
	err = a.sure(c, "This sends what is pending to the members above")
	if errors.Is(err, shell.ErrDeclined) {
		return groupcast.Errorf(groupcast.EUnconfirmed, "nothing was confirmed, and nothing is sent").
			WithHint("take out who should not be there: `groupcast member remove GROUP USER`; then run this again")
	}
	if err != nil {
		return err
	}
	if err := client.ConfirmMemberships(ctx); err != nil {
		return err
	}
	return a.One(map[string]any{"confirmed": true, "members": members}, "confirmed: what is pending is sent again")
}

// memberships lists the members of every group.
func memberships(ctx context.Context, client *apiclient.Client) ([]groupcast.Member, error) {
	groups, err := client.Groups(ctx)
	if err != nil {
		return nil, err
	}
	out := []groupcast.Member{}
	for _, g := range groups {
		members, err := client.Members(ctx, g.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, members...)
	}
	return out, nil
}

func (a *app) restoreFrom(c *cobra.Command, path string, force bool) error {
	h, err := a.machine().OpenHome()
	if err != nil {
		return err
	}
	if force {
		if err := a.sure(c, "This replaces accounts, groups, transfers and keys in %s by those of the backup",
			h.Path()); err != nil {
			return err
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return groupcast.Errorf(groupcast.ENotFound, "cannot read the backup %s", path).
			WithHint("check path and permissions").Wrap(err)
	}
	defer f.Close()
	if err := daemon.Restore(h, f, force); err != nil {
		return err
	}
	return a.One(map[string]string{"restored": h.Path()},
		"restored into %s\nstart the server, look at `groupcast member list GROUP`, then: groupcast restore --confirm",
		h.Path())
}
