package storetest

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// newRelay announces a relay whose code is over in an hour.
func (w *world) newRelay(site protocol.SiteID, name string) store.NewRelay {
	r := store.NewRelay{Site: site, Name: name, Expires: w.now.Add(time.Hour)}
	copy(r.ID[:], "relay "+name)
	copy(r.Code[:], "code of "+name)
	return r
}

// relay makes a relay that used its code, and gives its token.
func (w *world) relay(site protocol.SiteID, name string) (store.Relay, store.TokenHash) {
	w.Helper()
	n := w.newRelay(site, name)
	w.ok(w.s.AddRelay(w.ctx, n, w.tick()))
	e := store.Enrolment{Code: n.Code, Key: []byte("key of " + name)}
	copy(e.Token[:], "token of "+name)
	r, err := w.s.EnrolRelay(w.ctx, e, w.tick())
	w.ok(err)
	return r, e.Token
}

// relays: how they begin and end.
func relays(w *world) {
	depot := w.site("depot").Site
	n := w.newRelay(depot, "one")
	w.ok(w.s.AddRelay(w.ctx, n, w.tick()))
	w.fails(w.s.AddRelay(w.ctx, n, w.tick()), groupcast.EConflict)
	w.fails(w.s.AddRelay(w.ctx, w.newRelay(protocol.SiteID{}, "here"), w.tick()), groupcast.EInvalid)
	w.fails(w.s.AddRelay(w.ctx, w.newRelay(nowhere.Site, "nowhere"), w.tick()), groupcast.ENotFound)
	_, err := w.s.FindRelay(w.ctx, store.TokenHash{})
	w.fails(err, groupcast.ENotFound)
	e := store.Enrolment{Code: n.Code, Token: store.TokenHash{1}, Key: []byte("key")}
	_, err = w.s.EnrolRelay(w.ctx, store.Enrolment{Code: store.TokenHash{9}, Token: e.Token, Key: e.Key}, w.tick())
	w.fails(err, groupcast.ENotFound)
	_, err = w.s.EnrolRelay(w.ctx, e, n.Expires)
	w.fails(err, groupcast.ENotFound)
	r, err := w.s.EnrolRelay(w.ctx, e, w.tick())
	w.ok(err)
	equal(w, "who", [2]string{r.Name, string(r.Key)}, [2]string{"one", "key"})
	equal(w, "where", [2]any{r.ID, r.Site}, [2]any{n.ID, depot})
	e.Token = store.TokenHash{2}
	_, err = w.s.EnrolRelay(w.ctx, e, w.tick()) // who found the code later
	w.fails(err, groupcast.ENotFound)
	found, err := w.s.FindRelay(w.ctx, store.TokenHash{1})
	w.ok(err)
	equal(w, "by its token", found.ID, n.ID)
	other := w.newRelay(depot, "other")
	w.ok(w.s.AddRelay(w.ctx, other, w.tick()))
	w.ok(w.s.RevokeRelay(w.ctx, n.ID, w.tick()))
	w.ok(w.s.RevokeRelay(w.ctx, other.ID, w.tick()))
	w.fails(w.s.RevokeRelay(w.ctx, n.ID, w.tick()), groupcast.ENotFound)
	_, err = w.s.FindRelay(w.ctx, store.TokenHash{1})
	w.fails(err, groupcast.ENotFound)
	_, err = w.s.EnrolRelay(w.ctx, store.Enrolment{Code: other.Code, Token: e.Token, Key: e.Key}, w.tick())
	w.fails(err, groupcast.ENotFound)
	all, err := w.s.Relays(w.ctx)
	w.ok(err)
	equal(w, "relays", len(all), 2)
	equal(w, "the other has no key", all[1].Key == nil && !all[1].Revoked.IsZero(), true)
}

// A relay may fetch what a device of its site is owed, of a group that is granted to the site, and nothing else.
func relayMay(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	pc := w.device(ann, "pc")
	w.join(g, ann)
	t, _ := w.transfer(g)
	depot, shop := w.site("depot").Site, w.site("shop").Site
	there, _ := w.relay(depot, "there")
	elsewhere, _ := w.relay(shop, "elsewhere")
	w.ok(w.s.GrantSite(w.ctx, depot, g.ID))
	w.ok(w.s.GrantSite(w.ctx, depot, g.ID))
	w.fails(w.s.GrantSite(w.ctx, protocol.SiteID{}, g.ID), groupcast.EInvalid)
	w.fails(w.s.GrantSite(w.ctx, depot, protocol.GroupID{9}), groupcast.ENotFound)
	groups, err := w.s.GroupsOfSite(w.ctx, depot)
	w.ok(err)
	equal(w, "granted once", len(groups) == 1 && groups[0] == g.ID, true)
	may := func(what string, id protocol.RelayID, want bool) {
		w.Helper()
		owed, owedErr := w.s.RelayOwed(w.ctx, id, 10)
		w.ok(owedErr)
		equal(w, what+", in the list", len(owed) == 1 && owed[0] == t.No, want)
		err := w.s.RelayMay(w.ctx, id, t.No)
		equal(w, what, err == nil, want)
		if err != nil {
			w.fails(err, groupcast.ENotFound)
		}
	}
	may("nobody is there", there.ID, false)
	w.ok(w.s.MoveDevice(w.ctx, pc.ID, depot, 0))
	may("owed there", there.ID, true)
	may("in another site", elsewhere.ID, false)
	may("nobody's", protocol.RelayID{9}, false)
	w.ok(w.s.UngrantSite(w.ctx, depot, g.ID))
	w.fails(w.s.UngrantSite(w.ctx, depot, g.ID), groupcast.ENotFound)
	may("granted no more", there.ID, false)
	w.ok(w.s.GrantSite(w.ctx, depot, g.ID))
	w.ok(w.s.SetDisabled(w.ctx, ann.ID, true))
	may("the member is disabled", there.ID, false)
	w.ok(w.s.SetDisabled(w.ctx, ann.ID, false))
	may("and is back", there.ID, true)
	w.ok(w.s.RevokeRelay(w.ctx, there.ID, w.tick()))
	may("revoked", there.ID, false)
	second, _ := w.relay(depot, "second")
	may("another one of the site", second.ID, true)
	_, err = w.s.CloseDelivery(w.ctx, store.Closing{Transfer: t.No, Device: pc.ID, State: groupcast.DeliveryVerified},
		w.tick())
	w.ok(err)
	may("it has it", second.ID, false)
}

// Leases are granted to relays of the site as it is now, for groups that it was granted.
func leases(w *world) {
	g := w.group("lab")
	depot := w.site("depot")
	r, _ := w.relay(depot.Site, "one")
	l := store.Lease{Session: protocol.SessionID{1}, At: depot, Relay: r.ID, Group: g.ID, Version: g.Version}
	w.fails(w.s.AddLease(w.ctx, l), groupcast.EConflict) // not granted
	w.ok(w.s.GrantSite(w.ctx, depot.Site, g.ID))
	w.ok(w.s.AddLease(w.ctx, l))
	w.ok(w.s.AddLease(w.ctx, l)) // renewed
	all, err := w.s.Leases(w.ctx)
	w.ok(err)
	equal(w, "leases", len(all) == 1 && all[0] == l, true)
	ahead, foreign, twice := l, l, l
	ahead.Session, ahead.Version = protocol.SessionID{2}, g.Version+1
	foreign.Session, foreign.Relay = protocol.SessionID{3}, protocol.RelayID{9}
	twice.Version--
	for _, bad := range []store.Lease{ahead, foreign, twice} {
		w.fails(w.s.AddLease(w.ctx, bad), groupcast.EConflict)
	}
	next, err := w.s.TakeSite(w.ctx, depot.Site)
	w.ok(err)
	w.fails(w.s.AddLease(w.ctx, l), groupcast.EConflict) // who was there before
	later := l
	later.Session, later.At = protocol.SessionID{4}, next
	w.ok(w.s.AddLease(w.ctx, later))
	w.ok(w.s.RevokeRelay(w.ctx, r.ID, w.tick()))
	w.fails(w.s.AddLease(w.ctx, later), groupcast.EConflict)
	w.ok(w.s.DropLeases(w.ctx, []protocol.SessionID{{4}, {9}}))
	all, err = w.s.Leases(w.ctx)
	w.ok(err)
	equal(w, "those of before bind", len(all) == 1 && all[0] == l, true)
}
