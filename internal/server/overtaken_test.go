package server

import (
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/sender"
)

// standing gives the first delivery of a transfer.
func (w *world) standing(tr groupcast.Transfer) groupcast.Delivery {
	w.Helper()
	w.settle()
	all, err := rows(w.Deliveries(w.ctx, local, tr.No, groupcast.Window{}))
	w.must(err)
	return all[0]
}

// A device that began anew is told an offer whose session is over, and may know from another transfer's
// offer that it is: it gets a new one.
func TestARefusalOfAnOfferThatIsOverBringsANewOne(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, bob := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach()
		tr := w.send("g", nil)
		o := ann.offered()
		bob.offered()
		for _, a := range []*agent{ann, bob} {
			if _, err := a.ready(o); err != nil {
				t.Fatal(err)
			}
		}
		w.settle()
		for _, a := range []*agent{ann, bob} {
			w.sender().Hear(sender.Event{Kind: sender.DeviceDone, Device: a.p.Device.ID})
		}
		w.settle()
		_, err := w.Ready(w.ctx, ann.p, groupcast.Ready{
			Transfer: tr.No, Session: o.Session, Refused: "offers below are over", Kind: groupcast.RefusedOld,
		})
		w.must(err)
		if d := w.standing(tr); d.State == groupcast.DeliveryRefused {
			t.Errorf("it counts as refused: %+v", d)
		}
		if next := ann.offered(); next.Number <= o.Number {
			t.Errorf("offer %d after %d", next.Number, o.Number)
		}
	})
}

// A refusal that was on its way while the device was put off says nothing.
func TestARefusalOfWhatIsNotOfferedIsNone(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, bob := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach()
		tr := w.send("g", nil)
		o := ann.offered()
		bob.offered()
		_, err := w.ActOnDelivery(w.ctx, local, tr.No, ann.p.Device.ID, groupcast.PutOff)
		w.must(err)
		_, err = w.Ready(w.ctx, ann.p, groupcast.Ready{
			Transfer: tr.No, Session: o.Session, Refused: "no space", Kind: groupcast.RefusedSpace,
		})
		w.must(err)
		if d := w.standing(tr); d.Cause != groupcast.CauseLater {
			t.Errorf("it is not put off any more: %+v", d)
		}
	})
}

// A device that refused an offer and answers it all the same can take it now.
func TestAnAnswerAfterARefusalCounts(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		o := ann.offered()
		_, err := w.Ready(w.ctx, ann.p, groupcast.Ready{
			Transfer: tr.No, Session: o.Session, Refused: "no space", Kind: groupcast.RefusedSpace,
		})
		w.must(err)
		if d := w.standing(tr); d.State != groupcast.DeliveryRefused {
			t.Fatalf("the refusal does not count: %+v", d)
		}
		if h, err := ann.ready(o); err != nil || !h.HTTPS {
			t.Errorf("%+v, %v", h, err)
		}
		if d := w.standing(tr); d.State != groupcast.DeliveryReceiving {
			t.Errorf("it does not receive: %+v", d)
		}
	})
}

// A receipt for content that was planned anew since closes nothing: the device is offered what it is now.
func TestAReceiptForOtherContentBringsAnOffer(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g").attach()
		w.send("g", nil)
		o := ann.offered()
		if _, err := ann.ready(o); err != nil {
			t.Fatal(err)
		}
		other := o
		other.IndexDigest[0]++
		err := ann.receipt(other, groupcast.DeliveryVerified, groupcast.PathHTTPS)
		if groupcast.ErrorCode(err) != groupcast.EClosed {
			t.Errorf("the receipt: %v", err)
		}
		w.settle()
		if next := ann.offered(); next.Number < o.Number {
			t.Errorf("offer %d after %d", next.Number, o.Number)
		}
	})
}
