package cli

import (
	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

func (a *app) check() *cobra.Command {
	var user string
	c := &cobra.Command{
		Use:   "check [GROUP|USER]",
		Short: "Which receivers are active, by which path data reaches them",
		Args:  cobra.MaximumNArgs(1),
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
			return terminal.List(&a.Streams, results, "no devices: on a receiver, run `groupcast login` and `groupcast receive`",
				"USER|DEVICE|STATE|ROUND TRIP|MULTICAST|FREE|NOTE", ui.CheckRow)
		}),
	}
	c.Flags().StringVar(&user, "user", "", "only this user's devices")
	return c
}

func (a *app) backup() *cobra.Command {
	var o groupcast.BackupOptions
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Save the server's state: accounts, groups, transfers and its keys",
		Args:  cobra.ExactArgs(1),
		Long: `Writes a tar of the database and the server's keys while it runs. Whoever has the file can be
this server: it is made readable by you only; keep it so.`,
		Example: "  groupcast backup /backup/groupcast.tar\n  groupcast backup /backup/all.tar --content",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			from, err := client.Backup(c.Context(), o)
			if err != nil {
				return err
			}
			defer from.Close()
			n, err := durable.Save(args[0], from)
			if err != nil {
				return err
			}
			return a.One(map[string]any{"file": args[0], "bytes": n}, "%s written (%s): whoever has it can be this server",
				args[0], ui.Size(uint64(n)))
		}),
	}
	c.Flags().BoolVar(&o.Content, "content", false, "uploaded files too")
	return c
}
