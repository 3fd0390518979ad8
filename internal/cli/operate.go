package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/config"
	"github.com/groupcast/groupcast/internal/server"
)

func (a *app) check() *cobra.Command {
	var user bool
	c := &cobra.Command{
		Use: "check [GROUP|USER]", Short: "Who is active, by which path, with what loss", Args: cobra.MaximumNArgs(1),
		Long: `Asks every active device over the control channel (a real round trip) and by multicast probes
on its groups. Whoever answers the first and hears none of the second gets files over HTTPS.`,
		Example: "  groupcast check\n  groupcast check lab\n  groupcast check --user alice",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			q := groupcast.CheckQuery{}
			if len(args) == 1 {
				if q.Group = args[0]; user {
					q = groupcast.CheckQuery{User: args[0]}
				}
			}
			results, err := client.Check(c.Context(), q)
			if !user && len(args) == 1 && groupcast.ErrorCode(err) == groupcast.ENotFound {
				results, err = client.Check(c.Context(), groupcast.CheckQuery{User: args[0]})
			}
			if err != nil {
				return err
			}
			return list(a, results, "no devices: on a receiver, run `groupcast login`, then `groupcast receive`", "DEVICE|USER|STATE|ROUND TRIP|MULTICAST|LOSS|FREE|NOTE", checkRow)
		}),
	}
	c.Flags().BoolVar(&user, "user", false, "the argument is a user, not a group")
	return c
}

func checkRow(r groupcast.CheckResult) []string {
	state, trip, free := "seen "+ago(r.LastSeen), "", ""
	if r.Active {
		state, trip = "active", fmt.Sprintf("%.1f ms", float64(r.RoundTrip.Microseconds())/1000)
	}
	if r.FreeBytes > 0 {
		free = size(r.FreeBytes)
	}
	var heard []string
	for _, m := range r.Multicast {
		heard = append(heard, fmt.Sprintf("%s %d/%d", m.Group, m.Heard, m.Sent))
	}
	return []string{r.Device, r.User, state, trip, strings.Join(heard, ", "), fmt.Sprintf("%.1f %%", r.Loss), free, r.Note}
}

func (a *app) audit() *cobra.Command {
	var q groupcast.AuditQuery
	c := &cobra.Command{
		Use: "audit", Short: "The audit log, newest first", Args: cobra.NoArgs,
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			entries, err := client.Audit(c.Context(), q)
			if err != nil {
				return err
			}
			return list(a, entries, "nothing has happened yet", "WHEN|WHO|WHAT|WHICH|DETAIL|FROM", func(e groupcast.AuditEntry) []string {
				return []string{e.At.Local().Format("2006-01-02 15:04:05"), e.Actor, e.Action, e.Object, e.Detail, e.Address}
			})
		}),
	}
	c.Flags().IntVar(&q.Limit, "limit", 100, "at most so many")
	c.Flags().Int64Var(&q.Before, "before", 0, "only entries before this one (the id in --json)")
	return c
}

func (a *app) backup() *cobra.Command {
	var o groupcast.BackupOptions
	c := &cobra.Command{
		Use: "backup FILE", Short: "Save the server's state while it runs", Args: cobra.ExactArgs(1),
		Long: `Writes the database and the keys into FILE (mode 0600). The file holds the keys of the server's
CA: whoever has it can pass for this server. Keep it as you keep a password.`,
		Example: "  groupcast backup /safe/groupcast-$(date +%F).tar",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			body, err := client.Backup(c.Context(), o)
			if err != nil {
				return err
			}
			defer body.Close()
			n, err := saveNew(args[0], body)
			if err != nil {
				return err
			}
			return a.one(map[string]any{"file": args[0], "bytes": n}, "%s saved to %s; it holds the server's keys: keep it safe", size(uint64(n)), args[0])
		}),
	}
	c.Flags().BoolVar(&o.Content, "content", false, "uploaded files that are still owed, too")
	return c
}

// saveNew writes a private file that appears under its name whole or not at all.
func saveNew(path string, r io.Reader) (int64, error) {
	tmp := path + ".part"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, groupcast.Errorf(groupcast.EInvalid, "%s cannot be written", path).WithHint("name a folder that exists and is yours").Wrap(err)
	}
	n, err := io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return n, errors.Join(fmt.Errorf("save %s: %w", path, err), os.Remove(tmp))
	}
	return n, nil
}

func (a *app) restore() *cobra.Command {
	var force, confirm bool
	c := &cobra.Command{
		Use: "restore FILE", Short: "Bring a server's state back from a backup", Args: cobra.MaximumNArgs(1),
		Long: `Fills the home of a server that does not run. Afterwards the server starts and shows its
memberships, but sends nothing until you have confirmed that they are right (someone removed
since the backup would be a member again): groupcast restore --confirm`,
		Example: "  groupcast restore /safe/groupcast-2026-11-23.tar\n  groupcast serve\n  groupcast member list lab\n  groupcast restore --confirm",
		RunE: func(c *cobra.Command, args []string) error {
			if confirm {
				return a.asAdmin(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
					if err := client.ConfirmMemberships(c.Context()); err != nil {
						return err
					}
					return a.one(map[string]bool{"confirmed": true}, "confirmed: sending goes on")
				})(c, args)
			}
			if len(args) != 1 {
				return usageError{errors.New("which FILE? (or --confirm)")}
			}
			return a.restoreFrom(args[0], force)
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace what is there")
	c.Flags().BoolVar(&confirm, "confirm", false, "after a restore: the memberships are right, send again")
	return c
}

func (a *app) restoreFrom(path string, force bool) error {
	home, err := a.openHome()
	if err != nil {
		return err
	}
	lock, err := home.Lock(config.RoleServer)
	if err != nil {
		return err
	}
	defer lock.Release() //nolint:errcheck // the process ends
	f, err := os.Open(path)
	if err != nil {
		return groupcast.Errorf(groupcast.EInvalid, "no backup can be read from %s", path).WithHint("name the file that `groupcast backup` wrote").Wrap(err)
	}
	defer f.Close()
	if err := server.Restore(home.Dir(config.RoleServer), f, force); err != nil {
		return err
	}
	return a.one(map[string]string{"restored": path}, "restored from %s; start `groupcast serve`, look at the memberships, then: groupcast restore --confirm", path)
}
