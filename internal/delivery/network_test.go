package delivery

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// A session whose packets leave from another address by now begins anew, with everybody in it.
func TestASessionFollowsTheInterface(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		old := w.sender()
		w.watch <- struct{}{}
		synctest.Wait()
		if !old.Sealing() {
			t.Fatal("a session ended though nothing had moved")
		}
		old.Move()
		w.watch <- struct{}{}
		synctest.Wait()
		if old.Sealing() {
			t.Fatal("the session goes on from an address that nobody believes")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		for i, a := range agents {
			o := a.offered()
			if o.Session == offers[i].Session {
				t.Fatal("no new session was offered")
			}
			h, err := a.ready(o)
			w.must(err)
			if h.HTTPS {
				t.Fatal("the rest goes over HTTPS")
			}
			w.must(a.receipt(o, groupcast.DeliveryVerified, groupcast.PathMulticast))
		}
		got := w.shown(tr.No)
		if got.State != groupcast.TransferDone {
			t.Fatalf("after both receipts: %+v", got)
		}
	})
}

// A card that is known to be small makes the packets of all small; one that turns out to be is
// served over HTTPS, and the reason says so.
func TestSmallCards(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, bob := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach()
		w.presence.NoteMTU(ann.id, 1280)
		tr := w.send("g", nil)
		for _, a := range []*agent{ann, bob} {
			o := a.offered()
			if o.SymbolSize != protocol.TunnelSymbol {
				t.Fatalf("symbols of %d bytes are offered", o.SymbolSize)
			}
			r := groupcast.Ready{Transfer: o.Transfer, Session: o.Session, LacksAll: true, MTU: 1280}
			if a == bob {
				r.MTU = 576
			}
			h, err := w.HandOut(w.ctx, *a.p.Device, r)
			w.must(err)
			if h.HTTPS != (a == bob) {
				t.Fatalf("a card of %d bytes: HTTPS %v", r.MTU, h.HTTPS)
			}
		}
		all, err := w.Deliveries(w.ctx, tr.No, groupcast.Window{})
		w.must(err)
		said := false
		for _, d := range all.Rows {
			said = said || d.User == "bob" && strings.Contains(d.Reason, "takes only 576 bytes")
		}
		if !said {
			t.Errorf("the reason is not said: %+v", all)
		}
	})
}
