package delivery

import (
	"testing"

	"github.com/groupcast/groupcast"
)

// Whatever is shown of a receipt is signed: who changes it on the way is found out.
func TestAReceiptIsTakenAsItWasSigned(t *testing.T) {
	inBubble(t, func(w *world) {
		_, agents, offers := running(w, "ann", "bob")
		ann, o := agents[0], offers[0]
		missing := groupcast.DeliveryEntry{Path: "x/a", Kind: "file", Result: groupcast.EntryMissing, Reason: "too long here"}
		r := ann.signed(o, groupcast.Receipt{
			Outcome: groupcast.DeliveryIncomplete, Reason: "x/a: too long here", Path: groupcast.PathMulticast, Bytes: 300,
			Tally: groupcast.Tally{Entries: 3, Missing: 1, Beside: 1},
		}, missing)
		for name, change := range map[string]func(*groupcast.Receipt){
			"outcome":   func(r *groupcast.Receipt) { r.Outcome, r.Missing = groupcast.DeliveryVerified, 0 },
			"reason":    func(r *groupcast.Receipt) { r.Reason = "x/b: too long here" },
			"no reason": func(r *groupcast.Receipt) { r.Reason = "" },
			"path":      func(r *groupcast.Receipt) { r.Path = groupcast.PathHTTPS },
			"missing":   func(r *groupcast.Receipt) { r.Missing++ },
			"beside":    func(r *groupcast.Receipt) { r.Beside = 0 },
			"entries":   func(r *groupcast.Receipt) { r.Entries++ },
			"too many":  func(r *groupcast.Receipt) { r.Entries += 1 << 32 },
			"bytes":     func(r *groupcast.Receipt) { r.Bytes++ },
			"list":      func(r *groupcast.Receipt) { r.List[0] ^= 1 },
			"sequence":  func(r *groupcast.Receipt) { r.Sequence++ },
			"version":   func(r *groupcast.Receipt) { r.Version = 1 },
			"signature": func(r *groupcast.Receipt) { r.Signature = r.Signature[:63] },
		} {
			other := r
			change(&other)
			if err := ann.hand(other); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%s changed: %v", name, err)
			}
		}
		w.must(w.KeepEntries(w.ctx, ann.id, groupcast.EntryPage{
			Transfer: o.Transfer, Entries: []groupcast.DeliveryEntry{missing},
		}))
		w.must(ann.hand(r))
		w.must(ann.hand(r)) // its answer was missed
		w.must(agents[1].receipt(offers[1], groupcast.DeliveryVerified, groupcast.PathMulticast))
		for user, want := range map[string]groupcast.Signed{"ann": groupcast.SignedCounts, "bob": groupcast.SignedOutcome} {
			if d := w.deliveryOf(o.Transfer, user); d.Signed != want || d.State.Owed() {
				t.Errorf("%s: %s, signed %q, want %q", user, d.State, d.Signed, want)
			}
		}
	})
}

// A receipt closes a delivery once: after a retry it says nothing of what is owed then.
func TestAReceiptIsNotTakenTwice(t *testing.T) {
	inBubble(t, func(w *world) {
		_, agents, offers := running(w, "ann", "bob")
		ann, o := agents[0], offers[0]
		failed := ann.signed(o, groupcast.Receipt{
			Outcome: groupcast.DeliveryFailed, Reason: "disk", Path: groupcast.PathMulticast,
		})
		w.must(ann.hand(failed))
		w.must(agents[1].receipt(offers[1], groupcast.DeliveryVerified, groupcast.PathMulticast))
		_, err := w.Retry(w.ctx, o.Transfer)
		w.must(err)
		if err := ann.hand(failed); groupcast.ErrorCode(err) != groupcast.EClosed {
			t.Fatalf("the receipt from before the retry: %v", err)
		}
		if d := w.deliveryOf(o.Transfer, "ann"); !d.State.Owed() || d.Signed != groupcast.SignedNothing {
			t.Fatalf("after the replay: %+v", d)
		}
		w.must(ann.hand(ann.signed(o, groupcast.Receipt{Outcome: groupcast.DeliveryVerified, Path: groupcast.PathHTTPS})))
		if d := w.deliveryOf(o.Transfer, "ann"); d.State != groupcast.DeliveryVerified || d.Signed != groupcast.SignedAll {
			t.Fatalf("after the new receipt: %+v", d)
		}
	})
}
