package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/ui"
)

// deviceLabel sets and removes labels. Devices come first, then what changes: room=2 sets, room- removes.
func (a *app) deviceLabel() *cobra.Command {
	return &cobra.Command{
		Use: "label DEVICE... KEY=VALUE|KEY-...", Short: "Set and remove labels of devices", Args: cobra.MinimumNArgs(2),
		Long: `room=2 sets a label, room- removes it. A key is made of a-z, 0-9, '.', '_' and '-'; a device has 16 labels
at most. What is owed already stays owed: labels count when a transfer is made, and for who comes later.`,
		Example: "  groupcast device label pc-03 pc-04 room=2\n" +
			"  groupcast device label alice/pc-03 kind=exam room-\n" +
			"  groupcast send lab-a exam.pdf --only room=2",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			which, change := labelArgs(args)
			if len(change.Set)+len(change.Remove) == 0 {
				return groupcast.Errorf(groupcast.EInvalid, "no label is named").
					WithHint("write KEY=VALUE to set one, KEY- to remove one: groupcast device label pc-03 room=2")
			}
			if len(which) == 0 {
				return groupcast.Errorf(groupcast.EInvalid, "no device is named").
					WithHint("groupcast device label pc-03 %s", args[0])
			}
			found, _, err := namedDevices(c, client, which)
			if err != nil {
				return err
			}
			return a.atOnce(found, func(ids []protocol.DeviceID) ([]groupcast.DeviceResult, error) {
				change.Devices = ids
				return client.LabelDevices(c.Context(), change)
			}, func(r groupcast.DeviceResult) string {
				if len(r.Labels) == 0 {
					return "has no label"
				}
				return r.Labels.String()
			})
		}),
	}
}

// labelArgs parts the devices from what is changed.
func labelArgs(args []string) (which []string, c groupcast.LabelChange) {
	c.Set = groupcast.Labels{}
	for _, arg := range args {
		if key, value, ok := strings.Cut(arg, "="); ok && !strings.Contains(key, "/") {
			c.Set[key] = value
			continue
		}
		if key, ok := strings.CutSuffix(arg, "-"); ok && !strings.Contains(arg, "/") {
			c.Remove = append(c.Remove, key)
			continue
		}
		which = append(which, arg)
	}
	return which, c
}

func (a *app) deviceDrop() *cobra.Command {
	var transfer string
	c := shell.AsksFirst(&cobra.Command{
		Use: "drop DEVICE...", Short: "Cancel what devices are still owed", Args: cobra.MinimumNArgs(1),
		Long: `All that the devices are owed ends as cancelled, or one transfer with --transfer. Files that they have stay.
` + "`groupcast transfer retry ID`" + ` owes it again.`,
		Example: "  groupcast device drop pc-03 pc-04\n  groupcast device drop alice/pc-03 --transfer 12 --yes",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			var q groupcast.DropOwed
			what := "all that is still owed to"
			if transfer != "" {
				no, err := transferNo(transfer)
				if err != nil {
					return err
				}
				q.Transfer, what = no, fmt.Sprintf("what is still owed of transfer %d to", no)
			}
			found, names, err := namedDevices(c, client, args)
			if err != nil {
				return err
			}
			for i, d := range found {
				if q.Transfer == 0 {
					names[i] += fmt.Sprintf(" (%s)", ui.Plural(d.Owed, "transfer"))
				}
			}
			if err := a.sure(c, "This cancels %s %s", what, strings.Join(names, ", ")); err != nil {
				return err
			}
			return a.atOnce(found, func(ids []protocol.DeviceID) ([]groupcast.DeviceResult, error) {
				q.Devices = ids
				return client.DropOwed(c.Context(), q)
			}, func(r groupcast.DeviceResult) string { return "is not owed any more: " + strings.Join(r.Dropped, ", ") })
		}),
	})
	c.Flags().StringVar(&transfer, "transfer", "", "only the transfer `ID`")
	return c
}

// atOnceSize is how many devices one call is about: its answer comes soon enough.
const atOnceSize = 50

// atOnce does something to several devices and says what became of each.
func (a *app) atOnce(
	found []groupcast.Device, do func([]protocol.DeviceID) ([]groupcast.DeviceResult, error),
	say func(groupcast.DeviceResult) string,
) error {
	all := []groupcast.DeviceResult{}
	var failed error
	for some := range slices.Chunk(found, atOnceSize) {
		ids := make([]protocol.DeviceID, len(some))
		for i, d := range some {
			ids[i] = d.ID
		}
		done, err := do(ids)
		if all = append(all, done...); err != nil {
			failed = err
			break
		}
	}
	var refused []groupcast.DeviceResult
	for _, r := range all {
		if r.Code != "" {
			refused = append(refused, r)
		} else if !a.JSON {
			fmt.Fprintf(a.Out, "%s: %s\n", ui.Name(r.Who()), ui.Name(say(r)))
		}
	}
	if a.JSON {
		if err := a.PrintJSON(all); err != nil {
			return err
		}
	}
	if failed != nil || len(refused) == 0 {
		return failed
	}
	return groupcast.Errorf(refused[0].Code, "%d done, %d refused: %s", len(all)-len(refused), len(refused),
		ui.Refused(refused))
}
