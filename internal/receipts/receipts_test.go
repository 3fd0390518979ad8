package receipts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

var server = protocol.ServerID{1}

// signer is a device with its key, and a transfer of its group.
type signer struct {
	key    seal.SigningKey
	device groupcast.Device
	tr     store.Transfer
}

func newSigner() signer {
	s := signer{key: seal.NewSigningKey()}
	s.device = groupcast.Device{ID: protocol.DeviceID{7}, PublicKey: s.key.Public().Bytes()}
	s.tr.No, s.tr.GroupID = 3, protocol.GroupID{9}
	return s
}

// sign signs all of a receipt, or its outcome only with version 0.
func (s signer) sign(t *testing.T, r groupcast.Receipt) groupcast.Receipt {
	t.Helper()
	r.Transfer = s.tr.No
	full := signedOf(server, s.device, s.tr, r)
	if r.Version < groupcast.ReceiptVersion {
		r.Signature = seal.SignReceipt(s.key, full.Receipt)
		return r
	}
	var err error
	if r.Signature, err = seal.SignFullReceipt(s.key, full); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOnlyWhatTheDeviceSignedOpens(t *testing.T) {
	s := newSigner()
	whole := groupcast.Receipt{
		Version: groupcast.ReceiptVersion, Outcome: groupcast.DeliveryIncomplete, Path: groupcast.PathMulticast,
		Sequence: 5,
		Tally:    groupcast.Tally{Entries: 4, Missing: 1, Beside: 1}, Bytes: 77, Reason: "no permission",
	}
	for version, r := range map[string]groupcast.Receipt{
		"whole": whole, "outcome only": {Outcome: "verified", Sequence: 2},
	} {
		t.Run(version, func(t *testing.T) {
			r := s.sign(t, r)
			got, err := Open(server, s.device, s.tr, r)
			if err != nil || got.Device != s.device.ID || got.Sequence != r.Sequence || len(got.Signed) == 0 ||
				got.Reason != r.Reason {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	good := s.sign(t, whole)
	for name, change := range map[string]func(*signer, *groupcast.Receipt){
		"another outcome":  func(_ *signer, r *groupcast.Receipt) { r.Outcome = groupcast.DeliveryVerified },
		"another path":     func(_ *signer, r *groupcast.Receipt) { r.Path = groupcast.PathHTTPS },
		"other counts":     func(_ *signer, r *groupcast.Receipt) { r.Missing = 0 },
		"other bytes":      func(_ *signer, r *groupcast.Receipt) { r.Bytes++ },
		"another reason":   func(_ *signer, r *groupcast.Receipt) { r.Reason = "none" },
		"a later sequence": func(_ *signer, r *groupcast.Receipt) { r.Sequence++ },
		"an older version": func(_ *signer, r *groupcast.Receipt) { r.Version = 0 },
		"another group":    func(s *signer, _ *groupcast.Receipt) { s.tr.GroupID[0]++ },
		"another device":   func(s *signer, _ *groupcast.Receipt) { s.device.ID[0]++ },
		"another key":      func(s *signer, _ *groupcast.Receipt) { s.device.PublicKey = newSigner().device.PublicKey },
		"no key":           func(s *signer, _ *groupcast.Receipt) { s.device.PublicKey = nil },
		"a long reason": func(_ *signer, r *groupcast.Receipt) {
			r.Reason = strings.Repeat("x", groupcast.MaxReason+1)
		},
		"a cut off signature": func(_ *signer, r *groupcast.Receipt) { r.Signature = r.Signature[:10] },
	} {
		t.Run(name, func(t *testing.T) {
			s, r := s, good
			change(&s, &r)
			if _, err := Open(server, s.device, s.tr, r); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("it opened: %v", err)
			}
		})
	}
}

// kept are the entries that are stored of one delivery.
type kept struct {
	entries []groupcast.DeliveryEntry
	err     error
}

func (k kept) Entries(
	_ context.Context, _ protocol.TransferNo, _ protocol.DeviceID, w groupcast.Window,
) ([]groupcast.DeliveryEntry, int, error) {
	from := min(w.From, len(k.entries))
	return k.entries[from:min(len(k.entries), from+w.Limit)], len(k.entries), k.err
}

func TestWhatAReceiptCovers(t *testing.T) {
	var all []groupcast.DeliveryEntry
	for i := range 2*Page + 5 {
		all = append(all, groupcast.DeliveryEntry{Path: fmt.Sprint(i), Kind: "file", Result: groupcast.EntryMissing})
	}
	says := groupcast.Receipt{
		Version: groupcast.ReceiptVersion, Tally: groupcast.Tally{Missing: len(all)}, List: groupcast.EntriesDigest(all),
	}
	nothing := groupcast.Receipt{Version: groupcast.ReceiptVersion, List: groupcast.EntriesDigest(nil)}
	many := says
	many.Beside = Listed
	other := append([]groupcast.DeliveryEntry{{Path: "other", Kind: "file", Result: groupcast.EntryMissing}}, all[1:]...)
	with := func(change func(*groupcast.Receipt)) groupcast.Receipt {
		r := says
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		r    groupcast.Receipt
		kept kept
		want groupcast.Signed
	}{
		"all of it":        {says, kept{entries: all}, groupcast.SignedAll},
		"nothing to name":  {nothing, kept{}, groupcast.SignedAll},
		"one is not kept":  {says, kept{entries: all[:len(all)-1]}, groupcast.SignedCounts},
		"one is another":   {says, kept{entries: other}, groupcast.SignedCounts},
		"more than listed": {many, kept{entries: all}, groupcast.SignedCounts},
		"an old receipt":   {with(func(r *groupcast.Receipt) { r.Version = 0 }), kept{entries: all}, groupcast.SignedOutcome},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Covers(t.Context(), c.kept, groupcast.Device{}, c.r)
			if err != nil || got != c.want {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
		})
	}
	broken := kept{entries: all, err: errors.New("disk full")}
	if _, err := Covers(t.Context(), broken, groupcast.Device{}, says); !errors.Is(err, broken.err) {
		t.Errorf("a store that fails decides nothing: %v", err)
	}
}

func TestTheRoomForEntries(t *testing.T) {
	for manifest, want := range map[uint64]int64{0: entriesLeast, 1 << 20: 8 << 20, 1 << 40: EntriesMost} {
		t.Run(fmt.Sprint(manifest), func(t *testing.T) {
			if got := MostEntryBytes(store.Transfer{ManifestBytes: manifest}); got != want {
				t.Errorf("a manifest of %d bytes: %d, want %d", manifest, got, want)
			}
		})
	}
}

func TestWhichEntriesMayBeNamed(t *testing.T) {
	good := groupcast.DeliveryEntry{Path: "a", Kind: "file", Result: groupcast.EntryMissing}
	for name, c := range map[string]struct {
		change func(*groupcast.DeliveryEntry)
		ok     bool
	}{
		"a file":         {func(*groupcast.DeliveryEntry) {}, true},
		"a folder":       {func(e *groupcast.DeliveryEntry) { e.Kind = "folder" }, true},
		"beside":         {func(e *groupcast.DeliveryEntry) { e.Result, e.Name = groupcast.EntryBeside, "a (2)" }, true},
		"of no kind":     {func(e *groupcast.DeliveryEntry) { e.Kind = "door" }, false},
		"of no result":   {func(e *groupcast.DeliveryEntry) { e.Result = "gone" }, false},
		"without a path": {func(e *groupcast.DeliveryEntry) { e.Path = "" }, false},
		"a long path":    {func(e *groupcast.DeliveryEntry) { e.Path = strings.Repeat("a", protocol.MaxPathBytes+1) }, false},
		"a long name":    {func(e *groupcast.DeliveryEntry) { e.Name = strings.Repeat("a", protocol.MaxPathBytes+1) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := good
			c.change(&e)
			e.Reason = strings.Repeat("r", 2*groupcast.MaxReason)
			if err := CheckEntry(&e); (err == nil) != c.ok {
				t.Errorf("%v", err)
			} else if c.ok && len(e.Reason) > groupcast.MaxReason {
				t.Errorf("a reason of %d bytes", len(e.Reason))
			}
		})
	}
}

func TestCountsThatContradictThemselves(t *testing.T) {
	type tally = groupcast.Tally
	for name, c := range map[string]struct {
		outcome groupcast.DeliveryState
		tally   tally
		ok      bool
	}{
		"verified":              {groupcast.DeliveryVerified, tally{Entries: 3}, true},
		"verified, one beside":  {groupcast.DeliveryVerified, tally{Entries: 3, Beside: 1}, true},
		"verified, one missing": {groupcast.DeliveryVerified, tally{Entries: 3, Missing: 1}, false},
		"incomplete":            {groupcast.DeliveryIncomplete, tally{Entries: 3, Missing: 3}, true},
		"incomplete of nothing": {groupcast.DeliveryIncomplete, tally{Entries: 3}, false},
		"more missing than all": {groupcast.DeliveryIncomplete, tally{Entries: 1, Missing: 2}, false},
		"fewer than none":       {groupcast.DeliveryVerified, tally{Entries: -1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkTally(groupcast.Receipt{Outcome: c.outcome, Tally: c.tally})
			if (err == nil) != c.ok {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestOutcomesAndTheirCounts(t *testing.T) {
	for name, test := range map[string]struct {
		outcome                  groupcast.DeliveryState
		entries, missing, beside int
		good                     bool
	}{
		"verified":              {outcome: groupcast.DeliveryVerified, entries: 3, good: true},
		"verified, beside":      {outcome: groupcast.DeliveryVerified, entries: 3, beside: 3, good: true},
		"already had":           {outcome: groupcast.DeliveryAlreadyHad, good: true},
		"superseded":            {outcome: groupcast.DeliverySuperseded, good: true},
		"failed":                {outcome: groupcast.DeliveryFailed, good: true},
		"refused":               {outcome: groupcast.DeliveryRefused, good: true},
		"incomplete":            {outcome: groupcast.DeliveryIncomplete, entries: 3, missing: 1, good: true},
		"incomplete of nothing": {outcome: groupcast.DeliveryIncomplete, entries: 3},
		"verified, missing":     {outcome: groupcast.DeliveryVerified, entries: 3, missing: 1},
		"more than there are":   {outcome: groupcast.DeliveryIncomplete, entries: 3, missing: 2, beside: 2},
		"less than none":        {outcome: groupcast.DeliveryVerified, entries: 3, beside: -1},
		"beyond what is signed": {outcome: groupcast.DeliveryVerified, entries: 1 << 33},
		"queued":                {outcome: groupcast.DeliveryQueued},
		"cancelled":             {outcome: groupcast.DeliveryCancelled},
		"made up":               {outcome: "eaten"},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckOutcome(groupcast.Receipt{
				Outcome: test.outcome, Tally: groupcast.Tally{Entries: test.entries, Missing: test.missing, Beside: test.beside},
			})
			if (err == nil) != test.good || err != nil && groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%v", err)
			}
		})
	}
}
