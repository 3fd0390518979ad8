package delivery

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestEntriesThatAreRefused(t *testing.T) {
	good := groupcast.DeliveryEntry{Path: "d/a", Kind: "file", Result: groupcast.EntryMissing}
	page := func(change func(*groupcast.DeliveryEntry)) groupcast.EntryPage {
		entry := good
		change(&entry)
		return groupcast.EntryPage{Entries: []groupcast.DeliveryEntry{good, entry}}
	}
	inBubble(t, func(w *world) {
		tr, agents, _ := running(w, "ann", "bob")
		for name, e := range map[string]groupcast.EntryPage{
			"before the first": {From: -1, Entries: []groupcast.DeliveryEntry{good}},
			"too many":         {Entries: make([]groupcast.DeliveryEntry, groupcast.MaxEntryPage+1)},
			"a kind":           page(func(e *groupcast.DeliveryEntry) { e.Kind = "device" }),
			"a result":         page(func(e *groupcast.DeliveryEntry) { e.Result = "eaten" }),
			"no path":          page(func(e *groupcast.DeliveryEntry) { e.Path = "" }),
			"a long path":      page(func(e *groupcast.DeliveryEntry) { e.Path = strings.Repeat("x", protocol.MaxPathBytes+1) }),
			"a long name":      page(func(e *groupcast.DeliveryEntry) { e.Name = strings.Repeat("x", protocol.MaxPathBytes+1) }),
		} {
			e.Transfer = tr.No
			if err := w.KeepEntries(w.ctx, agents[0].id, e); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		stranger := w.enrol("eve", "g")
		w.remove("eve", "g")
		one := groupcast.EntryPage{Transfer: tr.No, Entries: []groupcast.DeliveryEntry{good}}
		wantCode(t, w.KeepEntries(w.ctx, stranger.id, one), groupcast.ENotFound)
		if _, kept, err := w.db.Entries(w.ctx, tr.No, agents[0].id, groupcast.Window{}); err != nil || kept != 0 {
			t.Errorf("%d entries were kept, %v", kept, err)
		}
	})
}

// What lies elsewhere at a device is listed once its receipt counts it; a long reason is cut.
func TestEntriesAreListedAfterTheReceipt(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		ann := agents[0]
		var entries []groupcast.DeliveryEntry
		for i := range 3 {
			entries = append(entries, groupcast.DeliveryEntry{
				Path: fmt.Sprint("d/", i), Kind: "file", Result: groupcast.EntryMissing,
				Reason: strings.Repeat("r", 2*groupcast.MaxReason),
			})
		}
		w.must(w.KeepEntries(w.ctx, ann.id, groupcast.EntryPage{Transfer: tr.No, Entries: slices.Clone(entries)}))
		list := func(from, limit int) groupcast.DeliveryEntries {
			t.Helper()
			got, err := w.Entries(w.ctx, tr.No, ann.id, groupcast.Window{From: from, Limit: limit})
			w.must(err)
			return got
		}
		if got := list(0, 0); got.Total != 0 || len(got.Entries) != 0 {
			t.Errorf("on their way: %+v", got)
		}
		w.must(ann.hand(ann.signed(offers[0], groupcast.Receipt{
			Outcome: groupcast.DeliveryIncomplete, Reason: "3 are missing", Path: groupcast.PathMulticast,
			Tally: groupcast.Tally{Entries: 5, Missing: 3},
		}, entries...)))
		got := list(0, 0)
		if got.Total != 3 || got.Listed != 3 || len(got.Entries) != 3 || len(got.Entries[0].Reason) != groupcast.MaxReason {
			t.Errorf("%d of %d, %d in all", len(got.Entries), got.Listed, got.Total)
		}
		if got := list(1, 1); got.Listed != 3 || len(got.Entries) != 1 || got.Entries[0].Path != "d/1" {
			t.Errorf("the second: %+v", got)
		}
		// What was kept is not what was signed: reasons were cut.
		if d := w.deliveryOf(tr.No, "ann"); d.Signed != groupcast.SignedCounts || d.Missing != 3 {
			t.Errorf("%+v", d)
		}
		_, err := w.Entries(w.ctx, 99, ann.id, groupcast.Window{})
		wantCode(t, err, groupcast.ENotFound)
	})
}
