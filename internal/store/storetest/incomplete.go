package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

func entries(from, n int, result groupcast.EntryResult) []groupcast.DeliveryEntry {
	out := make([]groupcast.DeliveryEntry, n)
	for i := range out {
		out[i] = groupcast.DeliveryEntry{
			Path: fmt.Sprintf("tree/%04d", from+i), Kind: "file", Result: result, Name: "other", Reason: "why not",
		}
	}
	return out
}

const plenty = 1 << 20

// closeIncomplete closes a delivery of a device that lacks two of five entries and has one under another
// name.
func closeIncomplete(w *world, no protocol.TransferNo, dev protocol.DeviceID) int {
	w.Helper()
	w.ok(w.s.AddEntries(w.ctx, groupcast.EntryPage{Transfer: no, Entries: entries(0, 2, groupcast.EntryMissing)}, dev,
		plenty))
	w.ok(w.s.AddEntries(w.ctx, groupcast.EntryPage{Transfer: no, From: 2, Entries: entries(2, 2, groupcast.EntryBeside)},
		dev, plenty))
	left, err := w.s.CloseDelivery(w.ctx, store.Closing{
		Transfer: no, Device: dev, State: groupcast.DeliveryIncomplete, Reason: "tree/0000: why not",
		Tally: groupcast.Tally{Entries: 5, Missing: 2, Beside: 1},
	}, w.tick())
	w.ok(err)
	return left
}

func incomplete(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	one, two := w.device(ann, "one"), w.device(ann, "two")
	w.join(g, ann)
	t, owed := w.transfer(g)
	i := slices.IndexFunc(owed, func(d groupcast.Delivery) bool { return d.DeviceID == one.ID })
	owed[i].State, owed[i].Bytes = groupcast.DeliveryReceiving, 700_000
	w.ok(w.s.UpdateDeliveries(w.ctx, owed[i:i+1], w.tick()))
	equal(w, "left", closeIncomplete(w, t.No, one.ID), 1)
	d, err := w.s.Delivery(w.ctx, t.No, one.ID)
	w.ok(err)
	equal(w, "state", d.State, groupcast.DeliveryIncomplete)
	equal(w, "tally", d.Tally, groupcast.Tally{Entries: 5, Missing: 2, Beside: 1})
	equal(w, "only what lies there", d.Bytes, uint64(700_000))
	got, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "incomplete", got.Incomplete, 1)
	equal(w, "verified", got.Verified, 0)

	list, kept, err := w.s.Entries(w.ctx, t.No, one.ID, groupcast.Window{})
	w.ok(err)
	equal(w, "kept: what was told beyond the counts is gone", kept, 3)
	equal(w, "first", list[0],
		groupcast.DeliveryEntry{
			Path: "tree/0000", Kind: "file", Result: groupcast.EntryMissing, Name: "other", Reason: "why not",
		})
	list, kept, err = w.s.Entries(w.ctx, t.No, one.ID, groupcast.Window{From: 2, Limit: 5})
	w.ok(err)
	equal(w, "a stretch of three", len(list)*10+kept, 13)
	equal(w, "which", list[0].Path, "tree/0002")
	w.fails(w.s.AddEntries(w.ctx, groupcast.EntryPage{Transfer: t.No, Entries: entries(0, 1, groupcast.EntryMissing)},
		one.ID, plenty), groupcast.ENotFound)

	_, err = w.s.CloseDelivery(w.ctx, store.Closing{Transfer: t.No, Device: two.ID, State: groupcast.DeliveryVerified},
		w.tick())
	w.ok(err)
	w.ok(w.s.SetTransferState(w.ctx, t.No, groupcast.TransferDone, "", w.tick()))
	again, err := w.s.RetryTransfer(w.ctx, t.No, w.now.Add(time.Hour), w.tick())
	w.ok(err)
	equal(w, "owed again", w.owed(t.No), 1)
	i = slices.IndexFunc(again, func(d groupcast.Delivery) bool { return d.DeviceID == one.ID })
	equal(w, "queued", again[i].State, groupcast.DeliveryQueued)
	equal(w, "nothing is counted", again[i].Tally, groupcast.Tally{})
	_, kept, err = w.s.Entries(w.ctx, t.No, one.ID, groupcast.Window{})
	w.ok(err)
	equal(w, "nothing is named", kept, 0)
	got, err = w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "incomplete after the retry", got.Incomplete, 0)
}

func entriesBounded(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	pc := w.device(ann, "pc")
	w.join(g, ann)
	t, _ := w.transfer(g)
	long := entries(0, 2, groupcast.EntryMissing)
	long[0].Path = strings.Repeat("x", 700)
	w.ok(w.s.AddEntries(w.ctx, groupcast.EntryPage{Transfer: t.No, Entries: long}, pc.ID, 1000))
	w.fails(w.s.AddEntries(w.ctx,
		groupcast.EntryPage{Transfer: t.No, From: 2, Entries: entries(2, 2, groupcast.EntryMissing)}, pc.ID, 1000),
		groupcast.EConflict)
	_, kept, err := w.s.Entries(w.ctx, t.No, pc.ID, groupcast.Window{})
	w.ok(err)
	equal(w, "what was kept stays", kept, 2)
	// the list begins again
	w.ok(w.s.AddEntries(w.ctx, groupcast.EntryPage{Transfer: t.No, Entries: entries(0, 3, groupcast.EntryMissing)},
		pc.ID, 1000))
	_, kept, err = w.s.Entries(w.ctx, t.No, pc.ID, groupcast.Window{})
	w.ok(err)
	equal(w, "anew", kept, 3)
	w.fails(w.s.AddEntries(w.ctx, groupcast.EntryPage{Transfer: t.No, Entries: long}, protocol.NewDeviceID(), 1000),
		groupcast.ENotFound)
}
