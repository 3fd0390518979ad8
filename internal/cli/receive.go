package cli

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"sync"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/device"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

func (a *app) groups() *cobra.Command {
	var mine bool
	c := &cobra.Command{
		Use: "groups", Short: "The groups you may ask to join, and those you are in", Args: cobra.NoArgs,
		Example: "  groupcast groups\n  groupcast groups --mine",
		RunE: a.asUser(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			groups, err := client.GroupsOnOffer(c.Context(), mine)
			if err != nil {
				return err
			}
			if me, err := client.Me(c.Context()); err == nil && me.Server != "" && !a.JSON {
				a.note("groups of " + ui.Name(me.Server) + ":")
			}
			return terminal.List(
				&a.Streams,
				groups,
				yes(mine, "in no group: groupcast groups, groupcast join GROUP", "no groups on offer"),
				"GROUP|STATE|SINCE|ADDRESS|DESCRIPTION",
				func(g groupcast.GroupOnOffer) []string {
					return append(ui.OfferRow(g), g.Description)
				},
			)
		}),
	}
	c.Flags().BoolVar(&mine, "mine", false, "only those you are in or have asked for")
	return c
}

func (a *app) join() *cobra.Command {
	var text string
	c := &cobra.Command{
		Use: "join GROUP", Short: "Ask to join a group; an administrator decides", Args: cobra.ExactArgs(1),
		Example: "  groupcast join lab-a\n  groupcast join lab-a --text \"PC 12, second row\"",
		RunE: a.asUser(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			r, err := client.Join(c.Context(), args[0], text)
			if err != nil {
				return err
			}
			return a.One(r, "asked to join %s: %s", r.Group,
				yes(r.State == groupcast.RequestOpen, "an administrator decides (groupcast groups --mine)", string(r.State)))
		}),
	}
	c.Flags().StringVar(&text, "text", "", "`WORDS` to the administrator, 280 characters at most")
	return c
}

func (a *app) leave() *cobra.Command {
	return &cobra.Command{
		Use: "leave GROUP", Short: "Leave a group, or take a request back", Args: cobra.ExactArgs(1),
		Example: "  groupcast leave lab-a",
		RunE: a.asUser(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if err := client.Leave(c.Context(), args[0]); err != nil {
				return err
			}
			return a.One(map[string]string{"left": args[0]}, "no longer in %s, and not asking", args[0])
		}),
	}
}

// receiveOptions are the flags of `receive`.
type receiveOptions struct {
	dir, ifi, reserve, maxSize string
	once, sharedDir, adopt     bool
	same                       bool
	drop                       float64
}

func (a *app) receive() *cobra.Command {
	var o receiveOptions
	c := &cobra.Command{
		Use: "receive", Short: "Receive what your groups are sent, until stopped", Args: cobra.NoArgs,
		Long: `Stays up, reconnects by itself, takes part in every group the user is a member of and writes
verified files to DIR/GROUP/path. Nothing stands under its name before every block was checked.

DIR is known again by a file in DIR/.groupcast. While it is away (a disk that is not mounted) or another
folder has its name, nothing is written and deliveries wait; --adopt says that the new folder is meant.`,
		Example: "  groupcast receive --dir /srv/lab\n  groupcast receive --once\n  groupcast receive --interface eth1",
		RunE:    func(c *cobra.Command, _ []string) error { return a.runReceive(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.dir, "dir", "", "`FOLDER` that files go to (default ~/Groupcast)")
	f.StringVar(
		&o.ifi, "interface", "", "network interface, by `NAME` or address (default: the one that routes to the server)",
	)
	f.StringVar(&o.reserve, "reserve", "", "`SIZE` to leave free on the disk (default: the larger of 1 GiB and 5 %)")
	f.StringVar(&o.maxSize, "max-size", "", "refuse transfers larger than this `SIZE`")
	f.BoolVar(&o.once, "once", false, "end after one transfer")
	f.BoolVar(
		&o.same,
		"same-device",
		false,
		"this is the machine that logged in, whatever it looks like: do not become a device of its own",
	)
	f.BoolVar(
		&o.adopt,
		"adopt",
		false,
		"take DIR for the folder that is meant, though another one was used under its name before; identical files in "+
			"it are not fetched again",
	)
	f.BoolVar(&o.sharedDir, "shared-dir", false, "allow a DIR that other users may write to")
	f.Float64Var(&o.drop, "drop", 0, "for tests: lose this percentage of multicast packets on arrival")
	f.Lookup("drop").Hidden = true
	return c
}

func (a *app) runReceive(ctx context.Context, o receiveOptions) error {
	_, end := a.StayUp()
	defer end()
	if _, login, err := a.machine().LoggedIn(); err == nil && a.Attended() && !a.JSON {
		a.note("this machine receives and has no pages of its own; the web interface is the server's: " +
			ui.Name(login.Server))
	}
	return a.receiveTelling(ctx, o,
		agent.Config{Say: a.sayLines(), Log: a.Logger(a.verbose), GiveUp: a.Attended()})
}

// receiveTelling receives; cfg has the functions that are called with what happens.
func (a *app) receiveTelling(ctx context.Context, o receiveOptions, cfg agent.Config) (err error) {
	cfg.Interface, cfg.Once, cfg.Adopt = o.ifi, o.once, o.adopt
	if err := receiveLimits(&cfg, o); err != nil {
		return err
	}
	if cfg.Dir, err = device.AbsoluteDir(o.dir); err != nil {
		return err
	}
	if o.drop > 0 {
		cfg.Drop = receiver.Loss(o.drop, uint64(os.Getpid()))
	}
	debug.SetMemoryLimit(agentMemory)
	return a.machine().Receive(ctx, cfg, o.same, o.sharedDir)
}

// agentMemory is what the collector keeps an agent's heap to: its buffers are bounded below
// it, so this only stops garbage from piling up while a large transfer runs. With the program
// itself, some 10 MB, the process stays below 100 MB.
const agentMemory = 80 << 20

func receiveLimits(cfg *agent.Config, o receiveOptions) error {
	if o.reserve != "" {
		n, err := units.ParseSize(o.reserve)
		if err != nil {
			return err
		}
		if cfg.Reserve = int64(n); n == 0 {
			cfg.Reserve = -1 // none
		}
	}
	if o.maxSize != "" {
		n, err := units.ParseSize(o.maxSize)
		if err != nil {
			return err
		}
		cfg.MaxSize = n
	}
	return nil
}

// sayLines prints the lines of an agent.
func (a *app) sayLines() func(agent.Line) {
	var mu sync.Mutex
	return func(l agent.Line) {
		mu.Lock()
		defer mu.Unlock()
		if a.JSON {
			_ = a.PrintLine(l) // who reads it may be gone; receiving goes on
			return
		}
		fmt.Fprintf(a.Out, "%s  %s\n", units.Clock(l.At), ui.Name(l.Text))
	}
}

func (a *app) inbox() *cobra.Command {
	var group string
	var limit int
	c := &cobra.Command{
		Use: "inbox", Short: "What came, when, and its digest", Args: cobra.NoArgs,
		Example: "  groupcast inbox\n  groupcast inbox --group lab-a --limit 1000",
		RunE: func(c *cobra.Command, _ []string) error {
			h, err := a.machine().OpenHome()
			if err != nil {
				return err
			}
			entries, err := device.Inbox(c.Context(), h, group, limit)
			if err != nil {
				return err
			}
			return terminal.List(&a.Streams, entries, "nothing came yet", "AT|GROUP|FILE|SIZE|OUTCOME|HASH|DIGEST|NOTE",
				func(e ledger.Entry) []string {
					return []string{
						units.Stamp(e.At), e.Group, e.Name, ui.Size(e.Size), e.Outcome, e.Hash.Named(), e.Digest.String(), e.Reason,
					}
				})
		},
	}
	c.Flags().StringVar(&group, "group", "", "only of this `GROUP`")
	c.Flags().IntVar(&limit, "limit", 0, "how many (0: 100)")
	return c
}
