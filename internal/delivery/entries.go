package delivery

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receipts"
	"github.com/groupcast/groupcast/internal/schedule"
)

// KeepEntries keeps a page of what does not lie under its name at a device.
func (e *Engine) KeepEntries(ctx context.Context, dev protocol.DeviceID, page groupcast.EntryPage) error {
	if _, err := e.store.Entitled(ctx, page.Transfer, dev); err != nil {
		return err
	}
	tr, err := e.store.Transfer(ctx, page.Transfer)
	if err != nil {
		return err
	}
	if page.From < 0 || len(page.Entries) > groupcast.MaxEntryPage {
		return groupcast.Errorf(groupcast.EInvalid, "a page has at most %d entries", groupcast.MaxEntryPage)
	}
	for i := range page.Entries {
		if err := receipts.CheckEntry(&page.Entries[i]); err != nil {
			return err
		}
	}
	e.change(func(sch *schedule.Scheduler, now time.Time) { sch.Heard(now, page.Transfer, dev) })
	return e.store.AddEntries(ctx, page, dev, receipts.MostEntryBytes(tr))
}

// Entries lists what does not lie under its name at a device.
func (e *Engine) Entries(
	ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID, w groupcast.Window,
) (groupcast.DeliveryEntries, error) {
	d, err := e.store.Delivery(ctx, no, dev)
	if err != nil {
		return groupcast.DeliveryEntries{}, err
	}
	if d.State.Owed() {
		return groupcast.DeliveryEntries{}, nil // the list is only on its way
	}
	if w.Limit <= 0 || w.Limit > receipts.Page {
		w.Limit = receipts.Page
	}
	entries, kept, err := e.store.Entries(ctx, no, dev, w)
	return groupcast.DeliveryEntries{Total: d.Missing + d.Beside, Listed: kept, Entries: entries}, err
}
