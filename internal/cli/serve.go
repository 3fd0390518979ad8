package cli

import (
	"cmp"
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/daemon"
	"github.com/groupcast/groupcast/internal/disk"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/units"
)

// serveFlags are the flags of `serve` that are read further before they are options of the server.
type serveFlags struct {
	daemon.Options
	maxRate, retrySpace, reserve, auditKeep string

	resetAdmin bool
}

func (a *app) serve() *cobra.Command {
	var o serveFlags
	c := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: cobra.NoArgs,
		Long: `Runs until stopped. The first start makes the server's keys and its database. There is no
default password: whoever runs the server is its administrator on this machine, without a
login; the first start also gives a one-time link to make an administrator who logs in.`,
		Example: "  groupcast serve\n" +
			"  groupcast serve --listen 10.0.0.1:7440 --interface eth1 --max-rate 800M\n" +
			"  groupcast serve --source /srv/images     # administrators elsewhere may send what lies there",
		RunE: func(c *cobra.Command, _ []string) error { return a.runServe(c.Context(), o) },
	}
	o.flags(c)
	return c
}

func (o *serveFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(
		&o.Listen,
		"listen",
		"0.0.0.0:7440",
		"address for HTTPS (TCP) and feedback (UDP); 0.0.0.0 stands for all of the machine, of IPv6 too",
	)
	f.StringVar(
		&o.Interface,
		"interface",
		"",
		"network interface to send from, by name or address (default: that of --listen, else the route to the group)",
	)
	f.StringVar(&o.maxRate, "max-rate", "auto", "bits a second for all transfers together: 800M")
	f.StringVar(&o.Cert, "cert", "", "certificate (PEM) for browsers; clients go by the fingerprint")
	f.StringVar(&o.Key, "key", "", "its key (PEM)")
	f.StringArrayVar(
		&o.Sources, "source", nil, "folder with files that administrators may send over the network; repeatable",
	)
	f.StringArrayVar(&o.Names, "name", nil, "name or address by which browsers reach this server; repeatable")
	f.BoolVar(&o.resetAdmin, "reset-admin", false, "give a new one-time link for an administrator (from a terminal only)")
	f.StringVar(
		&o.Database,
		"database",
		"",
		"PostgreSQL database for the server's state: postgres://USER@HOST/DATABASE, with the password in the file that "+
			"PGPASSFILE names (default: a file in the home)",
	)
	o.NodeFlags(f.StringVar)
	f.BoolVar(
		&o.NewDatabase,
		"new-database",
		false,
		"begin with an empty database beside the server's keys: the one that was here is lost and there is no backup",
	)
	f.IntVar(&o.TTL, "ttl", 1, "how many routers multicast may cross, plus one")
	f.DurationVar(&o.Gather, "gather", 10*time.Second, "wait so long for further devices before pending files go out")
	f.StringVar(
		&o.retrySpace,
		"retry-space",
		"20GiB",
		"disk that uploads may take after their transfer ended badly, so that it can be retried",
	)
	f.StringVar(
		&o.reserve,
		"reserve",
		"",
		"space that uploads and copies leave free on the disk (default: the larger of 1 GiB and 5 %, at most a tenth "+
			"of the disk)",
	)
	f.StringVar(
		&o.auditKeep,
		"audit-keep",
		"730d",
		"how long the audit log stays in the database; older entries go to files in the folder audit",
	)
	f.DurationVar(&o.GatherMax, "gather-max", time.Minute, "and at most so long in all")
	f.StringVar(&o.Content, "content", "", "bucket for uploads and copies, s3://BUCKET/PREFIX?endpoint=HOST:PORT")
}

func (a *app) runServe(ctx context.Context, o serveFlags) (err error) {
	if o.resetAdmin && !terminal.IsTerminal(a.Out) {
		return groupcast.Errorf(groupcast.EForbidden, "--reset-admin works from a terminal only").
			WithHint("start the server by hand once: groupcast serve --reset-admin")
	}
	again, end := a.StayUp()
	defer end()
	if err := o.read(); err != nil {
		return err
	}
	h, err := a.machine().OpenHome()
	if err != nil {
		return err
	}
	defer func() { err = disk.InWords(err) }()
	o.Witnessed = true
	return daemon.Serve(ctx, h, o.Options, again, a.Logger(a.verbose), func(s *daemon.Server) error {
		return a.announce(ctx, h, s, o.resetAdmin)
	})
}

// read turns what was typed as sizes, rates and durations into numbers.
func (o *serveFlags) read() (err error) {
	if err := cmp.Or(daemon.CheckDatabase(o.Database), o.CheckNode()); err != nil {
		return err
	}
	if o.RetrySpace, err = units.ParseSize(o.retrySpace); err != nil {
		return err
	}
	if o.AuditKeep, err = units.ParseDuration(o.auditKeep); err != nil {
		return err
	}
	if o.MaxRate, err = units.ParseRate(o.maxRate); err != nil {
		return err
	}
	if o.reserve == "" {
		return nil
	}
	n, err := units.ParseSize(o.reserve)
	if o.Reserve = int64(n); n == 0 {
		o.Reserve = -1 // none
	}
	return err
}
