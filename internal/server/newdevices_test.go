package server

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// guarded makes a group where new devices are to be approved, with ann, who has one device.
func (w *world) guarded() *agent {
	w.Helper()
	_, err := w.CreateGroup(w.ctx, local, groupcast.NewGroup{Name: "lab", NewDevices: groupcast.NewDevicesApprove})
	w.must(err)
	_, err = w.AddUser(w.ctx, local, groupcast.NewUser{Name: "ann", Password: password})
	w.must(err)
	old := w.login("ann").attach()
	_, err = w.AddMember(w.ctx, local, "lab", "ann")
	w.must(err)
	return old
}

// Whatever a device asks for of a group where it waits, nothing comes; from the approval on it is served.
func TestANewDeviceGetsNothingUntilItIsApproved(t *testing.T) {
	inBubble(t, func(w *world) {
		old := w.guarded()
		running := w.send("lab", nil)
		fresh := w.login("ann").attach()
		later := w.send("lab", nil)
		offer := old.offers()
		if len(offer) == 0 {
			t.Fatal("the device that was approved with its user has no offer")
		}
		if got := fresh.offers(); len(got) != 0 {
			t.Errorf("it was offered %d", len(got))
		}
		for _, no := range []protocol.TransferNo{running.No, later.No} {
			w.refusesAll(fresh, no, offer[0])
		}
		st, err := w.AgentState(w.ctx, fresh.p)
		w.must(err)
		if len(st.Groups)+len(st.Offers)+len(st.Owed) != 0 || len(st.Withheld) != 1 || st.Withheld[0] != (groupcast.WithheldGroup{Name: "lab", State: groupcast.RequestOpen}) {
			t.Errorf("its state: %+v", st)
		}
		holders, err := w.KeyHolders(w.ctx, local, running.No)
		w.must(err)
		for _, h := range holders {
			if h.DeviceID == fresh.p.Device.ID {
				t.Error("it was handed a key")
			}
		}
		open, err := rows(w.Requests(w.ctx, local, groupcast.RequestOpen, groupcast.Window{}))
		w.must(err)
		if len(open) != 1 || open[0].Who() != "ann/pc-ann-2" {
			t.Fatalf("requests: %+v", open)
		}
		if _, err := w.Approve(w.ctx, old.cli, "lab", open[0].Who()); groupcast.ErrorCode(err) != groupcast.EForbidden {
			t.Errorf("a user approves a device of their own: %v", err)
		}
		_, err = w.Approve(w.ctx, local, "lab", open[0].Who())
		w.must(err)
		synctest.Wait()
		got := fresh.offers()
		if len(got) == 0 {
			t.Fatal("approved, it is offered nothing")
		}
		if _, err := fresh.ready(got[len(got)-1]); err != nil {
			t.Error(err)
		}
		if st, err = w.AgentState(w.ctx, fresh.p); err != nil || len(st.Groups) != 1 || len(st.Withheld) != 0 || len(st.Owed) != 2 {
			t.Errorf("approved, its state: %+v, %v", st, err)
		}
	})
}

// refusesAll calls all that serves a device, for a transfer that is none of its business: the
// answer is that for a transfer that does not exist.
func (w *world) refusesAll(a *agent, no protocol.TransferNo, o wire.Offer) {
	w.Helper()
	absent := w.answers(a, 9999, o)
	for what, code := range w.answers(a, no, o) {
		if code == "" || code == groupcast.EInternal || code != absent[what] {
			w.Errorf("%s of transfer %d: %q, of none %q", what, no, code, absent[what])
		}
	}
}

// answers gives the code of each call; empty: it was answered.
func (w *world) answers(a *agent, no protocol.TransferNo, o wire.Offer) map[string]groupcast.Code {
	o.Transfer = no
	_, manifest := w.Manifest(w.ctx, a.p, no)
	_, blocks := w.Blocks(w.ctx, a.p, no, 0, 1)
	_, ready := a.ready(o)
	_, refuses := w.Ready(w.ctx, a.p, groupcast.Ready{Transfer: no, Session: o.Session, Refused: "no space"})
	out := map[string]groupcast.Code{}
	for what, err := range map[string]error{
		"manifest": manifest, "blocks": blocks, "ready": ready, "a refusal": refuses,
		"receipt": a.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS),
		"entries": w.Entries(w.ctx, a.p, groupcast.EntryPage{Transfer: no}),
		"report":  w.Report(w.ctx, a.p, groupcast.AgentReport{Transfer: no, Blocks: 1}),
	} {
		if out[what] = groupcast.ErrorCode(err); err == nil {
			out[what] = ""
		}
	}
	return out
}

// What was denied stays out, also as a copy, also when the user leaves and comes back; a change
// of the rule lets those in that wait.
func TestADeniedDeviceStaysOut(t *testing.T) {
	inBubble(t, func(w *world) {
		w.guarded()
		denied := w.login("ann").attach()
		_, err := w.Deny(w.ctx, local, "lab", "ann/"+denied.p.Device.ID.String())
		w.must(err)
		w.must(w.Leave(w.ctx, denied.cli, "lab"))
		_, err = w.Join(w.ctx, denied.cli, "lab", "")
		w.must(err)
		_, err = w.Approve(w.ctx, local, "lab", "ann")
		w.must(err)
		waits := w.login("ann").attach()
		tr := w.send("lab", nil)
		if got := len(denied.offers()) + len(waits.offers()); got != 0 {
			t.Errorf("%d offers", got)
		}
		allow := groupcast.NewDevicesAllow
		g, err := w.UpdateGroup(w.ctx, local, "lab", groupcast.GroupChange{NewDevices: &allow})
		w.must(err)
		synctest.Wait()
		if g.NewDevices != allow || len(waits.offers()) == 0 || len(denied.offers()) != 0 {
			t.Error("the rule's change let in the wrong ones")
		}
		if _, err := w.Blocks(w.ctx, denied.p, tr.No, 0, 1); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Error(err)
		}
		for _, bad := range []groupcast.GroupChange{{}, {NewDevices: new(groupcast.NewDevices("maybe"))}} {
			if _, err := w.UpdateGroup(w.ctx, local, "lab", bad); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%v: %v", bad, err)
			}
		}
	})
}

// A copy of a home is a new device, too.
func TestACopyOfAnApprovedDeviceWaits(t *testing.T) {
	inBubble(t, func(w *world) {
		old := w.guarded()
		key := seal.NewSigningKey()
		d, owed, err := w.store.AddCopy(w.ctx, groupcast.Device{
			ID: protocol.NewDeviceID(), UserID: old.p.User.ID, Name: "copy", PublicKey: ed25519.PublicKey(key.Public().Bytes()),
		}, store.Copy{Of: old.p.Device.ID, Machine: "m"}, w.now())
		w.must(err)
		tr := w.send("lab", nil)
		if _, err := w.store.Entitled(w.ctx, tr.No, d.ID); len(owed) != 0 || groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("owed %d, %v", len(owed), err)
		}
	})
}

// A new device is told to the user's other devices, to people who watch, and in the audit log.
func TestANewDeviceIsTold(t *testing.T) {
	inBubble(t, func(w *world) {
		old := w.guarded()
		old.offers()
		admin, err := w.Events(w.ctx, local)
		w.must(err)
		own, err := w.Events(w.ctx, old.cli)
		w.must(err)
		drained(admin)
		drained(own)
		time.Sleep(time.Second)
		fresh := w.login("ann")
		old.told(groupcast.AgentHint)
		st, err := w.AgentState(w.ctx, old.p)
		w.must(err)
		if len(st.NewDevices) != 1 || st.NewDevices[0].ID != fresh.p.Device.ID || st.NewDevices[0].User != "ann" || !st.NewDevices[0].Since.Equal(w.now()) {
			t.Errorf("the old one is told %+v", st.NewDevices)
		}
		if st, err := w.AgentState(w.ctx, fresh.p); err != nil || len(st.NewDevices) != 0 {
			t.Errorf("the new one is told %+v, %v", st.NewDevices, err)
		}
		for name, s := range map[string]groupcast.EventStream{"an administrator": admin, "the user": own} {
			kinds := ""
			for _, e := range drained(s) {
				kinds += string(e.Kind) + ": " + e.Text + "; "
			}
			if !strings.Contains(kinds, "pc-ann-2: new device") || !strings.Contains(kinds, "request: new device pc-ann-2") {
				t.Errorf("%s hears %q", name, kinds)
			}
		}
		log, err := auditOf(w.Audit(w.ctx, local, groupcast.AuditQuery{Action: "device.add"}))
		w.must(err)
		if len(log) != 2 || log[0].Object != "ann/pc-ann-2" {
			t.Errorf("%+v", log)
		}
	})
}
