package receipts

import (
	"context"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

// newPaged is a signer with a paged transfer.
func newPaged() signer {
	s := newSigner()
	s.tr.Paged, s.tr.ID, s.tr.Edition = true, protocol.TransferID{4}, 2
	s.tr.Skeleton, s.tr.Root, s.tr.Lost = protocol.Digest{5}, protocol.Digest{6}, 2
	return s
}

// receipt is one of the signer's transfer, not signed yet.
func (s signer) receipt(outcome groupcast.DeliveryState, tally groupcast.Tally) groupcast.Receipt {
	return groupcast.Receipt{
		Transfer: s.tr.No, Root: s.tr.Root, Outcome: outcome, Path: groupcast.PathMulticast, Sequence: 5, Tally: tally,
		Bytes: 77, Reason: "no permission", Version: groupcast.ReceiptVersionPaged, List: groupcast.EntriesDigest(nil),
		Paged: &groupcast.PagedReceipt{
			TransferID: s.tr.ID, Skeleton: s.tr.Skeleton, Edition: s.tr.Edition, Site: protocol.SiteID{3},
		},
	}
}

// signPaged signs what a device would: the bytes are put together here, as docs/format-2.md has them.
func (s signer) signPaged(t *testing.T, r groupcast.Receipt) groupcast.Receipt {
	t.Helper()
	outcome, ok := format2.OutcomeOf(string(r.Outcome))
	path, way := format2.PathOf(string(r.Path))
	if !ok || !way {
		t.Fatal(r.Outcome, r.Path)
	}
	_, signature, err := seal.SignReceipt2(s.key, format2.Receipt{
		Server: server, Group: s.tr.GroupID, Transfer: s.tr.No, TransferID: r.Paged.TransferID, Skeleton: r.Paged.Skeleton,
		Edition: r.Paged.Edition, Root: r.Root, Device: s.device.ID, Site: r.Paged.Site, Sequence: r.Sequence,
		Outcome: outcome, Path: path, Entries: uint32(r.Entries), Missing: uint32(r.Missing), Beside: uint32(r.Beside),
		Void: uint32(r.Void), Bytes: r.Bytes, Reason: groupcast.ReasonDigest(r.Reason), List: r.List,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Signature = signature
	return r
}

func TestOnlyWhatTheDeviceSignedOfPagesOpens(t *testing.T) {
	s := newPaged()
	tally := groupcast.Tally{Entries: 9, Missing: 1, Beside: 1, Void: 2}
	good := s.signPaged(t, s.receipt(groupcast.DeliveryIncomplete, tally))
	got, err := Open(server, s.device, s.tr, good)
	if err != nil || got.Device != s.device.ID || got.Sequence != 5 || got.Reason != good.Reason {
		t.Fatalf("%+v, %v", got, err)
	}
	full, err := seal.OpenReceipt2(s.key.Public(), got.Signed, got.Signature)
	if err != nil || full.Void != 2 || full.Edition != 2 || full.Root != s.tr.Root || full.Site != good.Paged.Site {
		t.Errorf("what is kept is another: %+v, %v", full, err)
	}
	for name, change := range map[string]func(*signer, *groupcast.Receipt){
		"another outcome":     func(_ *signer, r *groupcast.Receipt) { r.Outcome, r.Missing = groupcast.DeliveryVerified, 0 },
		"no outcome":          func(_ *signer, r *groupcast.Receipt) { r.Outcome = groupcast.DeliveryQueued },
		"another path":        func(_ *signer, r *groupcast.Receipt) { r.Path = groupcast.PathHTTPS },
		"no path":             func(_ *signer, r *groupcast.Receipt) { r.Path = "pigeon" },
		"another root":        func(_ *signer, r *groupcast.Receipt) { r.Root[0]++ },
		"more entries":        func(_ *signer, r *groupcast.Receipt) { r.Entries++ },
		"more missing":        func(_ *signer, r *groupcast.Receipt) { r.Missing++ },
		"none beside":         func(_ *signer, r *groupcast.Receipt) { r.Beside = 0 },
		"none void":           func(_ *signer, r *groupcast.Receipt) { r.Void = 0 },
		"other bytes":         func(_ *signer, r *groupcast.Receipt) { r.Bytes++ },
		"another reason":      func(_ *signer, r *groupcast.Receipt) { r.Reason = "none" },
		"another list":        func(_ *signer, r *groupcast.Receipt) { r.List[0]++ },
		"a later sequence":    func(_ *signer, r *groupcast.Receipt) { r.Sequence++ },
		"another transfer ID": func(_ *signer, r *groupcast.Receipt) { r.Paged.TransferID[0]++ },
		"another skeleton":    func(_ *signer, r *groupcast.Receipt) { r.Paged.Skeleton[0]++ },
		"another edition":     func(_ *signer, r *groupcast.Receipt) { r.Paged.Edition++ },
		"another site":        func(_ *signer, r *groupcast.Receipt) { r.Paged.Site[0]++ },
		"another number":      func(_ *signer, r *groupcast.Receipt) { r.Transfer++ },
		"another group":       func(s *signer, _ *groupcast.Receipt) { s.tr.GroupID[0]++ },
		"another device":      func(s *signer, _ *groupcast.Receipt) { s.device.ID[0]++ },
		"another key":         func(s *signer, _ *groupcast.Receipt) { s.device.PublicKey = newSigner().device.PublicKey },
		"an older version":    func(_ *signer, r *groupcast.Receipt) { r.Version = groupcast.ReceiptVersion },
		"nothing of pages":    func(_ *signer, r *groupcast.Receipt) { r.Paged = nil },
		"of format 1":         func(s *signer, _ *groupcast.Receipt) { s.tr.Paged = false },
		"a cut off signature": func(_ *signer, r *groupcast.Receipt) { r.Signature = r.Signature[:10] },
	} {
		t.Run(name, func(t *testing.T) {
			s, r := s, good
			own := *good.Paged
			r.Paged = &own
			change(&s, &r)
			if _, err := Open(server, s.device, s.tr, r); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("it opened: %v", err)
			}
		})
	}
}

// What is not of this transfer's newest pages closes nothing, however well it is signed.
func TestReceiptsOfOtherPages(t *testing.T) {
	s := newPaged()
	verified := s.receipt(groupcast.DeliveryVerified, groupcast.Tally{Entries: 9, Void: 2})
	failed := s.receipt(groupcast.DeliveryFailed, groupcast.Tally{Entries: 9})
	failed.Root = protocol.Digest{} // it has not seen the final page
	for name, c := range map[string]struct {
		r      groupcast.Receipt
		change func(*store.Transfer)
		code   groupcast.Code
	}{
		"as it is":                    {verified, func(*store.Transfer) {}, ""},
		"failed without a final page": {failed, func(*store.Transfer) {}, ""},
		"of an earlier edition":       {verified, func(tr *store.Transfer) { tr.Edition++ }, groupcast.EConflict},
		"of a later edition":          {verified, func(tr *store.Transfer) { tr.Edition-- }, groupcast.EConflict},
		"failed in another edition":   {failed, func(tr *store.Transfer) { tr.Edition++ }, groupcast.EConflict},
		"of another skeleton":         {verified, func(tr *store.Transfer) { tr.Skeleton[0]++ }, groupcast.EConflict},
		"of another transfer":         {verified, func(tr *store.Transfer) { tr.ID[0]++ }, groupcast.EConflict},
		"of another final page":       {verified, func(tr *store.Transfer) { tr.Root[0]++ }, groupcast.EConflict},
		"before the final page": {
			verified, func(tr *store.Transfer) { tr.Root = protocol.Digest{} }, groupcast.EConflict,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := s
			r := s.signPaged(t, c.r)
			c.change(&s.tr)
			if _, err := Open(server, s.device, s.tr, r); (err == nil) != (c.code == "") ||
				err != nil && groupcast.ErrorCode(err) != c.code {
				t.Errorf("%v, want %q", err, c.code)
			}
		})
	}
	plain := newSigner()
	r := plain.sign(t, groupcast.Receipt{
		Version: groupcast.ReceiptVersion, Outcome: "verified", Path: groupcast.PathHTTPS,
	})
	r.Void = 3 // which nothing signs
	if _, err := Open(server, plain.device, plain.tr, r); groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("void files in a receipt of format 1: %v", err)
	}
}

// keeper notes the entries that are kept.
type keeper struct{ entries []groupcast.DeliveryEntry }

func (k *keeper) AddEntries(_ context.Context, e groupcast.EntryPage, _ protocol.DeviceID, _ int64) error {
	k.entries = append(k.entries, e.Entries...)
	return nil
}

// Void files are missing at the device, and it signed how many that are.
func TestVoidFilesAreLacking(t *testing.T) {
	s := newPaged()
	lost := []groupcast.LeftOut{{Path: "a", Why: groupcast.WhyUnread}, {Path: "b", Why: groupcast.WhyGone}}
	for name, c := range map[string]struct {
		void, named int
		missing     int
		unlisted    int // lost before the files were listed again
		outcome     groupcast.DeliveryState
		all, may    bool
	}{
		"all of it but what is void":      {2, 2, 0, 0, groupcast.DeliveryVerified, true, true},
		"as far as it knows pages":        {1, 0, 3, 0, groupcast.DeliveryIncomplete, false, true},
		"nothing void that it knows of":   {0, 0, 3, 0, groupcast.DeliveryIncomplete, false, false},
		"one went before a further list":  {1, 2, 0, 1, groupcast.DeliveryVerified, true, true},
		"both went before a further list": {0, 2, 0, 2, groupcast.DeliveryAlreadyHad, true, true},
		"failed":                          {2, 0, 0, 0, groupcast.DeliveryFailed, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.receipt(c.outcome, groupcast.Tally{Entries: 9, Missing: c.missing, Void: c.void})
			if !c.all {
				r.Root = protocol.Digest{}
			}
			if may := MayLack(s.tr, r); may != c.may {
				t.Fatalf("it may lack some: %v", may)
			}
			if !c.may {
				return
			}
			var k keeper
			got, err := Lacking(t.Context(), &k, s.device, s.tr, r, lost)
			want := groupcast.Tally{Entries: 9 + c.unlisted, Missing: c.missing + c.void + c.unlisted, Void: c.void + c.unlisted}
			if err != nil || got.Outcome != groupcast.DeliveryIncomplete || len(k.entries) != c.named ||
				got.Tally != want {
				t.Errorf("%+v with %d names, %v", got, len(k.entries), err)
			}
			if c.named > 0 && k.entries[0].Reason != "could not be read at the server while it was sent" {
				t.Errorf("why it lacks the first: %s", k.entries[0].Reason)
			}
		})
	}
	nine, ten := groupcast.Tally{Entries: 9}, groupcast.Tally{Entries: 10}
	if CoversLacking(s.tr, nine, nine) != groupcast.SignedCounts ||
		CoversLacking(s.tr, nine, ten) != groupcast.SignedOutcome ||
		CoversLacking(store.Transfer{}, nine, nine) != groupcast.SignedOutcome {
		t.Error("what the device signed is said to be another part")
	}
}
