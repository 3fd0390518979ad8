package delivery

import (
	"context"
	"math"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
)

// The bounds of the entries that are kept of one delivery: a device cannot name more than there
// are in the manifest, with a reason each.
const (
	entriesPerManifest = 8 // times the manifest's size
	entriesLeast       = 64 << 10
	entriesMost        = 64 << 20
	entriesListed      = 1000 // at once
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
		if err := checkEntry(&page.Entries[i]); err != nil {
			return err
		}
	}
	e.change(func(sch *schedule.Scheduler, now time.Time) { sch.Heard(now, page.Transfer, dev) })
	return e.store.AddEntries(ctx, page, dev, mostEntryBytes(tr))
}

func mostEntryBytes(tr store.Transfer) int64 {
	return int64(min(max(entriesPerManifest*tr.ManifestBytes, entriesLeast), entriesMost))
}

func checkEntry(e *groupcast.DeliveryEntry) error {
	switch e.Kind {
	case "file", "folder", "symlink":
	default:
		return groupcast.Errorf(groupcast.EInvalid, "%q is no kind of entry", groupcast.Clip(e.Kind))
	}
	if e.Result != groupcast.EntryMissing && e.Result != groupcast.EntryBeside {
		return groupcast.Errorf(groupcast.EInvalid, "%q is not what becomes of an entry", groupcast.Clip(string(e.Result)))
	}
	if e.Path == "" || len(e.Path) > protocol.MaxPathBytes || len(e.Name) > protocol.MaxPathBytes {
		return groupcast.Errorf(groupcast.EInvalid, "an entry has a path of at most %d bytes", protocol.MaxPathBytes)
	}
	e.Reason = groupcast.Clip(e.Reason)
	return nil
}

// checkTally holds a receipt to its own counts: what is verified lacks nothing.
func checkTally(r groupcast.Receipt) error {
	if r.Entries < 0 || r.Missing < 0 || r.Beside < 0 || r.Missing+r.Beside > r.Entries ||
		uint64(r.Entries) > math.MaxUint32 {
		return groupcast.Errorf(groupcast.EInvalid, "the receipt counts more entries than there are")
	}
	if (r.Outcome == groupcast.DeliveryIncomplete) != (r.Missing > 0) {
		return groupcast.Errorf(groupcast.EInvalid, "the receipt says %s, and counts %d missing", r.Outcome, r.Missing)
	}
	return nil
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
	if w.Limit <= 0 || w.Limit > entriesListed {
		w.Limit = entriesListed
	}
	entries, kept, err := e.store.Entries(ctx, no, dev, w)
	return groupcast.DeliveryEntries{Total: d.Missing + d.Beside, Listed: kept, Entries: entries}, err
}
