package watch

import (
	"context"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
)

// What is shown of entries that do not lie under their names without being asked for.
const (
	entriesShown   = 20 // of one device
	devicesShown   = 10
	entriesPerCall = 1000
)

// Astray prints what does not lie under its name, device by device: the first of it, and
// how to see the rest.
func (v View) Astray(ctx context.Context, deliveries []groupcast.Delivery) error {
	devices := 0
	for _, d := range deliveries {
		if d.State.Owed() || d.Missing+d.Beside == 0 {
			continue
		}
		if devices++; devices > devicesShown {
			continue
		}
		list, err := v.Client.DeliveryEntries(ctx, d.Transfer, d.DeviceID, groupcast.Window{Limit: entriesShown})
		if err != nil {
			return err
		}
		fmt.Fprintf(v.Out, "\n%s/%s: %s\n", ui.Name(d.User), ui.Name(d.Device), ui.Astray(d))
		v.entryTable(list.Entries)
		if more := list.Total - len(list.Entries); more > 0 {
			fmt.Fprintf(v.Out, "%d more: groupcast transfer show %d --entries %s/%s\n", more, d.Transfer, ui.Name(d.User),
				ui.Name(d.Device))
		}
	}
	if devices > devicesShown {
		fmt.Fprintf(v.Out, "\n%d more devices have entries missing or beside: --entries USER/DEVICE shows those of one\n",
			devices-devicesShown)
	}
	return nil
}

func (v View) entryTable(entries []groupcast.DeliveryEntry) {
	if len(entries) == 0 {
		return
	}
	rows := make([][]string, len(entries))
	for i, e := range entries {
		rows[i] = ui.EntryRow(e)
	}
	for _, line := range ui.Table(ui.EntryHead, rows) {
		fmt.Fprintln(v.Out, "  "+line)
	}
}

// Entries prints all that does not lie under its name at one device.
func (v View) Entries(ctx context.Context, d groupcast.Delivery) error {
	all := []groupcast.DeliveryEntry{}
	for from := 0; ; {
		page := groupcast.Window{From: from, Limit: entriesPerCall}
		list, err := v.Client.DeliveryEntries(ctx, d.Transfer, d.DeviceID, page)
		if err != nil {
			return err
		}
		if from == 0 && !v.JSON {
			fmt.Fprintf(v.Out, "%s/%s: %s\n", ui.Name(d.User), ui.Name(d.Device), ui.Astray(d))
		}
		if v.JSON {
			all = append(all, list.Entries...)
		} else {
			v.entryTable(list.Entries)
		}
		from += len(list.Entries)
		if len(list.Entries) > 0 && from < list.Listed {
			continue
		}
		if v.JSON {
			return v.PrintJSON(all)
		}
		if list.Listed < list.Total {
			fmt.Fprintf(v.Out, "%d more are counted and not listed: the server keeps no more of one device\n",
				list.Total-list.Listed)
		}
		return nil
	}
}
