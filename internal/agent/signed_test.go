package agent

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

// A receipt signs all that it tells, cut to what the server shows; a server of an earlier version
// gets what it can read.
func TestReceiptsAreSignedAsTheServerReadsThem(t *testing.T) {
	a := &Agent{cfg: Config{Key: seal.NewSigningKey(), Server: protocol.ServerID{1}, Device: protocol.DeviceID{2}}}
	group := protocol.GroupID{3}
	long := strings.Repeat("é", groupcast.MaxReason)
	entries := []groupcast.DeliveryEntry{{Path: "a", Kind: "file", Result: groupcast.EntryMissing, Reason: long}}
	fresh := groupcast.Receipt{
		Transfer: 4, Outcome: groupcast.DeliveryIncomplete, Reason: long, Sequence: 5, Bytes: 6,
		Tally: groupcast.Tally{Entries: 2, Missing: 1},
	}
	r := fresh
	if err := a.signReceipt(&r, group, entries); err != nil {
		t.Fatal(err)
	}
	head := seal.Receipt{
		Server: a.cfg.Server, Group: group, Transfer: 4, Device: a.cfg.Device, Outcome: "incomplete", Sequence: 5,
	}
	if r.Version != 0 || r.Reason != long || r.Path != "" {
		t.Fatalf("an earlier server gets %+v", r)
	}
	if err := seal.VerifyReceipt(a.cfg.Key.Public(), head, r.Signature); err != nil {
		t.Fatal(err)
	}
	a.receipts.version = groupcast.ReceiptVersion
	if r = fresh; a.signReceipt(&r, group, entries) != nil {
		t.Fatal("not signed")
	}
	if len(r.Reason) > groupcast.MaxReason || r.Reason != strings.ToValidUTF8(r.Reason, "?") ||
		len(entries[0].Reason) > groupcast.MaxReason {
		t.Fatalf("reasons of %d and %d bytes", len(r.Reason), len(entries[0].Reason))
	}
	full := seal.FullReceipt{
		Receipt: head, Path: "unknown", Entries: 2, Missing: 1, Bytes: 6,
		Reason: groupcast.ReasonDigest(r.Reason), List: groupcast.EntriesDigest(entries),
	}
	if err := seal.VerifyFullReceipt(a.cfg.Key.Public(), full, r.Signature); err != nil ||
		r.Version != groupcast.ReceiptVersion || r.List != full.List {
		t.Fatalf("%+v: %v", r, err)
	}
}
