package recv_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
)

func goodOffer2() format2.Offer {
	return format2.Offer{
		Server: protocol.ServerID{1}, Group: protocol.GroupID{2}, Number: 20, Floor: 15, Site: protocol.SiteID{3}, SiteEpoch: 4,
		SlotMS: 50, Lag: 2, SkeletonBytes: 100, Edition: 1, Pages: 8, SymbolSize: 1408, MaxK: 164, LifeSeconds: 60,
		Codec: format2.CodecCauchyRS, Hash: format2.HashBLAKE3, AEAD: format2.AEADAES256GCM, Cutter: format2.CutterFixed,
		GroupAddr: netip.MustParseAddrPort("239.1.2.3:7441"), Source: netip.MustParseAddrPort("10.0.0.1:9"),
		Flags: format2.OfferMulticast,
	}
}

func gate2() recv.Gate2 {
	return recv.Gate2{
		Gate: recv.Gate{Server: protocol.ServerID{1}, Group: protocol.GroupID{2}, Floor: 12, Taken: 18},
		Site: protocol.SiteID{3}, Epoch: 3,
	}
}

func TestTheGateOfFormat2(t *testing.T) {
	floor, epoch, err := gate2().Admit2(goodOffer2())
	if err != nil || floor != 15 || epoch != 4 {
		t.Errorf("floor %d, epoch %d, %v", floor, epoch, err)
	}
	for name, c := range map[string]struct {
		set  func(*format2.Offer)
		want error
	}{
		"another server":     {func(o *format2.Offer) { o.Server[0]++ }, nil},
		"another group":      {func(o *format2.Offer) { o.Group[0]++ }, nil},
		"another site":       {func(o *format2.Offer) { o.Site[0]++ }, recv.ErrSite},
		"an earlier sender":  {func(o *format2.Offer) { o.SiteEpoch = 2 }, recv.ErrSite},
		"below the floor":    {func(o *format2.Offer) { o.Number = 11 }, recv.ErrOld},
		"older than another": {func(o *format2.Offer) { o.Number = 17 }, recv.ErrOld},
		"an unknown flag":    {func(o *format2.Offer) { o.Flags |= 1 << 9 }, recv.ErrNewer},
		"an unknown hash":    {func(o *format2.Offer) { o.Hash = 9 }, recv.ErrNewer},
		"no pages":           {func(o *format2.Offer) { o.Pages = 0 }, nil},
		"a floor above it":   {func(o *format2.Offer) { o.Floor = 21 }, nil},
		"too many bytes":     {func(o *format2.Offer) { o.Bytes = 1 }, nil},
		"a group of others": {func(o *format2.Offer) {
			o.GroupAddr = netip.MustParseAddrPort("224.0.0.251:7441")
		}, nil},
		"a port of a service": {func(o *format2.Offer) {
			o.GroupAddr = netip.MustParseAddrPort("239.1.2.3:53")
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := goodOffer2()
			c.set(&o)
			floor, epoch, err := gate2().Admit2(o)
			if err == nil || c.want != nil && !errors.Is(err, c.want) || floor != 12 || epoch != 3 {
				t.Errorf("floor %d, epoch %d, %v", floor, epoch, err)
			}
		})
	}
}

// The first SYNC with a new element is always checked, however many others were; forgers of known elements soon
// are not.
func TestForgersDoNotUseUpSignatures(t *testing.T) {
	var b recv.SyncBudget
	checked := 0
	for index := uint32(1); index <= 100; index++ {
		slot := int64(1000 + index)
		if !b.Check(slot, index, true) {
			t.Fatalf("the first SYNC with element %d is not checked", index)
		}
		for range 1000 { // copies with that element, before and after the genuine one counts
			if b.Check(slot, index, true) {
				checked++
			}
			if b.Check(slot, index, false) {
				checked++
			}
			if index > 1 && b.Check(slot, index-1, false) {
				checked++
			}
		}
	}
	if checked != 100*11 {
		t.Errorf("%d forged SYNCs were checked in 100 slots", checked)
	}
}

// Before the first slots have passed all SYNCs have the element that everybody knows: so many are checked in each.
func TestTheFirstSyncsAreChecked(t *testing.T) {
	var b recv.SyncBudget
	for slot := range int64(4) {
		checked := 0
		for range 100 {
			if b.Check(slot, 0, false) {
				checked++
			}
		}
		if checked != 10 {
			t.Errorf("%d were checked in slot %d", checked, slot)
		}
	}
}

// The sender's own SYNCs use nothing up, however many it sends in a slot.
func TestGenuineSyncsAreNotCounted(t *testing.T) {
	var b recv.SyncBudget
	for n := range 100 {
		if !b.Check(7, 3, n == 0) {
			t.Fatalf("SYNC %d of the slot is not checked", n)
		}
		b.Good()
	}
}
