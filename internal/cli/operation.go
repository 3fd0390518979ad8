package cli

import (
	"cmp"
	"context"
	"strings"
	"time"

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
		Use:   "check [GROUP|USER|USER/DEVICE]",
		Short: "Which receivers are active, by which path data reaches them",
		Args:  cobra.MaximumNArgs(1),
		Long: `Asks every active device over the control channel and sends signed probes to the groups: the
answer says whether the data path works, before anything is sent. A name is taken for a
group's first, then for a user's, then for a device's; USER/DEVICE is one device.`,
		Example: "  groupcast check\n  groupcast check lab-a\n  groupcast check alice/pc-03",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			results, err := a.checkOf(c.Context(), client, user, strings.Join(args, ""))
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

// checkOf checks the devices of a group or a user, or one device, whichever the name is of.
func (a *app) checkOf(
	ctx context.Context, client *apiclient.Client, user, which string,
) (found []groupcast.CheckResult, err error) {
	if owner, _, one := strings.Cut(which, "/"); one {
		return a.checkOne(ctx, client, cmp.Or(user, owner), which)
	}
	found, err = a.checked(ctx, client, groupcast.CheckQuery{Group: which, User: user})
	if groupcast.ErrorCode(err) != groupcast.ENotFound || which == "" || user != "" {
		return found, err
	}
	if found, userErr := a.checked(ctx, client, groupcast.CheckQuery{User: which}); userErr == nil {
		return found, nil
	}
	if found, deviceErr := a.checkOne(ctx, client, "", which); groupcast.ErrorCode(deviceErr) != groupcast.ENotFound {
		return found, deviceErr
	}
	return nil, err
}

// checked checks devices, and shows how far that is if it takes a while.
func (a *app) checked(
	ctx context.Context, client *apiclient.Client, q groupcast.CheckQuery,
) ([]groupcast.CheckResult, error) {
	show, known, next := a.NewDisplay(), 0, time.Now().Add(checkQuiet)
	defer show.Done()
	return client.Check(ctx, q, func(groupcast.CheckResult) {
		if known++; time.Now().After(next) {
			next = time.Now().Add(checkEvery)
			show.Line(ui.Plural(known, "device") + " checked so far")
		}
	})
}

const (
	checkQuiet = 3 * time.Second // a check that takes no longer says nothing before its end
	checkEvery = 300 * time.Millisecond
)

func (a *app) checkOne(
	ctx context.Context, client *apiclient.Client, user, which string,
) ([]groupcast.CheckResult, error) {
	all, err := a.checked(ctx, client, groupcast.CheckQuery{User: user})
	if err != nil {
		return nil, err
	}
	one, err := named(all, which, "there is no device %q", "`groupcast device list` shows them; write USER/DEVICE",
		func(r groupcast.CheckResult) (user, name, id string) { return r.User, r.Device, r.DeviceID.String() })
	return []groupcast.CheckResult{one}, err
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
