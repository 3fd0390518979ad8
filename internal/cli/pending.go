package cli

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/watch"
)

func (a *app) pending() *cobra.Command {
	c := &cobra.Command{
		Use: "pending", Short: "What groups are owed: add, list, send, remove",
		Long: `What is pending delivers itself: as soon as a device that lacks it is active it is sent, by
multicast when two or more lack it, over HTTPS when it is one. It waits for whoever is off.`,
	}
	c.AddCommand(a.pendingAdd(), a.pendingList(), a.pendingSend(), a.pendingRemove())
	return c
}

func (a *app) pendingAdd() *cobra.Command {
	var o sendOptions
	c := &cobra.Command{
		Use: "add GROUP PATH...", Short: "Promise files and folders to a group", Args: o.args,
		Example: "  groupcast pending add lab-a ubuntu.iso course/\n" +
			"  groupcast pending add lab-a exam.pdf --hold        # until: groupcast pending send lab-a\n" +
			"  groupcast pending add lab-a big.img --keep 90d\n" +
			"  groupcast pending add --to lab-a --to lab-b course/",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			groups, paths := o.targets(args)
			all, err := a.promiseTo(c.Context(), client, o, groups, paths)
			for _, t := range all {
				err = errors.Join(err, a.sayPromised(t))
			}
			return err
		}),
	}
	o.flags(c)
	c.Flags().BoolVar(&o.new.Hold, "hold", false, "wait for: groupcast pending send GROUP")
	return c
}

// pendingRow is an open transfer with its reason and what is owed of it, in one JSON object.
type pendingRow struct {
	groupcast.Transfer
	Reason     string               `json:"reason"`
	Deliveries []groupcast.Delivery `json:"deliveries"`
}

func (a *app) pendingList() *cobra.Command {
	w := groupcast.Window{Limit: mostRows}
	c := &cobra.Command{
		Use: "list [GROUP]", Short: "What is owed, to whom, and why it waits", Args: cobra.MaximumNArgs(1),
		Example: "  groupcast pending list lab\n  groupcast pending list --from 1000          # what follows the first 1,000",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			group := ""
			if len(args) > 0 {
				group = args[0]
			}
			owed, err := client.Pending(c.Context(), group, w)
			if err != nil {
				return err
			}
			if err := a.listPending(owed.Rows); err != nil {
				return err
			}
			shown := 0
			for _, p := range owed.Rows {
				shown += max(len(p.Deliveries), 1)
			}
			return a.sayMore(w, shown, owed.Total)
		}),
	}
	windowFlags(c, &w, "owed deliveries")
	return c
}

func (a *app) listPending(owed []groupcast.PendingTransfer) error {
	if a.JSON {
		rows := make([]pendingRow, len(owed))
		for i, p := range owed {
			rows[i] = pendingRow{p.Transfer, p.Reason, p.Deliveries}
		}
		return a.PrintJSON(rows)
	}
	if len(owed) == 0 {
		fmt.Fprintln(a.Out, "nothing is owed to anybody")
		return nil
	}
	for i, p := range owed {
		if i > 0 {
			fmt.Fprintln(a.Out)
		}
		t := p.Transfer
		fmt.Fprintf(a.Out, "%d  %s  for %s: %s, %s, owed to %d, until %s\n", t.No, ui.Name(t.Name), ui.Name(t.Group),
			ui.Contents(t), ui.Size(t.Bytes), t.Owed, ui.Day(t.ExpiresAt))
		if line := ui.Line(ui.Snapshot{Transfer: t, Deliveries: p.Deliveries}, time.Now()); line != "" {
			fmt.Fprintln(a.Out, "  ", line)
		}
		if next := ui.NextStep(t); next != "" {
			fmt.Fprintln(a.Out, "   next:", next)
		}
		if err := watch.Deliveries(&a.Streams, p.Deliveries); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) pendingSend() *cobra.Command {
	return &cobra.Command{
		Example: "  groupcast pending send lab-a",
		Use:     "send GROUP", Short: "Send everything that is pending for a group now", Args: cobra.ExactArgs(1),
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			sent, err := client.SendPending(c.Context(), args[0])
			if err != nil {
				return err
			}
			return terminal.List(
				&a.Streams,
				sent,
				"nothing is pending for "+ui.Name(args[0]),
				"ID|NAME|SIZE|OWED TO|STATE",
				func(t groupcast.Transfer) []string {
					return []string{number(t.No), t.Name, ui.Size(t.Bytes), fmt.Sprint(t.Owed), ui.TransferState(t)}
				},
			)
		}),
	}
}

func (a *app) pendingRemove() *cobra.Command {
	c := a.transferCancel()
	c.Use, c.Short, c.Aliases = "remove ID...", "Take back what is still owed of a transfer", nil
	c.Example = "  groupcast pending remove 12\n  groupcast pending remove 12 --yes"
	return c
}

// transferNo reads the number of a transfer.
func transferNo(text string) (protocol.TransferNo, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, groupcast.Errorf(groupcast.EInvalid, "%q is not the number of a transfer", text).
			WithHint("`groupcast transfer list` shows them")
	}
	return protocol.TransferNo(n), nil
}

func number(n protocol.TransferNo) string { return strconv.FormatUint(uint64(n), 10) }
