package storetest

import (
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// taken is who sits where, as text.
func (w *world) taken(g groupcast.Group) string {
	w.Helper()
	m, err := w.s.Seats(w.ctx, g.ID)
	w.ok(err)
	var out []string
	for _, s := range m.Seats {
		out = append(out, fmt.Sprintf("%s/%s %d.%d", s.User, s.Device, s.Row, s.Column))
	}
	return fmt.Sprintf("v%d %d×%d %v", m.Version, m.Rows, m.Columns, out)
}

func at(d groupcast.Device, row, column int) groupcast.Seat {
	return groupcast.Seat{DeviceID: d.ID, Row: row, Column: column}
}

func seats(w *world) {
	g, other, ann, bob := w.group("lab"), w.group("office"), w.user("ann"), w.user("bob")
	pc, tv, stranger := w.device(ann, "pc"), w.device(ann, "tv"), w.device(bob, "pc")
	w.join(g, ann)
	w.join(other, ann)
	none, err := w.s.Seats(w.ctx, g.ID)
	w.ok(err)
	equal(w, "before", fmt.Sprint(none), fmt.Sprint(groupcast.SeatMap{Seats: []groupcast.Seat{}}))
	set := func(version uint64, seats ...groupcast.Seat) error {
		m := groupcast.SeatMap{Rows: 2, Columns: 3, Version: version, Seats: seats}
		return w.s.SetSeats(w.ctx, g.ID, m, "root", w.tick())
	}
	w.fails(set(1, at(pc, 1, 1)), groupcast.EChanged)
	w.ok(set(0, at(tv, 2, 3), at(pc, 1, 1)))
	changed := w.now
	equal(w, "set", w.taken(g), "v1 2×3 [ann/pc 1.1 ann/tv 2.3]")
	w.fails(set(0, at(pc, 1, 2)), groupcast.EChanged)
	w.fails(set(1, at(pc, 1, 2), at(stranger, 1, 1)), groupcast.EInvalid)
	w.fails(set(1, groupcast.Seat{DeviceID: protocol.NewDeviceID(), Row: 1, Column: 1}), groupcast.EInvalid)
	equal(w, "what failed changed nothing", w.taken(g), "v1 2×3 [ann/pc 1.1 ann/tv 2.3]")
	equal(w, "another group has its own", w.taken(other), "v0 0×0 []")
	m, err := w.s.Seats(w.ctx, g.ID)
	w.ok(err)
	equal(w, "by", m.ChangedBy, "root")
	equal(w, "at", m.ChangedAt, changed)
	w.ok(set(1, at(tv, 1, 1), at(pc, 2, 3))) // they change places
	equal(w, "swapped", w.taken(g), "v2 2×3 [ann/tv 1.1 ann/pc 2.3]")
	w.ok(set(2))
	equal(w, "emptied", w.taken(g), "v3 2×3 []")
	w.fails(w.s.SetSeats(w.ctx, protocol.NewGroupID(), m, "root", w.now), groupcast.ENotFound)
	_, err = w.s.DeleteGroup(w.ctx, g.ID, w.tick())
	w.ok(err)
	equal(w, "deleted", w.taken(g), "v0 0×0 []")
}

func seatsGo(w *world) {
	g, other := w.group("lab"), w.group("office")
	ann, bob, eve := w.user("ann"), w.user("bob"), w.user("eve")
	tv := w.device(ann, "tv")
	all := []groupcast.Seat{
		at(w.device(ann, "pc"), 1, 1), at(tv, 1, 2), at(w.device(bob, "pc"), 2, 1), at(w.device(eve, "pc"), 2, 2),
	}
	for _, in := range []groupcast.Group{g, other} {
		for _, u := range []groupcast.User{ann, bob, eve} {
			w.join(in, u)
		}
		m := groupcast.SeatMap{Rows: 2, Columns: 2, Seats: all}
		w.ok(w.s.SetSeats(w.ctx, in.ID, m, "root", w.tick()))
	}
	w.ok(w.s.RemoveMember(w.ctx, g.ID, bob.ID, w.tick()))
	equal(w, "a member left", w.taken(g), "v1 2×2 [ann/pc 1.1 ann/tv 1.2 eve/pc 2.2]")
	equal(w, "not the other group", w.taken(other), "v1 2×2 [ann/pc 1.1 ann/tv 1.2 bob/pc 2.1 eve/pc 2.2]")
	w.join(g, bob)
	equal(w, "who comes back has none", w.taken(g), "v1 2×2 [ann/pc 1.1 ann/tv 1.2 eve/pc 2.2]")
	_, err := w.s.RevokeDevice(w.ctx, tv.ID, w.tick())
	w.ok(err)
	equal(w, "a device was revoked", w.taken(g), "v1 2×2 [ann/pc 1.1 eve/pc 2.2]")
	_, err = w.s.DeleteUser(w.ctx, eve.ID, w.tick())
	w.ok(err)
	equal(w, "a user was deleted", w.taken(other), "v1 2×2 [ann/pc 1.1 bob/pc 2.1]")
}
