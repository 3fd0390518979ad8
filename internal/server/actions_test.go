package server

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/wire"
)

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
		if !w.sender().Sealing() {
			t.Fatal("the others' session ended")
		}
		entries, err := auditOf(w.Audit(w.ctx, local, groupcast.AuditQuery{Limit: 1}))
		w.must(err)
		if e := entries[0]; e.Action != "delivery.catch-up" || !strings.Contains(e.Object, "pc/pc-pc") {
			t.Fatalf("audit: %+v", e)
		}
		w.must(slow.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		_, err = w.ActOnDelivery(w.ctx, local, tr.No, slow.p.Device.ID, groupcast.CatchUp)
		if groupcast.ErrorCode(err) != groupcast.EConflict || !strings.Contains(err.Error(), "pc/pc-pc is not owed") {
			t.Fatalf("when it has it: %v", err)
		}
	})
}

// What a device works on stands in its state, as long as it is owed.
func TestTheStateCarriesWhatADeviceWorksOn(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		ann := agents[0]
		state, err := w.AgentState(w.ctx, ann.p)
		w.must(err)
		if len(state.Offers) != 1 || len(state.Owed) != 1 || state.Owed[0] != tr.No || !state.OwedComplete {
			t.Fatalf("the state: %+v", state)
		}
		if o, err := wire.ParseOffer(state.Offers[0].Offer); err != nil || o.Session != offers[0].Session {
			t.Fatalf("its offer: %+v, %v", o, err)
		}
		w.must(ann.receipt(offers[0], groupcast.DeliveryVerified, groupcast.PathMulticast))
		state, err = w.AgentState(w.ctx, ann.p)
		w.must(err)
		if len(state.Offers) != 0 || len(state.Owed) != 0 {
			t.Fatalf("after the receipt: %+v", state)
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
