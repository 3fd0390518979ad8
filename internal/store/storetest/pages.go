package storetest

import (
	"bytes"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// paged adds a transfer of format 2 that reserves so many page numbers.
func (w *world) paged(g groupcast.Group, numbers uint32) store.Transfer {
	w.Helper()
	t, _, err := w.s.AddTransfer(w.ctx, store.Transfer{
		Transfer: groupcast.Transfer{
			GroupID: g.ID, Name: "t", Files: 3, Bytes: 77, Blocks: 2, State: groupcast.TransferWaiting,
			CreatedAt: w.tick(), ExpiresAt: w.now.Add(time.Hour), LeftOut: 1,
		},
		Content: "content", Left: []groupcast.LeftOut{{Path: "t/x", Why: groupcast.WhyUnreadable}},
		Paged: true, ID: protocol.TransferID{7, 8}, Edition: 1, Skeleton: protocol.Digest{9}, SkeletonBytes: 100,
		Pages: numbers,
	})
	w.ok(err)
	return t
}

// page is a page of a transfer's edition; its bytes are said.
func (w *world) page(t store.Transfer, n protocol.PageNo, raw string) store.Page {
	return store.Page{Site: w.here, Transfer: t.No, Edition: t.Edition, Number: n, Raw: []byte(raw)}
}

// has compares the pages from a number on, and the newest one, with what is wanted.
func (w *world) has(no protocol.TransferNo, e protocol.Edition, want ...string) {
	w.Helper()
	got, err := w.s.Pages(w.ctx, no, e, 0, 100)
	w.ok(err)
	equal(w, "pages", string(bytes.Join(got, []byte(" "))), string(bytes.Join(bytesOf(want), []byte(" "))))
	newest, err := w.s.NewestPage(w.ctx, no, e)
	if len(want) == 0 {
		w.fails(err, groupcast.ENotFound)
		return
	}
	w.ok(err)
	equal(w, "the newest page", string(newest), want[len(want)-1])
}

func bytesOf(texts []string) (out [][]byte) {
	for _, s := range texts {
		out = append(out, []byte(s))
	}
	return out
}

func pagedTransfers(w *world) {
	g := w.group("lab")
	t := w.paged(g, 4)
	got, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	for _, x := range []store.Transfer{t, got} {
		equal(w, "paged", x.Paged, true)
		equal(w, "ID", x.ID, protocol.TransferID{7, 8})
		equal(w, "edition", x.Edition, 1)
		equal(w, "skeleton", x.Skeleton, protocol.Digest{9})
		equal(w, "skeleton's bytes", x.SkeletonBytes, 100)
		equal(w, "page numbers", x.Pages, 4)
		equal(w, "root before the final page", x.Root, protocol.Digest{})
	}
	equal(w, "its mode is delta", got.Delta, false)
	got.Delta, got.ID = true, protocol.TransferID{8}
	got, _, err = w.s.AddTransfer(w.ctx, got)
	w.ok(err)
	again, err := w.s.Transfer(w.ctx, got.No)
	w.ok(err)
	equal(w, "another one is of mode delta", got.Delta && again.Delta && again.Paged, true)
	plain, _ := w.transfer(g)
	equal(w, "a transfer of format 1 is paged", plain.Paged, false)
	equal(w, "its edition", plain.Edition, 0)
}

// What is signed is kept page by page, and nothing else is.
func pagesKept(w *world) {
	t := w.paged(w.group("lab"), 4)
	w.has(t.No, 1)
	w.ok(w.s.AddPage(w.ctx, w.page(t, 0, "zero")))
	w.ok(w.s.AddPage(w.ctx, w.page(t, 0, "zero"))) // whoever missed the answer asks again
	w.fails(w.s.AddPage(w.ctx, w.page(t, 0, "ZERO")), groupcast.EConflict)
	w.fails(w.s.AddPage(w.ctx, w.page(t, 2, "two")), groupcast.EConflict) // page 1 is not there
	w.ok(w.s.AddPage(w.ctx, w.page(t, 1, "one")))
	void := w.page(t, 2, "two")
	void.Lost = []groupcast.LeftOut{
		{Path: "t/a", Why: groupcast.WhyUnread, Detail: "an I/O error"}, {Path: "t/b", Why: groupcast.WhyChanged},
	}
	w.ok(w.s.AddPage(w.ctx, void))
	w.has(t.No, 1, "zero", "one", "two")
	some, err := w.s.Pages(w.ctx, t.No, 1, 1, 1)
	w.ok(err)
	equal(w, "a part of them", string(bytes.Join(some, nil)), "one")
	w.has(t.No, 2)
	got, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "lost", got.Lost, 2)
	equal(w, "left out as before", got.LeftOut, 1)
	equal(w, "root", got.Root, protocol.Digest{})
	final := w.page(t, 3, "three")
	final.Root, final.Lost = protocol.Digest{5}, []groupcast.LeftOut{{Path: "t/c", Why: groupcast.WhyGone}}
	w.ok(w.s.AddPage(w.ctx, final))
	w.ok(w.s.AddPage(w.ctx, final))
	got, err = w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "root of the final page", got.Root, protocol.Digest{5})
	equal(w, "lost with it", got.Lost, 3)
	_, listed, err := w.s.LeftOut(w.ctx, t.No, groupcast.Window{})
	w.ok(err)
	equal(w, "listed by name", listed, 4)
	finals, err := w.s.FinalPages(w.ctx, t.No)
	w.ok(err)
	equal(w, "final pages", len(finals), 1)
	equal(w, "its root", finals[0].Root, protocol.Digest{5})
	equal(w, "its edition", finals[0].Edition, 1)
	equal(w, "its bytes", string(finals[0].Raw), "three")
	w.ok(w.s.SetContentGone(w.ctx, t.No))
	w.has(t.No, 1)
	finals, err = w.s.FinalPages(w.ctx, t.No)
	w.ok(err)
	equal(w, "final pages when the content is gone", len(finals), 1)
}

// What must not become a page changes nothing.
func pagesRefused(w *world) {
	g := w.group("lab")
	w.take()
	t := w.paged(g, 2)
	w.ok(w.s.AddPage(w.ctx, w.page(t, 0, "zero")))
	old := w.here
	w.take()
	refused := func(name string, code groupcast.Code, change func(*store.Page)) {
		w.Helper()
		p := w.page(t, 1, "one")
		p.Root, p.Lost = protocol.Digest{6}, []groupcast.LeftOut{{Path: "t/a", Why: groupcast.WhyGone}}
		change(&p)
		if err := w.s.AddPage(w.ctx, p); groupcast.ErrorCode(err) != code {
			w.Fatalf("%s: %v, want %s", name, err, code)
		}
		w.has(t.No, 1, "zero")
		got, err := w.s.Transfer(w.ctx, t.No)
		w.ok(err)
		equal(w, name+": lost", got.Lost, 0)
		equal(w, name+": root", got.Root, protocol.Digest{})
	}
	refused("an older epoch", groupcast.EConflict, func(p *store.Page) { p.Site = old })
	refused("an older epoch, the same page", groupcast.EConflict, func(p *store.Page) {
		*p = w.page(t, 0, "zero")
		p.Site = old
	})
	refused("no site", groupcast.ENotFound, func(p *store.Page) { p.Site = nowhere })
	refused("no transfer", groupcast.ENotFound, func(p *store.Page) { p.Transfer = 999 })
	refused("a later edition", groupcast.EConflict, func(p *store.Page) { p.Edition = 2 })
	refused("an earlier edition", groupcast.EConflict, func(p *store.Page) { p.Edition = 0 })
	refused("a number that is not the next", groupcast.EConflict, func(p *store.Page) { p.Number = 2 })
	w.ok(w.s.CloseTransfer(w.ctx, t.No, groupcast.TransferCancelled, groupcast.DeliveryCancelled, "", w.tick()))
	refused("a closed transfer", groupcast.EConflict, func(*store.Page) {})

	plain, _ := w.transfer(g)
	w.fails(w.s.AddPage(w.ctx, w.page(plain, 0, "zero")), groupcast.EConflict)
	full := w.paged(g, 1)
	w.ok(w.s.AddPage(w.ctx, w.page(full, 0, "zero")))
	w.fails(w.s.AddPage(w.ctx, w.page(full, 1, "beyond the numbers")), groupcast.EConflict)
	final := w.paged(g, 4)
	p := w.page(final, 0, "zero")
	p.Root = protocol.Digest{1}
	w.ok(w.s.AddPage(w.ctx, p))
	w.fails(w.s.AddPage(w.ctx, w.page(final, 1, "after the final page")), groupcast.EConflict)
}

// A further edition begins without pages; those of the one before stay until it has its final page, and the final
// page of that one stays for good.
func pagesOfEditions(w *world) {
	g := w.group("lab")
	t := w.paged(g, 4)
	p := w.page(t, 0, "zero")
	p.Root, p.Lost = protocol.Digest{5}, []groupcast.LeftOut{{Path: "t/a", Why: groupcast.WhyUnread}}
	w.ok(w.s.AddPage(w.ctx, p))
	next := store.Edition{
		Was: "content", Content: "content", Files: 3, Blocks: 2, Bytes: 77,
		Edition: 2, Skeleton: protocol.Digest{9}, SkeletonBytes: 100, Pages: 6,
	}
	for edition, code := range map[protocol.Edition]groupcast.Code{
		0: groupcast.EConflict, // a transfer keeps its format
		1: groupcast.EConflict,
		3: groupcast.EConflict,
	} {
		wrong := next
		wrong.Edition = edition
		_, err := w.s.ReplaceContent(w.ctx, t.No, wrong)
		w.fails(err, code)
	}
	w.has(t.No, 1, "zero")
	now, err := w.s.ReplaceContent(w.ctx, t.No, next)
	w.ok(err)
	equal(w, "edition", now.Edition, 2)
	equal(w, "page numbers", now.Pages, 6)
	equal(w, "ID stays", now.ID, t.ID)
	equal(w, "root", now.Root, protocol.Digest{})
	equal(w, "lost", now.Lost, 0)
	equal(w, "left out", now.LeftOut, 1)
	w.has(t.No, 1, "zero")
	w.has(t.No, 2)
	w.fails(w.s.AddPage(w.ctx, p), groupcast.EConflict) // of the edition before
	w.fails(w.s.AddPage(w.ctx, w.page(t, 1, "one")), groupcast.EConflict)
	is, err := w.s.IsEdition(w.ctx, t.No, protocol.Digest{5})
	w.ok(err)
	equal(w, "what it held before can be promised still", is, false)
	w.ok(w.s.AddPage(w.ctx, w.page(now, 0, "of the second")))
	next.Edition = 3
	now, err = w.s.ReplaceContent(w.ctx, t.No, next)
	w.ok(err)
	w.has(t.No, 1)
	w.has(t.No, 2, "of the second")
	again := w.page(now, 0, "zero again")
	again.Root = protocol.Digest{6}
	w.ok(w.s.AddPage(w.ctx, again))
	w.has(t.No, 2)
	w.has(t.No, 3, "zero again")
	finals, err := w.s.FinalPages(w.ctx, t.No)
	w.ok(err)
	equal(w, "final pages", len(finals), 2)
	equal(w, "the newest first", string(finals[0].Raw), "zero again")
	equal(w, "the one before", string(finals[1].Raw), "zero")

	plain, _ := w.transfer(g)
	next.Was, next.Edition = plain.Content, 1
	_, err = w.s.ReplaceContent(w.ctx, plain.No, next)
	w.fails(err, groupcast.EConflict)
}

// A server that was set back signs no page under an edition that it may have used.
func editionsSkipped(w *world) {
	g := w.group("lab")
	open, closed := w.paged(g, 4), w.paged(g, 4)
	plain, _ := w.transfer(g)
	for _, t := range []store.Transfer{open, closed} {
		w.ok(w.s.AddPage(w.ctx, w.page(t, 0, "zero")))
		p := w.page(t, 1, "one")
		p.Root, p.Lost = protocol.Digest{5}, []groupcast.LeftOut{{Path: "t/a", Why: groupcast.WhyGone}}
		w.ok(w.s.AddPage(w.ctx, p))
	}
	w.ok(w.s.CloseTransfer(w.ctx, closed.No, groupcast.TransferCancelled, groupcast.DeliveryCancelled, "", w.tick()))
	w.ok(w.s.SkipEditions(w.ctx, 70_000))
	w.has(open.No, 1)
	w.has(closed.No, 1, "zero", "one")
	for _, c := range []struct {
		no      protocol.TransferNo
		edition protocol.Edition
		root    protocol.Digest
		lost    int
	}{
		{open.No, 70_001, protocol.Digest{}, 0}, {closed.No, 1, protocol.Digest{5}, 1}, {plain.No, 0, plain.Root, 0},
	} {
		t, err := w.s.Transfer(w.ctx, c.no)
		w.ok(err)
		equal(w, "edition", t.Edition, c.edition)
		equal(w, "root", t.Root, c.root)
		equal(w, "lost", t.Lost, c.lost)
	}
	w.fails(w.s.AddPage(w.ctx, w.page(open, 2, "two")), groupcast.EConflict)
	finals, err := w.s.FinalPages(w.ctx, open.No)
	w.ok(err)
	equal(w, "final pages", len(finals), 1)
	open.Edition = 70_001
	w.ok(w.s.AddPage(w.ctx, w.page(open, 0, "again")))
	w.has(open.No, 70_001, "again")
}

// Of two writers with one page number one is refused, whoever that is.
func pageWriters(w *world) {
	const writers, pages = 4, 20
	t := w.paged(w.group("lab"), pages)
	for n := range protocol.PageNo(pages) {
		var wg sync.WaitGroup
		errs := make([]error, writers)
		for i := range writers {
			wg.Go(func() { errs[i] = w.s.AddPage(w.ctx, w.page(t, n, string(rune('a'+i)))) })
		}
		wg.Wait()
		kept, err := w.s.Pages(w.ctx, t.No, 1, n, writers)
		w.ok(err)
		equal(w, "pages of that number", len(kept), 1)
		for i, err := range errs {
			if string(kept[0]) == string(rune('a'+i)) {
				w.ok(err)
			} else {
				w.fails(err, groupcast.EConflict)
			}
		}
	}
}

// Void files are counted with what is missing, and offers of editions are kept apart.
func pagedReceipts(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	pc := w.device(ann, "pc")
	w.join(g, ann)
	t := w.paged(g, 4)
	tally := groupcast.Tally{Entries: 9, Missing: 4, Beside: 1, Void: 3}
	_, err := w.s.CloseDelivery(w.ctx, store.Closing{
		Transfer: t.No, Device: pc.ID, State: groupcast.DeliveryIncomplete, Tally: tally,
	}, w.tick())
	w.ok(err)
	d, err := w.s.Delivery(w.ctx, t.No, pc.ID)
	w.ok(err)
	equal(w, "tally", d.Tally, tally)
	_, err = w.s.RetryTransfer(w.ctx, t.No, w.now.Add(time.Hour), w.tick())
	w.ok(err)
	d, err = w.s.Delivery(w.ctx, t.No, pc.ID)
	w.ok(err)
	equal(w, "what is owed again counts", d.Tally, groupcast.Tally{})

	for _, o := range []struct {
		edition protocol.Edition
		number  protocol.OfferNo
	}{{1, 1}, {1, 2}, {2, 3}} {
		w.ok(w.s.KeepSignedOffer(w.ctx, store.SignedOffer{
			Transfer: t.No, Root: t.Skeleton, Edition: o.edition, Number: o.number, Offer: []byte{byte(o.number)},
			Signature: []byte{9},
		}))
	}
	offers, err := w.s.SignedOffers(w.ctx, t.No)
	w.ok(err)
	equal(w, "offers", len(offers), 2)
	equal(w, "the newest edition", offers[0].Edition, 2)
	equal(w, "the newest of the first", offers[1].Number, 2)
	equal(w, "its edition", offers[1].Edition, 1)
}
