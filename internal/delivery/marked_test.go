package delivery

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/forging"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

// TestAForgedSessionBeginsAnewWithMACs: once enough blocks came wrong another session follows whose packets have MACs,
// with what the devices lack; it goes on when more is known, and the group's next transfer has MACs from its beginning.
func TestAForgedSessionBeginsAnewWithMACs(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := sendingPaged(w, "ann", "bob")
		first := w.sender()
		first.Forge(&groupcast.Forging{Code: groupcast.MemberForges, Devices: 2, Blocks: forging.Enough - 1}, nil)
		time.Sleep(time.Second)
		if n := len(agents[0].pagedOffers()); n != 0 {
			t.Fatalf("%d offers after fewer blocks", n)
		}
		first.Forge(&groupcast.Forging{Code: groupcast.MemberForges, Devices: 2, Blocks: forging.Enough}, nil)
		time.Sleep(time.Second)
		for i, a := range agents {
			o := a.pagedOffered()
			if o.Number <= offers[i].Number || o.Flags&format2.OfferMACs == 0 || o.Flags&format2.OfferMulticast == 0 {
				t.Errorf("offer %d, flags %#x", o.Number, o.Flags)
			}
			if h := a.takes(o, protocol.Range{First: 1, Count: 9}); len(h.SessionSecret) == 0 {
				t.Fatalf("%+v", h)
			}
		}
		if lacks, ok := w.sender().Lacks(agents[0].id); !ok || lacks[0] != (protocol.Range{First: 1, Count: 9}) {
			t.Errorf("it lacks %v", lacks)
		}
		w.sender().Forge(&groupcast.Forging{Code: groupcast.MemberForges, Devices: 2, Blocks: 9}, nil)
		time.Sleep(time.Second)
		if n := len(agents[0].pagedOffers()); n != 0 {
			t.Errorf("%d offers though its packets have MACs", n)
		}
		if got, err := w.Transfer(w.ctx, tr.No); err != nil || got.Forging == nil || got.Forging.Blocks != 9 {
			t.Errorf("%+v, %v", got.Forging, err)
		}
		if flags, err := w.forging.Flags(w.ctx, tr.GroupID); err != nil || flags != format2.OfferMACs {
			t.Errorf("the next transfer: %v, %v", flags, err)
		}
	})
}
