package server

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

// Entries keeps a page of what does not lie under its name at a device.
func (s *Server) Entries(ctx context.Context, p groupcast.Principal, e groupcast.EntryPage) error {
	d, err := mustAgent(p)
	if err != nil {
		return err
	}
	if _, err := s.store.Entitled(ctx, e.Transfer, d.ID); err != nil {
		return err
	}
	tr, err := s.store.Transfer(ctx, e.Transfer)
	if err != nil {
		return err
	}
	if e.From < 0 || len(e.Entries) > groupcast.MaxEntryPage {
		return groupcast.Errorf(groupcast.EInvalid, "a page has at most %d entries", groupcast.MaxEntryPage)
	}
	for i := range e.Entries {
		if err := checkEntry(&e.Entries[i]); err != nil {
			return err
		}
	}
	s.live.change(func(sch *schedule.Scheduler, now time.Time) { sch.Heard(now, e.Transfer, d.ID) })
	return s.store.AddEntries(ctx, e, d.ID, mostEntryBytes(tr))
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
	if r.Entries < 0 || r.Missing < 0 || r.Beside < 0 || r.Missing+r.Beside > r.Entries || uint64(r.Entries) > math.MaxUint32 {
		return groupcast.Errorf(groupcast.EInvalid, "the receipt counts more entries than there are")
	}
	if (r.Outcome == groupcast.DeliveryIncomplete) != (r.Missing > 0) {
		return groupcast.Errorf(groupcast.EInvalid, "the receipt says %s, and counts %d missing", r.Outcome, r.Missing)
	}
	return nil
}

// DeliveryEntries lists what does not lie under its name at a device.
func (s *Server) DeliveryEntries(ctx context.Context, p groupcast.Principal, no protocol.TransferNo, dev protocol.DeviceID, w groupcast.Window) (groupcast.DeliveryEntries, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.DeliveryEntries{}, err
	}
	d, err := s.store.Delivery(ctx, no, dev)
	if err != nil {
		return groupcast.DeliveryEntries{}, err
	}
	if d.State.Owed() {
		return groupcast.DeliveryEntries{}, nil // the list is only on its way
	}
	if w.Limit <= 0 || w.Limit > entriesListed {
		w.Limit = entriesListed
	}
	entries, kept, err := s.store.Entries(ctx, no, dev, w)
	return groupcast.DeliveryEntries{Total: d.Missing + d.Beside, Listed: kept, Entries: entries}, err
}
