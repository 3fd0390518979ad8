package recv_test

import (
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

// FuzzGate: an offer that a device acts on is within the limits, whatever a server signed.
func FuzzGate(f *testing.F) {
	f.Add(uint64(3), uint64(0), wire.AppendOffer(nil, goodOffer()))
	f.Add(uint64(0), uint64(9), wire.AppendOffer(nil, wire.Offer{}))
	f.Fuzz(func(t *testing.T, floor, taken uint64, raw []byte) {
		o, err := wire.ParseOffer(raw)
		if err != nil {
			return
		}
		g := recv.Gate{Server: o.Server, Group: o.Group, Floor: protocol.OfferNo(floor), Taken: protocol.OfferNo(taken)}
		next, err := g.Admit(o)
		if next < g.Floor {
			t.Fatalf("the floor fell from %d to %d", g.Floor, next)
		}
		if err != nil {
			return
		}
		if o.Number < g.Floor || o.Floor > o.Number || o.Files > protocol.MaxFiles || o.Blocks > protocol.MaxBlocks ||
			o.ManifestBytes > protocol.MaxManifestBytes || o.MaxK == 0 || int(o.MaxK) > protocol.MaxSourceSymbols ||
			o.SymbolSize == 0 || int(o.SymbolSize) > protocol.MaxSymbolSize {
			t.Fatalf("admitted %+v", o)
		}
		if o.Flags&wire.OfferMulticast != 0 && (!o.GroupAddr.Addr().IsMulticast() || o.GroupAddr.Port() < 1024) {
			t.Fatalf("a device would join %v", o.GroupAddr)
		}
	})
}
