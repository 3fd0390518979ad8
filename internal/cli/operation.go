package cli

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/daemon"
	"github.com/groupcast/groupcast/internal/ui"
)

func (a *app) check() *cobra.Command {
	var user string
	c := &cobra.Command{
		Use: "check [GROUP|USER]", Short: "Which receivers are active, by which path data reaches them", Args: cobra.MaximumNArgs(1),
		Long: `Asks every active device over the control channel and sends signed probes to the groups: the
answer says whether the data path works, before anything is sent. A name is taken for a
group's first, then for a user's.`,
		Example: "  groupcast check\n  groupcast check lab-a\n  groupcast check --user alice",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			q := groupcast.CheckQuery{User: user}
			if len(args) > 0 {
				q.Group = args[0]
			}
			results, err := client.Check(c.Context(), q)
			if groupcast.ErrorCode(err) == groupcast.ENotFound && q.Group != "" && user == "" {
				if byUser, userErr := client.Check(c.Context(), groupcast.CheckQuery{User: q.Group}); userErr == nil {
					results, err = byUser, nil
				}
			}
			if err != nil {
				return err
			}
			return list(a, results, "no devices: on a receiver, run `groupcast login` and `groupcast receive`", "USER|DEVICE|STATE|ROUND TRIP|MULTICAST|FREE|NOTE", ui.CheckRow)
		}),
	}
	c.Flags().StringVar(&user, "user", "", "only this user's devices")
	return c
}

func (a *app) backup() *cobra.Command {
	var o groupcast.BackupOptions
	c := &cobra.Command{
		Use: "backup FILE", Short: "Save the server's state: accounts, groups, transfers and its keys", Args: cobra.ExactArgs(1),
		Long: `Writes a tar of the database and the server's keys while it runs. Whoever has the file can be
this server: it is made readable by you only; keep it so.`,
		Example: "  groupcast backup /backup/groupcast.tar\n  groupcast backup /backup/all.tar --content",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			from, err := client.Backup(c.Context(), o)
			if err != nil {
				return err
			}
			defer from.Close()
			n, err := saveTo(args[0], from)
			if err != nil {
				return err
			}
			return a.one(map[string]any{"file": args[0], "bytes": n}, "%s written (%s): whoever has it can be this server", args[0], ui.Size(uint64(n)))
		}),
	}
	c.Flags().BoolVar(&o.Content, "content", false, "uploaded files too")
	return c
}

func (a *app) restore() *cobra.Command {
	var force, confirm bool
	c := &cobra.Command{
		Use: "restore FILE", Short: "Put a backup in the place of the server's state", Args: cobra.MaximumNArgs(1),
		Long: `Runs on the server's machine while the server is stopped. After the next start nothing is sent
until the memberships are looked at and confirmed: groupcast restore --confirm`,
		Example: "  groupcast restore /backup/groupcast.tar\n  groupcast serve &\n  groupcast group list && groupcast restore --confirm",
		RunE: func(c *cobra.Command, args []string) error {
			if confirm == (len(args) == 1) {
				return usageError{errors.New("give either FILE or --confirm")}
			}
			if confirm {
				return a.asAdmin(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
					st, err := client.ServerStatus(c.Context())
					if err != nil {
						return err
					}
					if !st.Restored {
						return a.one(map[string]bool{"confirmed": false}, "there is nothing to confirm: no restore waits for it, and sending goes on")
					}
					if err := client.ConfirmMemberships(c.Context()); err != nil {
						return err
					}
					return a.one(map[string]bool{"confirmed": true}, "confirmed: what is pending is sent again")
				})(c, args)
			}
			return a.restoreFrom(args[0], force)
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace the state that is there")
	c.Flags().BoolVar(&confirm, "confirm", false, "the memberships are as they should be: send again")
	return c
}

func (a *app) restoreFrom(path string, force bool) error {
	h, err := a.openHome()
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return groupcast.Errorf(groupcast.ENotFound, "cannot read the backup %s", path).WithHint("check path and permissions").Wrap(err)
	}
	defer f.Close()
	if err := daemon.Restore(h, f, force); err != nil {
		return err
	}
	return a.one(map[string]string{"restored": h.Path()}, "restored into %s\nstart the server, look at `groupcast member list GROUP`, then: groupcast restore --confirm", h.Path())
}
