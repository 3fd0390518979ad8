package storetest

import (
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// guarded makes a group where new devices are to be approved, with a member who has one.
func (w *world) guarded() (g groupcast.Group, ann groupcast.User, old groupcast.Device) {
	w.Helper()
	g, ann = w.group("lab"), w.user("ann")
	old = w.device(ann, "old")
	w.join(g, ann)
	_, err := w.s.SetNewDevices(w.ctx, g.ID, groupcast.NewDevicesApprove, "root", w.tick())
	w.ok(err)
	return g, ann, old
}

func (w *world) waiting() []groupcast.JoinRequest {
	w.Helper()
	open, err := rows(w.s.Requests(w.ctx, groupcast.RequestOpen, groupcast.Window{}))
	w.ok(err)
	return open
}

func (w *world) refused(t groupcast.Transfer, d groupcast.Device) {
	w.Helper()
	_, err := w.s.Entitled(w.ctx, t.No, d.ID)
	w.fails(err, groupcast.ENotFound)
	owed, err := w.s.Owed(w.ctx, d.ID)
	w.ok(err)
	equal(w, d.Name+" is owed", len(owed), 0)
	groups, err := w.s.GroupsOfDevice(w.ctx, d.ID)
	w.ok(err)
	equal(w, d.Name+" is in groups", len(groups), 0)
}

func newDevicesWait(w *world) {
	g, ann, old := w.guarded()
	before, _ := w.transfer(g)
	fresh := w.device(ann, "new")
	during, owed := w.transfer(g)
	equal(w, "owed to", len(owed), 1)
	equal(w, "owed to the old one", owed[0].DeviceID, old.ID)
	for _, t := range []groupcast.Transfer{before.Transfer, during.Transfer} {
		w.refused(t, fresh)
		_, err := w.s.Entitled(w.ctx, t.No, old.ID)
		w.ok(err)
	}
	open := w.waiting()
	equal(w, "requests", len(open), 1)
	equal(w, "who", open[0].Who(), "ann/new")
	equal(w, "which", open[0].DeviceID, fresh.ID)
	held, err := w.s.Withheld(w.ctx, fresh.ID)
	w.ok(err)
	equal(w, "withheld", fmt.Sprint(held), "[{lab open}]")

	_, err = w.s.DenyDevice(w.ctx, g.ID, fresh.ID, "root", w.tick())
	w.ok(err)
	w.refused(during.Transfer, fresh)
	equal(w, "nothing waits", len(w.waiting()), 0)
	_, err = w.s.DenyDevice(w.ctx, g.ID, fresh.ID, "root", w.tick())
	w.fails(err, groupcast.ENotFound)
	_, err = w.s.RetryTransfer(w.ctx, during.No, w.now.Add(1e12), w.tick())
	w.ok(err)
	w.refused(during.Transfer, fresh)

	r, owed, err := w.s.AdmitDevice(w.ctx, g.ID, fresh.ID, "root", w.tick())
	w.ok(err)
	equal(w, "state", r.State, groupcast.RequestApproved)
	equal(w, "by", r.DecidedBy, "root")
	equal(w, "owed when it was approved", len(owed), 2)
	for _, t := range []groupcast.Transfer{before.Transfer, during.Transfer} {
		_, err = w.s.Entitled(w.ctx, t.No, fresh.ID)
		w.ok(err)
		equal(w, "owed in all", w.owed(t.No), 2)
	}
	_, _, err = w.s.AdmitDevice(w.ctx, g.ID, fresh.ID, "root", w.tick())
	w.fails(err, groupcast.ENotFound)
	_, _, err = w.s.AdmitDevice(w.ctx, g.ID, old.ID, "root", w.tick())
	w.fails(err, groupcast.ENotFound)
}

// The first device of a member takes over what the member is owed only when it is admitted.
func firstDeviceWaits(w *world) {
	g, other := w.group("lab"), w.group("other")
	_, err := w.s.SetNewDevices(w.ctx, g.ID, groupcast.NewDevicesApprove, "root", w.tick())
	w.ok(err)
	bob := w.user("bob")
	w.join(g, bob)
	w.join(other, bob)
	t, owed := w.transfer(g)
	equal(w, "owed to the member", len(owed), 1)
	free, _ := w.transfer(other)
	pc := w.device(bob, "pc")
	_, err = w.s.Entitled(w.ctx, free.No, pc.ID)
	w.ok(err)
	_, err = w.s.Entitled(w.ctx, t.No, pc.ID)
	w.fails(err, groupcast.ENotFound)
	later, owed := w.transfer(g)
	equal(w, "owed to the member who has no admitted device", len(owed), 1)
	equal(w, "without a device", owed[0].Device, "")
	_, owed, err = w.s.AdmitDevice(w.ctx, g.ID, pc.ID, "root", w.tick())
	w.ok(err)
	equal(w, "taken over", len(owed), 2)
	equal(w, "once", w.owed(t.No)+w.owed(later.No), 2)
	_, err = w.s.Entitled(w.ctx, t.No, pc.ID)
	w.ok(err)
}

// Leaving and coming back changes nothing; devices that are gone have no requests.
func newDevicesStayOut(w *world) {
	g, ann, old := w.guarded()
	denied, waits := w.device(ann, "denied"), w.device(ann, "waits")
	_, err := w.s.DenyDevice(w.ctx, g.ID, denied.ID, "root", w.tick())
	w.ok(err)
	w.ok(w.s.RemoveMember(w.ctx, g.ID, ann.ID, w.tick()))
	equal(w, "of somebody who left", len(w.waiting()), 0)
	t, _ := w.transfer(g)
	w.join(g, ann)
	_, err = w.s.Entitled(w.ctx, t.No, old.ID)
	w.ok(err)
	w.refused(t.Transfer, denied)
	w.refused(t.Transfer, waits)
	equal(w, "waits again", len(w.waiting()), 1)

	owed, err := w.s.SetNewDevices(w.ctx, g.ID, groupcast.NewDevicesAllow, "root", w.tick())
	w.ok(err)
	equal(w, "owed when new devices are allowed", len(owed), 1)
	_, err = w.s.Entitled(w.ctx, t.No, waits.ID)
	w.ok(err)
	w.refused(t.Transfer, denied)
	free := w.device(ann, "free")
	_, err = w.s.Entitled(w.ctx, t.No, free.ID)
	w.ok(err)

	_, err = w.s.RevokeDevice(w.ctx, denied.ID, w.tick())
	w.ok(err)
	all, err := rows(w.s.Requests(w.ctx, "", groupcast.Window{}))
	w.ok(err)
	equal(w, "requests that are kept", len(all), 1)
	_, err = w.s.SetNewDevices(w.ctx, w.group("x").ID, groupcast.NewDevicesAllow, "root", w.tick())
	w.ok(err)
}

// A device's request is none to join: they do not conflict.
func deviceAndJoinRequests(w *world) {
	g, ann, _ := w.guarded()
	w.device(ann, "new")
	w.ok(w.s.RemoveMember(w.ctx, g.ID, ann.ID, w.tick()))
	_, err := w.s.AddRequest(w.ctx, g.ID, ann.ID, "again", w.tick())
	w.ok(err)
	open := w.waiting()
	equal(w, "requests", len(open), 1)
	equal(w, "brings devices", open[0].Devices, 2)
	w.ok(w.s.WithdrawRequest(w.ctx, g.ID, ann.ID))
	_, err = w.s.AddRequest(w.ctx, g.ID, ann.ID, "again", w.tick())
	w.ok(err)
	_, _, err = w.s.ApproveRequest(w.ctx, g.ID, ann.ID, "root", w.tick())
	w.ok(err)
	open = w.waiting()
	equal(w, "the device waits on", len(open), 1)
	equal(w, "who", open[0].Who(), "ann/new")
}

// A device that logs in again and again, or a browser, leaves no more logins than the bound; the
// newest live.
func tokensAreBounded(w *world) {
	ann := w.user("ann")
	pc, other := w.device(ann, "pc"), w.device(ann, "other")
	kept := w.token(200, ann, other.ID, groupcast.ScopeAgent, time.Time{})
	web := w.token(201, ann, protocol.DeviceID{}, groupcast.ScopeWeb, time.Time{})
	var all []store.TokenHash
	for i := range store.MaxDeviceTokens + 3 {
		w.tick()
		all = append(all, w.token(byte(i), ann, pc.ID, groupcast.ScopeAgent, time.Time{}))
	}
	for i, h := range all {
		equal(w, fmt.Sprint("token ", i), w.alive(h), i >= 3)
	}
	equal(w, "of another device", w.alive(kept), true)
	equal(w, "of a browser", w.alive(web), true)
}
