package server

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

func TestSeatsAreAdministrators(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("lab")
		_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: "ann", Password: password})
		w.must(err)
		a := w.login("ann")
		_, err = w.AddMember(w.ctx, local, "lab", "ann")
		w.must(err)
		seat := groupcast.Seat{DeviceID: a.p.Device.ID, Device: "passed over", Row: 2, Column: 3}
		m := groupcast.SeatMap{Rows: 2, Columns: 3, Seats: []groupcast.Seat{seat}}
		for who, p := range map[string]groupcast.Principal{"a member": a.cli, "a receiver": a.p} {
			if _, err := w.SetSeats(w.ctx, p, "lab", m); groupcast.ErrorCode(err) != groupcast.EForbidden {
				t.Errorf("%s sets seats: %v", who, err)
			}
			if _, err := w.Seats(w.ctx, p, "lab"); groupcast.ErrorCode(err) != groupcast.EForbidden {
				t.Errorf("%s sees seats: %v", who, err)
			}
		}
		got, err := w.SetSeats(w.ctx, local, "lab", m)
		w.must(err)
		if len(got.Seats) != 1 || got.Seats[0].Device != a.p.Device.Name || got.Seats[0].User != "ann" || got.Version != 1 {
			t.Errorf("set: %+v", got)
		}
		_, err = w.SetSeats(w.ctx, local, "lab", m)
		if groupcast.ErrorCode(err) != groupcast.EChanged || !strings.Contains(err.Error(), local.Actor()+" changed") {
			t.Errorf("from an older map: %v", err)
		}
		m.Version = 1
		m.Seats[0].Row = 3
		if _, err := w.SetSeats(w.ctx, local, "lab", m); groupcast.ErrorCode(err) != groupcast.EInvalid {
			t.Errorf("outside: %v", err)
		}
		if _, err := w.SetSeats(w.ctx, local, "none", got); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("of no group: %v", err)
		}
		log, err := auditOf(w.Audit(w.ctx, local, groupcast.AuditQuery{Action: "group.seats"}))
		w.must(err)
		if len(log) != 1 || log[0].Object != "lab" || log[0].Detail != "2 × 3, 1 taken" {
			t.Errorf("audit log: %+v", log)
		}
	})
}
