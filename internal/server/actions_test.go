package server

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/wire"
)

func wantConflict(t *testing.T, err error, words string) {
	t.Helper()
	if groupcast.ErrorCode(err) != groupcast.EConflict || !strings.Contains(err.Error(), words) {
		t.Fatalf("got %v, want a conflict about %q", err, words)
	}
}

func TestCatchUpOverTheServer(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, _ := running(w, "ann", "bob", "pc")
		slow := agents[2]
		d, err := w.ActOnDelivery(w.ctx, local, tr.No, slow.p.Device.ID, groupcast.CatchUp)
		w.must(err)
		if d.State != groupcast.DeliveryReceiving || d.Cause != groupcast.CauseBehind || !strings.Contains(d.Reason, "HTTPS") {
			t.Fatalf("the delivery: %+v", d)
		}
		o := slow.offered()
		if o.Flags&wire.OfferMulticast != 0 {
			t.Fatal("offered multicast again")
		}
		if h, err := slow.ready(o); err != nil || !h.HTTPS {
			t.Fatalf("hand-out %+v, %v", h, err)
		}
		if !w.sender().sealing() {
			t.Fatal("the others' session ended")
		}
		entries, err := w.Audit(w.ctx, local, groupcast.AuditQuery{Limit: 1})
		w.must(err)
		if e := entries[0]; e.Action != "delivery.catch-up" || !strings.Contains(e.Object, "pc/pc-pc") {
			t.Fatalf("audit: %+v", e)
		}
		w.must(slow.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		_, err = w.ActOnDelivery(w.ctx, local, tr.No, slow.p.Device.ID, groupcast.CatchUp)
		wantConflict(t, err, "pc/pc-pc is not owed")
	})
}

func TestLaterEndsTheWorkAndSendTakesItUp(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		bob := agents[1]
		stream, err := w.Events(w.ctx, local)
		w.must(err)
		defer stream.Close()
		d, err := w.ActOnDelivery(w.ctx, local, tr.No, bob.p.Device.ID, groupcast.PutOff)
		w.must(err)
		if d.Cause != groupcast.CauseLater || d.Waited() || d.State != groupcast.DeliveryQueued {
			t.Fatalf("the delivery: %+v", d)
		}
		bob.told(groupcast.AgentEnd)
		if state, err := w.AgentState(w.ctx, bob.p); err != nil || len(state.Offers) != 0 {
			t.Fatalf("his state still holds the offer: %+v, %v", state.Offers, err)
		}
		heard := false
		for _, e := range drained(stream) {
			heard = heard || e.Kind == groupcast.EventDelivery && strings.Contains(e.Text, "later")
		}
		if !heard {
			t.Error("nobody who watches was told")
		}
		w.must(agents[0].receipt(offers[0], groupcast.DeliveryVerified, groupcast.PathMulticast))
		got, err := w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		if got.State != groupcast.TransferWaiting || !strings.Contains(got.Reason, "put off") {
			t.Fatalf("the transfer: %s, %s", got.State, got.Reason)
		}
		_, err = w.SendTransfer(w.ctx, local, tr.No)
		w.must(err)
		if o := bob.offered(); o.Transfer != tr.No {
			t.Fatalf("offered %+v", o)
		}
	})
}

func TestDropEndsOneDeliveryAndTheTransferWithTheLast(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		bob := agents[1]
		d, err := w.ActOnDelivery(w.ctx, local, tr.No, bob.p.Device.ID, groupcast.Drop)
		w.must(err)
		if d.State != groupcast.DeliveryCancelled || !strings.Contains(d.Reason, "dropped by") {
			t.Fatalf("the delivery: %+v", d)
		}
		bob.told(groupcast.AgentEnd)
		if err := bob.receipt(offers[1], groupcast.DeliveryVerified, groupcast.PathMulticast); groupcast.ErrorCode(err) != groupcast.EClosed {
			t.Fatalf("a receipt after the drop: %v", err)
		}
		w.must(agents[0].receipt(offers[0], groupcast.DeliveryVerified, groupcast.PathMulticast))
		got, err := w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		if got.State != groupcast.TransferDone || got.Verified != 1 || got.Failed != 0 {
			t.Fatalf("the transfer: %+v", got)
		}
		_, err = w.ActOnDelivery(w.ctx, local, tr.No, bob.p.Device.ID, groupcast.Drop)
		wantConflict(t, err, "retry")
	})
}

// Who has no device yet can be dropped too; his first device is not owed it then, until it is retried.
func TestAMemberWithoutADeviceIsDropped(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		for _, name := range []string{"ann", "bob"} {
			_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: name, Password: password})
			w.must(err)
			_, err = w.AddMember(w.ctx, local, "g", name)
			w.must(err)
		}
		tr := w.send("g", nil)
		got, err := w.DropMember(w.ctx, local, tr.No, "bob")
		w.must(err)
		if got.Owed != 1 || !got.State.Open() {
			t.Fatalf("after one of two: %+v", got)
		}
		if _, err := w.DropMember(w.ctx, local, tr.No, "bob"); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Fatalf("twice: %v", err)
		}
		if bob := w.login("bob").attach(); len(bob.offers()) != 0 {
			t.Fatal("his first device is owed it all the same")
		}
		got, err = w.DropMember(w.ctx, local, tr.No, "ann")
		w.must(err)
		if got.State != groupcast.TransferDone {
			t.Fatalf("after the last: %s", got.State)
		}
		got, err = w.RetryTransfer(w.ctx, local, tr.No)
		w.must(err)
		if got.Owed != 2 {
			t.Fatalf("retried: owed to %d", got.Owed)
		}
	})
}

// Who was put off stays so when the server is started again, for as long as it would have.
func TestLaterOutlivesTheServer(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		bob := agents[1]
		_, err := w.ActOnDelivery(w.ctx, local, tr.No, bob.p.Device.ID, groupcast.PutOff)
		w.must(err)
		w.must(agents[0].receipt(offers[0], groupcast.DeliveryVerified, groupcast.PathMulticast))
		w.reboot()
		bob.attach()
		time.Sleep(time.Minute)
		if o := bob.offers(); len(o) != 0 {
			t.Fatalf("offered %+v after the restart", o)
		}
		all, err := rows(w.Deliveries(w.ctx, local, tr.No, groupcast.Window{}))
		w.must(err)
		for _, d := range all {
			if d.User == "bob" && d.Cause != groupcast.CauseLater {
				t.Fatalf("the delivery: %+v", d)
			}
		}
		_, err = w.SendTransfer(w.ctx, local, tr.No)
		w.must(err)
		if o := bob.offered(); o.Transfer != tr.No {
			t.Fatalf("offered %+v", o)
		}
		w.reboot() // it was sent since: nobody is put off
		bob.attach()
		time.Sleep(settle)
		if o := bob.offered(); o.Transfer != tr.No {
			t.Fatalf("offered %+v", o)
		}
	})
}

func TestASilentDeviceDoesNotKeepATransferInSending(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, hung := w.enrol("ann", "g").attach(), w.enrol("hung", "g").attach()
		tr := w.send("g", nil)
		o := ann.offered()
		_, err := ann.ready(o)
		w.must(err)
		time.Sleep(time.Second)
		w.must(ann.receipt(o, groupcast.DeliveryVerified, groupcast.PathMulticast))
		time.Sleep(70 * time.Second)
		synctest.Wait()
		got, err := w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		if got.State != groupcast.TransferWaiting || !strings.Contains(got.Reason, "not answering") {
			t.Fatalf("the transfer is %s: %q", got.State, got.Reason)
		}
		all, err := rows(w.Deliveries(w.ctx, local, tr.No, groupcast.Window{}))
		w.must(err)
		if d := all[1]; d.Cause != groupcast.CauseSilent || !d.State.Owed() || !strings.Contains(d.Reason, "does not answer") {
			t.Fatalf("the delivery: %+v", d)
		}
		offers := hung.offers() // it wakes up and works through what it was sent
		last := offers[len(offers)-1]
		if h, err := hung.ready(last); err != nil || !h.HTTPS {
			t.Fatalf("when it answers: %+v, %v", h, err)
		}
		w.must(hung.receipt(last, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		got, err = w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		if got.State != groupcast.TransferDone {
			t.Fatalf("in the end: %+v", got)
		}
	})
}

// told expects an event of a kind in what the stream holds now.
func (a *agent) told(kind groupcast.AgentEventKind) {
	a.w.Helper()
	synctest.Wait()
	for _, e := range waiting(a.stream.Next) {
		if e.Kind == kind {
			return
		}
	}
	a.w.Fatalf("%s was not told %q", a.p.User.Name, kind)
}

// drained takes what an administrator's stream holds now.
func drained(s groupcast.EventStream) []groupcast.Event {
	synctest.Wait()
	return waiting(s.Next)
}
