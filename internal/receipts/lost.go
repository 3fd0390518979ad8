package receipts

import (
	"context"
	"fmt"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// EntryKeeper keeps entries of a delivery (store.Store).
type EntryKeeper interface {
	AddEntries(ctx context.Context, e groupcast.EntryPage, dev protocol.DeviceID, most int64) error
}

// MayLack says whether a device that gives this receipt lacks what the server lost of the transfer.
func MayLack(tr store.Transfer, r groupcast.Receipt) bool {
	lost := tr.Lost > 0 && r.Root == tr.Root
	if tr.Paged {
		// The device knows from the pages what is void, and signed it. What went before the files were listed again for
		// a retry is not in them.
		lost = r.Void > 0 || lost && r.Root != (protocol.Digest{})
	}
	return lost && (r.Outcome.Delivered() || r.Outcome == groupcast.DeliveryIncomplete)
}

// Lacking adds to a receipt what the server lost of the transfer: a device that has all that was
// left of it does not have all that was promised. A receipt of a paged transfer counts that itself, beside what is
// missing; here it becomes part of it.
func Lacking(
	ctx context.Context, s EntryKeeper, d groupcast.Device, tr store.Transfer, r groupcast.Receipt,
	lost []groupcast.LeftOut,
) (groupcast.Receipt, error) {
	more, further := len(lost), len(lost)
	if tr.Paged {
		if r.Root == (protocol.Digest{}) {
			lost = nil // it does not know all pages yet: which of them it lacks is not known
		}
		further = max(0, len(lost)-r.Void)
		more = r.Void + further
		r.Void = more // faces say so in their own words; the reason is the device's
	}
	if err := keepLost(ctx, s, d, tr, r.Missing+r.Beside, lost); err != nil {
		return r, err
	}
	if r.Entries == 0 {
		r.Entries = tr.Entries()
	}
	r.Outcome, r.Entries, r.Missing = groupcast.DeliveryIncomplete, r.Entries+further, r.Missing+more
	if r.Reason == "" && !tr.Paged {
		r.Reason = fmt.Sprintf("%d changed, went or could not be read at the server while it was sent", more)
	}
	return r, nil
}

// CoversLacking says how much of what is shown of a delivery its receipt signs once Lacking added to it.
func CoversLacking(tr store.Transfer, signed, shown groupcast.Tally) groupcast.Signed {
	if tr.Paged && signed.Entries == shown.Entries {
		return groupcast.SignedCounts // how many the server lost is signed, their names are the server's word
	}
	return groupcast.SignedOutcome
}

func lostBecause(why groupcast.Why) string {
	if why == groupcast.WhyUnread {
		return "could not be read"
	}
	return string(why)
}

// lostKept bounds the lost entries that are kept by name of a transfer, over all its devices.
const lostKept = 100_000

// keepLost adds the entries that a device lacks because the server lost them, after those that it reported
// itself. If there is no room for them, the receipt is taken all the same.
func keepLost(
	ctx context.Context, s EntryKeeper, d groupcast.Device, tr store.Transfer, from int, lost []groupcast.LeftOut,
) error {
	devices := tr.Owed + tr.Verified + tr.Incomplete + tr.Failed
	lost = lost[:min(len(lost), max(Page, lostKept/max(devices, 1)))]
	for some := range slices.Chunk(lost, Page) {
		page := groupcast.EntryPage{Transfer: tr.No, From: from}
		for _, l := range some {
			page.Entries = append(page.Entries, groupcast.DeliveryEntry{
				Path: l.Path, Kind: "file", Result: groupcast.EntryMissing,
				Reason: lostBecause(l.Why) + " at the server while it was sent",
			})
		}
		// The manifest of what is left says nothing of how much was lost.
		err := s.AddEntries(ctx, page, d.ID, EntriesMost)
		if groupcast.ErrorCode(err) == groupcast.EConflict {
			return nil
		}
		if err != nil {
			return err
		}
		from += len(page.Entries)
	}
	return nil
}
