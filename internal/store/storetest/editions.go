package storetest

import (
	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// editions: what a transfer lacks stays known, and so do the roots that it had.
func editions(w *world) {
	g := w.group("lab")
	t, _, err := w.s.AddTransfer(w.ctx, store.Transfer{
		Transfer: groupcast.Transfer{
			GroupID: g.ID, State: groupcast.TransferWaiting, CreatedAt: w.tick(), LeftOut: 7, Files: 3, Root: protocol.Digest{1},
		},
		Content: "one",
		Left: []groupcast.LeftOut{
			{Path: "t/s", Why: groupcast.WhySocket}, {Path: "t/n", Why: groupcast.WhyName, Detail: "it is not UTF-8"},
		},
	})
	w.ok(err)
	equal(w, "left out", t.LeftOut, 7)
	edition := store.Edition{
		Was: "one", Content: "two", Root: protocol.Digest{2}, Files: 2, Bytes: 5, Blocks: 1,
		ManifestBytes: 9, ManifestBlocks: 1,
		Lost: []groupcast.LeftOut{{Path: "t/c", Why: groupcast.WhyChanged}},
	}
	t, err = w.s.ReplaceContent(w.ctx, t.No, edition)
	w.ok(err)
	equal(w, "content", t.Content, "two")
	equal(w, "lost", t.Lost, 1)
	equal(w, "left out as before", t.LeftOut, 7)
	equal(w, "files", t.Files, 2)
	equal(w, "root", t.Root, protocol.Digest{2})
	_, err = w.s.ReplaceContent(w.ctx, t.No, edition)
	w.fails(err, groupcast.EConflict)
	for root, want := range map[protocol.Digest]bool{{1}: true, {2}: false, {3}: false} {
		is, err := w.s.IsEdition(w.ctx, t.No, root)
		w.ok(err)
		equal(w, "is an edition", is, want)
	}
	list, listed, err := w.s.LeftOut(w.ctx, t.No, groupcast.Window{From: 1, Limit: 1})
	w.ok(err)
	equal(w, "listed", listed, 3)
	equal(w, "one of them", list[0], groupcast.LeftOut{Path: "t/n", Why: groupcast.WhyName, Detail: "it is not UTF-8"})
	edition = store.Edition{Was: "two", Content: "three", Root: protocol.Digest{3}, Files: 3, Renewed: true}
	t, err = w.s.ReplaceContent(w.ctx, t.No, edition) // the file is as it was, or sent as it is now
	w.ok(err)
	equal(w, "lost no more", t.Lost, 0)
	is, err := w.s.IsEdition(w.ctx, t.No, protocol.Digest{1})
	w.ok(err)
	equal(w, "what it held before is an edition", is, false)
	_, listed, err = w.s.LeftOut(w.ctx, t.No, groupcast.Window{})
	w.ok(err)
	equal(w, "listed", listed, 2)
}
