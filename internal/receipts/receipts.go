// Package receipts checks what devices say of their deliveries: signatures, counts, and entries that do not lie
// under their names. It keeps nothing itself.
package receipts

import (
	"context"
	"math"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

// Listed bounds the entries of all devices that a proof names.
const Listed = 20_000

// Page is how many kept entries of a delivery are read at once.
const Page = 1000

// EntriesMost bounds what is kept of the entries of one delivery: bytes.
const EntriesMost = 64 << 20

// The bounds of the entries that are kept of one delivery: a device cannot name more than there
// are in the manifest, with a reason each.
const (
	entriesPerManifest = 8  // times the manifest's size
	entriesPerSkeleton = 32 // times the skeleton's, in which paths share their beginnings
	entriesLeast       = 64 << 10
)

// EntryStore gives what is kept of the entries of a delivery (store.Store).
type EntryStore interface {
	Entries(
		ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID, w groupcast.Window,
	) (entries []groupcast.DeliveryEntry, kept int, err error)
}

// Open checks a receipt's signature with the device's key and gives what was signed. EInvalid: it is not
// the device's, the reason is too long, or it is not of the transfer's format. EConflict, of a paged transfer: it
// is about another edition or final page than the transfer's.
func Open(
	server protocol.ServerID, d groupcast.Device, tr store.Transfer, r groupcast.Receipt,
) (store.SignedReceipt, error) {
	out := store.SignedReceipt{
		Transfer: r.Transfer, Device: d.ID, Sequence: r.Sequence, Signature: r.Signature,
		Key: d.PublicKey, Since: d.CreatedAt, Reason: groupcast.Clip(r.Reason),
	}
	key, err := seal.VerifyKeyFrom(d.PublicKey)
	if err != nil {
		return out, groupcast.Errorf(groupcast.EInvalid, "this device has no key to sign receipts with").
			WithHint("log in again").Wrap(err)
	}
	if r.Version >= groupcast.ReceiptVersion && out.Reason != r.Reason {
		return out, groupcast.Errorf(groupcast.EInvalid, "a receipt's reason has at most %d bytes", groupcast.MaxReason)
	}
	paged := r.Version >= groupcast.ReceiptVersionPaged
	if paged != tr.Paged || !paged && (r.Paged != nil || r.Void != 0) {
		return out, errFormat
	}
	if tr.Paged {
		out.Signed, err = openPaged(server, key, d, tr, r)
		return out, err
	}
	full := signedOf(server, d, tr, r)
	if r.Version < groupcast.ReceiptVersion {
		out.Signed = full.Receipt.Signed()
		err = seal.VerifyReceipt(key, full.Receipt, r.Signature)
	} else if out.Signed, err = full.Signed(); err == nil {
		err = seal.VerifyFullReceipt(key, full, r.Signature)
	}
	if err != nil {
		return out, groupcast.Errorf(groupcast.EInvalid, "the receipt's signature is not this device's").Wrap(err)
	}
	return out, nil
}

func signedOf(
	server protocol.ServerID, d groupcast.Device, tr store.Transfer, r groupcast.Receipt,
) seal.FullReceipt {
	return seal.FullReceipt{
		Receipt: seal.Receipt{
			Server: server, Group: tr.GroupID, Transfer: r.Transfer, Root: r.Root,
			Device: d.ID, Outcome: string(r.Outcome), Sequence: r.Sequence,
		},
		Path: string(r.Path), Bytes: r.Bytes,
		Entries: uint32(r.Entries), Missing: uint32(r.Missing), Beside: uint32(r.Beside),
		Reason: groupcast.ReasonDigest(r.Reason), List: r.List,
	}
}

// Covers says how much of what is shown of a delivery its receipt signs: the names of entries that are
// missing or beside only if they are all stored as the device reported them.
func Covers(ctx context.Context, s EntryStore, d groupcast.Device, r groupcast.Receipt) (groupcast.Signed, error) {
	if r.Version < groupcast.ReceiptVersion {
		return groupcast.SignedOutcome, nil
	}
	if r.Missing+r.Beside > Listed {
		return groupcast.SignedCounts, nil
	}
	var all []groupcast.DeliveryEntry
	for len(all) < r.Missing+r.Beside {
		next := groupcast.Window{From: len(all), Limit: min(Page, r.Missing+r.Beside-len(all))}
		some, _, err := s.Entries(ctx, r.Transfer, d.ID, next)
		if err != nil {
			return "", err
		}
		if len(some) == 0 {
			return groupcast.SignedCounts, nil
		}
		all = append(all, some...)
	}
	if groupcast.EntriesDigest(all) != r.List {
		return groupcast.SignedCounts, nil
	}
	return groupcast.SignedAll, nil
}

// MostEntryBytes is how much of a delivery's entries is kept.
func MostEntryBytes(tr store.Transfer) int64 {
	most := max(entriesPerManifest*tr.ManifestBytes, entriesPerSkeleton*tr.SkeletonBytes, entriesLeast)
	return int64(min(most, EntriesMost))
}

// CheckEntry says whether a device may name an entry like that, and shortens its reason.
func CheckEntry(e *groupcast.DeliveryEntry) error {
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

// CheckOutcome says whether a delivery may end like that, with these counts.
func CheckOutcome(r groupcast.Receipt) error {
	switch r.Outcome {
	case groupcast.DeliveryVerified, groupcast.DeliveryAlreadyHad, groupcast.DeliverySuperseded,
		groupcast.DeliveryIncomplete, groupcast.DeliveryFailed, groupcast.DeliveryRefused:
	default:
		return groupcast.Errorf(groupcast.EInvalid, "%q is not an outcome of a delivery", string(r.Outcome))
	}
	return checkTally(r)
}

// checkTally holds a receipt to its own counts: what is verified lacks nothing.
func checkTally(r groupcast.Receipt) error {
	if r.Entries < 0 || r.Missing < 0 || r.Beside < 0 || r.Void < 0 || r.Missing+r.Beside+r.Void > r.Entries ||
		uint64(r.Entries) > math.MaxUint32 {
		return groupcast.Errorf(groupcast.EInvalid, "the receipt counts more entries than there are")
	}
	if (r.Outcome == groupcast.DeliveryIncomplete) != (r.Missing > 0) {
		return groupcast.Errorf(groupcast.EInvalid, "the receipt says %s, and counts %d missing", r.Outcome, r.Missing)
	}
	return nil
}
