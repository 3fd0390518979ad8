package storetest

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// refusals: what a device refused for stays while it refuses, and goes when it is owed again, receives,
// or the transfer holds something else.
func refusals(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	pc := w.device(ann, "pc")
	w.join(g, ann)
	t, _ := w.transfer(g)
	note := func(state groupcast.DeliveryState, refusal groupcast.Refusal) {
		w.Helper()
		w.ok(w.s.UpdateDeliveries(w.ctx, []groupcast.Delivery{{
			Transfer: t.No, UserID: ann.ID, DeviceID: pc.ID, State: state, Reason: "why", Refusal: refusal,
		}}, w.tick()))
	}
	is := func(when string, want groupcast.Refusal) {
		w.Helper()
		d, err := w.s.Delivery(w.ctx, t.No, pc.ID)
		w.ok(err)
		equal(w, when, d.Refusal, want)
	}
	note(groupcast.DeliveryRefused, "manifest-entry")
	is("refused", "manifest-entry")
	note(groupcast.DeliveryRefused, "")
	is("its progress is noted", "manifest-entry")
	note(groupcast.DeliveryRefused, "space")
	is("refused for something else", "space")
	room := &groupcast.Space{Needed: 160, Free: 21, Kept: 1 << 40, Others: 7}
	w.ok(w.s.UpdateDeliveries(w.ctx, []groupcast.Delivery{{
		Transfer: t.No, UserID: ann.ID, DeviceID: pc.ID, State: groupcast.DeliveryRefused, Refusal: "space", Space: room,
	}}, w.tick()))
	note(groupcast.DeliveryRefused, "")
	d, err := w.s.Delivery(w.ctx, t.No, pc.ID)
	w.ok(err)
	if d.Space == nil || *d.Space != *room {
		w.Errorf("its numbers: %+v, want %+v", d.Space, room)
	}
	note(groupcast.DeliveryReceiving, "")
	is("receives", "")
	note(groupcast.DeliveryRefused, "space")
	if d, err = w.s.Delivery(w.ctx, t.No, pc.ID); err != nil || d.Space != nil {
		w.Errorf("refused again without numbers: %+v, %v", d.Space, err)
	}
	note(groupcast.DeliveryRefused, "manifest-entry")
	_, err = w.s.RetryTransfer(w.ctx, t.No, w.now.Add(time.Hour), w.tick())
	w.ok(err)
	is("owed again", "")
	note(groupcast.DeliveryRefused, "manifest-entry")
	_, err = w.s.ReplaceContent(w.ctx, t.No,
		store.Edition{Was: t.Content, Content: "content-renewed", Root: protocol.Digest{7}, Files: 1, Blocks: 1, Bytes: 1})
	w.ok(err)
	is("it holds something else", "")
}
