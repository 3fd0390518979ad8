package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
	"github.com/groupcast/groupcast/internal/watch"
)

func (a *app) transfer() *cobra.Command {
	c := &cobra.Command{
		Use: "transfer",
		Short: "Transfers: list, show, deliveries, files, keys, proof, watch, pause, resume, rate, catchup, later, drop, " +
			"cancel, retry",
	}
	c.AddCommand(
		a.transferList(),
		a.transferShow(),
		a.transferDeliveries(),
		a.transferFiles(),
		a.transferKeys(),
		a.transferProof(),
		a.transferWatch(),
		a.transferPause(),
		a.transferResume(),
		a.transferRate(),
		a.transferCancel(),
		a.transferRetry(),
		a.straggler("catchup", "Let a device fetch what it lacks over HTTPS at once", groupcast.CatchUp),
		a.straggler("later", "Leave a device out of the session that runs; it gets the files later", groupcast.PutOff),
		a.straggler("drop", "Take a transfer from a device: it is not owed there any more", groupcast.Drop),
	)
	return c
}

func (a *app) transferList() *cobra.Command {
	var f groupcast.TransferFilter
	c := &cobra.Command{
		Use: "list [GROUP]", Short: "List transfers, the newest first", Args: cobra.MaximumNArgs(1),
		Example: "  groupcast transfer list\n  groupcast transfer list lab-a --open",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if len(args) > 0 {
				f.Group = args[0]
			}
			found, err := client.TransferPage(c.Context(), f)
			all := found.Rows
			if err != nil {
				return err
			}
			err = terminal.List(
				&a.Streams,
				all,
				yes(f.Open, "nothing is owed to anybody", "no transfers yet: groupcast send GROUP PATH..."),
				"ID|GROUP|NAME|FILES|SIZE|STATE|VERIFIED|OWED|INCOMPLETE|FAILED|MADE",
				func(t groupcast.Transfer) []string {
					return []string{
						number(t.No), ui.ForWhom(t), t.Name, fmt.Sprint(t.Files), ui.Size(t.Bytes), ui.TransferState(t),
						fmt.Sprint(t.Verified), fmt.Sprint(t.Owed), fmt.Sprint(t.Incomplete), fmt.Sprint(t.Failed), ui.Ago(t.CreatedAt),
					}
				},
			)
			if err != nil {
				return err
			}
			return a.sayMore(groupcast.Window{From: f.From}, len(all), found.Total)
		}),
	}
	c.Flags().BoolVar(&f.Open, "open", false, "only those that still owe")
	c.Flags().IntVar(&f.Limit, "limit", 0, "how many (0: 100)")
	c.Flags().IntVar(&f.From, "from", 0, "leave out so many of the newest")
	return c
}

// onTransfer is a command about one transfer.
func (a *app) onTransfer(
	use, short string,
	run func(ctx context.Context, client *apiclient.Client, no protocol.TransferNo) error,
) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		Example: "  groupcast transfer " + strings.Fields(use)[0] + " 12",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			no, err := transferNo(args[0])
			if err != nil {
				return err
			}
			return run(c.Context(), client, no)
		}),
	}
}

func (a *app) transferShow() *cobra.Command {
	var entries string
	c := a.onTransfer(
		"show ID",
		"A transfer, how it stands and each device's outcome",
		func(ctx context.Context, client *apiclient.Client, no protocol.TransferNo) error {
			if entries != "" {
				d, err := findDelivery(ctx, client, no, entries)
				if err != nil {
					return err
				}
				return a.view(client).Entries(ctx, d)
			}
			t, err := client.Transfer(ctx, no)
			if err != nil {
				return err
			}
			deliveries, err := client.Deliveries(ctx, no)
			if err != nil {
				return err
			}
			if a.JSON {
				var left groupcast.LeftOutPage
				if t.LeftOut+t.Lost > 0 {
					if left, err = client.LeftOut(ctx, no, groupcast.Window{}); err != nil {
						return err
					}
				}
				return a.PrintJSON(struct {
					groupcast.Transfer
					Entries    []groupcast.LeftOut  `json:"left_out_entries,omitempty"`
					Deliveries []groupcast.Delivery `json:"deliveries"`
				}{t, left.Entries, deliveries})
			}
			a.describe(ui.Snapshot{Transfer: t, Deliveries: deliveries})
			if t.LeftOut+t.Lost > 0 {
				for _, line := range a.leftOutLines(ctx, client, t) {
					fmt.Fprintln(a.Out, line)
				}
			}
			if err := watch.Deliveries(&a.Streams, deliveries); err != nil {
				return err
			}
			return a.view(client).Astray(ctx, deliveries)
		},
	)
	c.Flags().StringVar(&entries, "entries", "", "all that is missing, or lies beside, at the device `USER/DEVICE`")
	return c
}

// describe says how a transfer stands.
func (a *app) describe(s ui.Snapshot) {
	t := s.Transfer
	fmt.Fprintf(a.Out, "%d  %s  for %s: %s, %s, %d blocks\n", t.No, ui.Name(t.Name), ui.ForWhom(t), ui.Contents(t),
		ui.Size(t.Bytes), t.Blocks)
	fmt.Fprintf(a.Out, "%s; made %s by %s\n", ui.TransferState(t), ui.Ago(t.CreatedAt), ui.Name(t.CreatedBy))
	if counts := ui.Counts(s); counts != "" {
		fmt.Fprintln(a.Out, counts)
	}
	if line := ui.Line(s, time.Now()); line != "" {
		fmt.Fprintln(a.Out, line)
	}
	if text := ui.Replaces(t); text != "" {
		fmt.Fprintln(a.Out, text)
	}
	if next := ui.NextStep(t); next != "" {
		fmt.Fprintln(a.Out, "next:", next)
	}
	if t.WireBytes+t.HTTPSBytes > 0 {
		fmt.Fprintf(a.Out, "sent: %s by multicast, %s over HTTPS\n", ui.Size(t.WireBytes), ui.Size(t.HTTPSBytes))
	}
	if forging := ui.Forging(t); forging != "" {
		fmt.Fprintln(a.Out, forging)
	}
	if s := t.Session; s != nil {
		fmt.Fprintf(
			a.Out,
			"now: %.0f %%, %s, median loss %.1f %%, pass %d\n",
			s.Progress*100,
			ui.SessionRate(*s),
			s.LossPercent,
			s.Pass,
		)
	}
}

func (a *app) transferDeliveries() *cobra.Command {
	w := groupcast.Window{Limit: mostRows}
	c := a.onTransfer(
		"deliveries ID",
		"What each device is owed or got",
		func(ctx context.Context, client *apiclient.Client, no protocol.TransferNo) error {
			deliveries, err := client.DeliveryPage(ctx, no, w)
			if err != nil {
				return err
			}
			if err := watch.Deliveries(&a.Streams, deliveries.Rows); err != nil {
				return err
			}
			return a.sayMore(w, len(deliveries.Rows), deliveries.Total)
		},
	)
	windowFlags(c, &w, "deliveries")
	return c
}

func (a *app) transferFiles() *cobra.Command {
	w := groupcast.Window{Limit: mostRows}
	c := a.onTransfer(
		"files ID",
		"The files of a transfer",
		func(ctx context.Context, client *apiclient.Client, no protocol.TransferNo) error {
			files, err := client.Files(ctx, no, w)
			if err != nil {
				return err
			}
			err = terminal.List(
				&a.Streams,
				files.Rows,
				"no files",
				"PATH|KIND|SIZE|"+hashOf(files.Rows),
				func(f groupcast.FileEntry) []string {
					return []string{f.Path, f.Kind, ui.Size(f.Size), ui.FileDigest(f)}
				},
			)
			if err != nil {
				return err
			}
			return a.sayMore(w, len(files.Rows), files.Total)
		},
	)
	windowFlags(c, &w, "entries")
	return c
}

func (a *app) transferWatch() *cobra.Command {
	var strict bool
	c := a.onTransfer(
		"watch ID",
		"Watch a transfer until no active device is left to serve",
		func(ctx context.Context, client *apiclient.Client, no protocol.TransferNo) error {
			t, err := client.Transfer(ctx, no)
			if err != nil {
				return err
			}
			return a.view(client).Follow(ctx, t, strict)
		},
	)
	c.Flags().BoolVar(&strict, "strict", false, "exit code 3 if any receiver is still owed it, also one that is off")
	return c
}

func (a *app) transferCancel() *cobra.Command {
	return shell.AsksFirst(&cobra.Command{
		Use:     "cancel ID...",
		Short:   "Take back what is still owed; what was delivered stays",
		Args:    cobra.MinimumNArgs(1),
		Example: "  groupcast transfer cancel 12\n  groupcast transfer cancel 12 13 --yes",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			var lost []string
			for _, arg := range args {
				no, err := transferNo(arg)
				if err != nil {
					return err
				}
				t, err := client.Transfer(c.Context(), no)
				if err != nil {
					return err
				}
				lost = append(lost, fmt.Sprintf("%d (%s), owed to %s", t.No, t.Name, ui.Plural(t.Owed, "device")))
			}
			if err := a.sure(c, "This cancels transfer %s; what was delivered stays", strings.Join(lost, ", ")); err != nil {
				return err
			}
			return shell.Each(args, func(arg string) error {
				no, err := transferNo(arg)
				if err != nil {
					return err
				}
				t, err := client.CancelTransfer(c.Context(), no)
				if err != nil {
					return err
				}
				return a.One(t, "transfer %d cancelled; %d had it already", uint64(t.No), t.Verified)
			})
		}),
	})
}

func (a *app) transferRetry() *cobra.Command {
	return a.onTransfer(
		"retry ID",
		"Owe again what is incomplete, failed, was refused, expired or cancelled",
		func(ctx context.Context, client *apiclient.Client, no protocol.TransferNo) error {
			t, err := client.RetryTransfer(ctx, no)
			return a.oneOf(t, err, "transfer %d is owed to %d again, until %s", uint64(t.No), t.Owed,
				units.Day(t.ExpiresAt))
		},
	)
}

// hashOf names the digests that the files of one transfer have.
func hashOf(entries []groupcast.FileEntry) string {
	for _, e := range entries {
		if e.Hash != "" {
			return e.Hash.Named()
		}
	}
	return "DIGEST" // of no file
}
