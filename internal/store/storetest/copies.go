package storetest

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

func copies(w *world) {
	ann := w.user("ann")
	first := w.device(ann, "pc")
	on := store.Copy{Of: first.ID, Machine: "m2"}
	id := protocol.NewDeviceID()
	second, _, err := w.s.AddCopy(w.ctx, groupcast.Device{ID: id, UserID: ann.ID, Name: "pc", PublicKey: id[:]}, on,
		w.tick())
	w.ok(err)
	equal(w, "its name", second.Name, "pc-2")
	found, err := w.s.Copies(w.ctx, on)
	w.ok(err)
	equal(w, "copies there", len(found), 1)
	equal(w, "which", found[0].ID, id)
	for _, c := range []store.Copy{{Of: first.ID, Machine: "m3"}, {Of: first.ID}, {Of: id, Machine: "m2"}} {
		found, err = w.s.Copies(w.ctx, c)
		w.ok(err)
		equal(w, "copies elsewhere", len(found), 0)
	}
	old := w.token(1, ann, id, groupcast.ScopeAgent, time.Time{})
	_, err = w.s.RekeyDevice(w.ctx, id, []byte("another key, of thirty-two bytes"), w.tick())
	w.ok(err)
	equal(w, "its old token lives", w.alive(old), false)
	again, err := w.s.DeviceByKey(w.ctx, ann.ID, []byte("another key, of thirty-two bytes"))
	w.ok(err)
	equal(w, "by its new key", again.ID, id)
	_, err = w.s.RekeyDevice(w.ctx, protocol.NewDeviceID(), []byte("x"), w.now)
	w.fails(err, groupcast.ENotFound)
	logins, err := w.s.Logins(w.ctx, ann.ID, groupcast.Window{}, true)
	w.ok(err)
	equal(w, "copy of", logins[id].CopyOf, "pc")
	equal(w, "the first is no copy", logins[first.ID].CopyOf, "")
}

func quietLogins(w *world) {
	g, ann, bob := w.group("lab"), w.user("ann"), w.user("bob")
	w.join(g, ann)
	owed, quiet := w.device(ann, "owed"), w.device(bob, "quiet")
	t, _ := w.transfer(g)
	kept := w.token(1, ann, owed.ID, groupcast.ScopeAgent, time.Time{})
	gone := w.token(2, bob, quiet.ID, groupcast.ScopeAgent, time.Time{})
	cli := w.token(3, ann, owed.ID, groupcast.ScopeCLI, time.Time{})
	logins, err := w.s.Logins(w.ctx, "", groupcast.Window{}, true)
	w.ok(err)
	equal(w, "owed until", logins[owed.ID].OwedUntil.Equal(t.ExpiresAt), true)
	equal(w, "owed nothing", logins[quiet.ID].OwedUntil.IsZero(), true)
	later := w.now.Add(time.Hour)
	_, err = w.s.PruneTokens(w.ctx, later, later.Add(-time.Minute), later.Add(-2*time.Hour))
	w.ok(err)
	equal(w, "of the command line lives", w.alive(cli), false)
	equal(w, "quiet for a while lives", w.alive(gone), true)
	_, err = w.s.PruneTokens(w.ctx, later, later.Add(-time.Minute), later.Add(-time.Minute))
	w.ok(err)
	equal(w, "quiet for long lives", w.alive(gone), false)
	equal(w, "owed something lives", w.alive(kept), true)
}
