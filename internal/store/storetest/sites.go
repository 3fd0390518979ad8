package storetest

import (
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// take takes the server's own site over, as a start does.
func (w *world) take() {
	w.Helper()
	var err error
	w.here, err = w.s.TakeSite(w.ctx, protocol.SiteID{})
	w.ok(err)
}

// site makes a site and takes it.
func (w *world) site(name string) store.SiteEpoch {
	w.Helper()
	id := protocol.NewSiteID()
	w.ok(w.s.AddSite(w.ctx, id, name))
	at, err := w.s.TakeSite(w.ctx, id)
	w.ok(err)
	return at
}

// counts gives what a transfer counts in a site.
func (w *world) counts(no protocol.TransferNo, site protocol.SiteID) store.SiteCounts {
	w.Helper()
	all, err := w.s.CountsBySite(w.ctx, no)
	w.ok(err)
	i := slices.IndexFunc(all, func(c store.SiteCounts) bool { return c.Site == site })
	if i < 0 {
		w.Fatalf("nothing is counted there: %+v", all)
	}
	return all[i]
}

var nowhere = store.SiteEpoch{Site: protocol.SiteID{0xff}, Epoch: 1}

func sites(w *world) {
	all, err := w.s.Sites(w.ctx)
	w.ok(err)
	equal(w, "sites of a new server", len(all), 1)
	equal(w, "which", all[0], store.Site{Name: "here"})
	depot := w.site("depot")
	w.fails(w.s.AddSite(w.ctx, depot.Site, "other"), groupcast.EConflict)
	w.fails(w.s.AddSite(w.ctx, protocol.NewSiteID(), "depot"), groupcast.EConflict)
	w.fails(w.s.AddSite(w.ctx, protocol.SiteID{}, "second"), groupcast.EConflict)
	again, err := w.s.TakeSite(w.ctx, depot.Site)
	w.ok(err)
	equal(w, "the next epoch", again.Epoch, depot.Epoch+1)
	w.ok(w.s.SkipSitesPast(w.ctx, 1<<40))
	w.ok(w.s.SkipSitesPast(w.ctx, 7)) // they are further
	again, err = w.s.TakeSite(w.ctx, depot.Site)
	w.ok(err)
	equal(w, "the epoch behind what was seen elsewhere", again.Epoch, 1<<40+1)
	_, err = w.s.TakeSite(w.ctx, nowhere.Site)
	w.fails(err, groupcast.ENotFound)
	all, err = w.s.Sites(w.ctx)
	w.ok(err)
	equal(w, "sites", len(all), 2)
	equal(w, "here first", all[0].Name, "here")
	equal(w, "the other", all[1], store.Site{SiteEpoch: again, Name: "depot"})
}

// A transfer to two devices, one here and one at the depot.
func sitesCount(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	one, two := w.device(ann, "one"), w.device(ann, "two")
	depot := w.site("depot")
	w.ok(w.s.MoveDevice(w.ctx, two.ID, depot.Site, 0))
	w.join(g, ann)
	t, _ := w.transfer(g)
	equal(w, "owed here", w.counts(t.No, w.here.Site).Owed, 1)
	equal(w, "owed there", w.counts(t.No, depot.Site).Owed, 1)
	w.ok(w.s.AddTransferBytes(w.ctx, w.here, t.No, 100, 7))
	w.ok(w.s.AddTransferBytes(w.ctx, depot, t.No, 30, 0))
	w.ok(w.s.AddTransferBytes(w.ctx, depot, t.No, 3, 5))
	w.ok(w.s.NoteForged(w.ctx, w.here, t.No, groupcast.Forging{Devices: 3, Blocks: 8}))
	w.ok(w.s.NoteForged(w.ctx, depot, t.No, groupcast.Forging{Devices: 4, Blocks: 2}))
	got, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "bytes of all sites", [2]uint64{got.WireBytes, got.HTTPSBytes}, [2]uint64{133, 12})
	equal(w, "devices add up, blocks may be the same", *got.Forging,
		groupcast.Forging{Code: groupcast.MemberForges, Devices: 7, Blocks: 8})
	equal(w, "owed in all sites", got.Owed, 2)
	equal(w, "bytes there", w.counts(t.No, depot.Site).WireBytes, 33)
	closed := w.s.CloseDeliveries(w.ctx, []store.Closing{
		{Transfer: t.No, Device: two.ID, State: groupcast.DeliveryVerified},
		{Transfer: t.No, Device: one.ID, State: groupcast.DeliveryFailed},
	}, w.tick())
	equal(w, "the first leaves", closed[0], store.Closed{Owed: 1})
	equal(w, "the last leaves", closed[1], store.Closed{Owed: 0})
	here, there := w.counts(t.No, w.here.Site), w.counts(t.No, depot.Site)
	equal(w, "failed here", [3]int{here.Owed, here.Verified, here.Failed}, [3]int{0, 0, 1})
	equal(w, "verified there", [3]int{there.Owed, there.Verified, there.Failed}, [3]int{0, 1, 0})
	got, err = w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "in all", [3]int{got.Owed, got.Verified, got.Failed}, [3]int{0, 1, 1})
	_, err = w.s.CountsBySite(w.ctx, 999)
	w.fails(err, groupcast.ENotFound)
}

// A site ends once it is empty; what was counted there is not lost.
func sitesEnd(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	one, two := w.device(ann, "one"), w.device(ann, "two")
	depot := w.site("depot")
	placed, err := w.s.Placed(w.ctx)
	w.ok(err)
	equal(w, "nobody was moved", len(placed), 0)
	w.ok(w.s.MoveDevice(w.ctx, two.ID, depot.Site, 0))
	placed, err = w.s.Placed(w.ctx)
	w.ok(err)
	equal(w, "who was", len(placed), 1)
	equal(w, "where they are", placed[two.ID], depot.Site)
	w.join(g, ann)
	t, _ := w.transfer(g)
	other, _ := w.transfer(g)
	w.ok(w.s.AddTransferBytes(w.ctx, w.here, t.No, 100, 7))
	w.ok(w.s.AddTransferBytes(w.ctx, depot, t.No, 30, 2))
	w.ok(w.s.NoteForged(w.ctx, depot, t.No, groupcast.Forging{Devices: 4, Blocks: 2}))
	w.s.CloseDeliveries(w.ctx, []store.Closing{
		{Transfer: t.No, Device: two.ID, State: groupcast.DeliveryVerified},
		{Transfer: t.No, Device: one.ID, State: groupcast.DeliveryVerified},
	}, w.tick())
	before, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	w.fails(w.s.RemoveSite(w.ctx, depot.Site), groupcast.EConflict)
	w.fails(w.s.RemoveSite(w.ctx, w.here.Site), groupcast.EInvalid)
	w.fails(w.s.RemoveSite(w.ctx, nowhere.Site), groupcast.ENotFound)
	w.ok(w.s.MoveDevice(w.ctx, two.ID, w.here.Site, 1))
	w.ok(w.s.RemoveSite(w.ctx, depot.Site))
	w.fails(w.s.RemoveSite(w.ctx, depot.Site), groupcast.ENotFound)
	after, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "bytes", [2]uint64{after.WireBytes, after.HTTPSBytes}, [2]uint64{130, 9})
	equal(w, "forged", *after.Forging, *before.Forging)
	equal(w, "verified", [2]int{after.Verified, after.Owed}, [2]int{before.Verified, before.Owed})
	here := w.counts(t.No, w.here.Site)
	equal(w, "of them here", [2]int{here.Verified, here.Owed}, [2]int{2, 0})
	equal(w, "still owed", w.counts(other.No, w.here.Site).Owed, 2)
	all, err := w.s.Sites(w.ctx)
	w.ok(err)
	equal(w, "sites", len(all), 1)
	w.ok(w.s.AddSite(w.ctx, depot.Site, "depot")) // and it can begin again
}

func olderEpoch(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	pc := w.device(ann, "pc")
	w.join(g, ann)
	t, _ := w.transfer(g)
	w.take()
	old := w.here
	w.ok(w.s.AddTransferBytes(w.ctx, old, t.No, 10, 1))
	before, floor, err := w.s.OpenOffer(w.ctx, old, t.No, w.tick())
	w.ok(err)
	equal(w, "floor", floor, before)
	w.take()
	hand := func(at store.SiteEpoch) error {
		h := store.Handout{Transfer: t.No, Session: protocol.SessionID{1}, Device: pc.ID, Version: 1, Site: at}
		return w.s.AddHandouts(w.ctx, []store.Handout{h}, w.tick())[0]
	}
	for _, c := range []struct {
		name string
		at   store.SiteEpoch
		code groupcast.Code
	}{
		{"who was there before", old, groupcast.EConflict},
		{"who comes later", store.SiteEpoch{Epoch: w.here.Epoch + 1}, groupcast.EConflict},
		{"at no site", nowhere, groupcast.ENotFound},
	} {
		w.fails(w.s.AddTransferBytes(w.ctx, c.at, t.No, 1000, 1000), c.code)
		w.fails(w.s.NoteForged(w.ctx, c.at, t.No, groupcast.Forging{Devices: 9, Blocks: 9}), c.code)
		w.fails(hand(c.at), c.code)
		_, _, err = w.s.OpenOffer(w.ctx, c.at, t.No, w.tick())
		w.fails(err, c.code)
		got, err := w.s.Transfer(w.ctx, t.No)
		w.ok(err)
		if got.WireBytes != 10 || got.HTTPSBytes != 1 || got.Forging != nil {
			w.Fatalf("%s: %+v", c.name, got)
		}
	}
	none, err := w.s.Handouts(w.ctx, t.No)
	w.ok(err)
	equal(w, "handed out", len(none), 0)
	n, floor, err := w.s.OpenOffer(w.ctx, w.here, t.No, w.tick())
	w.ok(err)
	equal(w, "offers of older epochs are closed: floor", floor, n)
	equal(w, "no number was drawn for those who were refused", n, before+1)
	w.ok(hand(w.here))
	w.ok(w.s.AddTransferBytes(w.ctx, w.here, t.No, 1, 1))
	w.fails(w.s.AddTransferBytes(w.ctx, w.here, 999, 1, 1), groupcast.ENotFound)
	depot := w.site("depot")
	_, err = w.s.TakeSite(w.ctx, depot.Site)
	w.ok(err)
	_, floor, err = w.s.OpenOffer(w.ctx, w.here, t.No, w.tick())
	w.ok(err)
	equal(w, "offers of other sites stay open: floor", floor, n)
}

func devicesMove(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	one, two := w.device(ann, "one"), w.device(ann, "two")
	w.join(g, ann)
	t, _ := w.transfer(g)
	had, _ := w.transfer(g)
	_, err := w.s.CloseDelivery(w.ctx, store.Closing{Transfer: had.No, Device: one.ID, State: groupcast.DeliveryVerified},
		w.tick())
	w.ok(err)
	depot := w.site("depot")
	where := func() (protocol.SiteID, uint64) {
		w.Helper()
		site, moves, err := w.s.DeviceSite(w.ctx, one.ID)
		w.ok(err)
		return site, moves
	}
	site, moves := where()
	equal(w, "at first", site, w.here.Site)
	w.ok(w.s.MoveDevice(w.ctx, one.ID, depot.Site, moves))
	w.fails(w.s.MoveDevice(w.ctx, one.ID, w.here.Site, moves), groupcast.EConflict) // who decides on old knowledge
	site, next := where()
	equal(w, "moved", site, depot.Site)
	equal(w, "counted", next, moves+1)
	w.fails(w.s.MoveDevice(w.ctx, one.ID, nowhere.Site, next), groupcast.ENotFound)
	w.fails(w.s.MoveDevice(w.ctx, protocol.NewDeviceID(), depot.Site, 0), groupcast.ENotFound)
	equal(w, "what it is owed goes along", w.counts(t.No, depot.Site).Owed, 1)
	equal(w, "and is gone from here", w.counts(t.No, w.here.Site).Owed, 1)
	equal(w, "what it has stays where it got it", w.counts(had.No, w.here.Site).Verified, 1)
	equal(w, "owed in all", w.owed(t.No), 2)
	h := store.Handout{Transfer: t.No, Session: protocol.SessionID{1}, Device: one.ID, Version: 1, Site: w.here}
	w.fails(w.s.AddHandouts(w.ctx, []store.Handout{h}, w.tick())[0], groupcast.EConflict)
	h.Site = depot
	w.ok(w.s.AddHandouts(w.ctx, []store.Handout{h}, w.tick())[0])
	w.ok(w.s.MoveDevice(w.ctx, one.ID, w.here.Site, next))
	equal(w, "back again", w.counts(t.No, w.here.Site).Owed, 2)
	equal(w, "nothing is owed there", w.counts(t.No, depot.Site).Owed, 0)
	_, _, err = w.s.DeviceSite(w.ctx, protocol.NewDeviceID())
	w.fails(err, groupcast.ENotFound)
	_, err = w.s.RevokeDevice(w.ctx, two.ID, w.tick())
	w.ok(err)
	w.ok(w.s.MoveDevice(w.ctx, one.ID, depot.Site, next+1))
	_, err = w.s.RevokeDevice(w.ctx, one.ID, w.tick()) // the user's last: it is owed to the user, here
	w.ok(err)
	equal(w, "given back", w.counts(t.No, w.here.Site).Owed, 1)
}
