package recv_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

func goodOffer() wire.Offer {
	return wire.Offer{
		Server: protocol.ServerID{1}, Group: protocol.GroupID{2}, Number: 9, Floor: 7, Transfer: 3,
		ManifestBytes: 300, ManifestBlocks: 1, TotalBytes: 1000, Files: 1, Blocks: 1,
		SymbolSize: protocol.DefaultSymbol, MaxK: 164, Codec: wire.CodecCauchyRS, Hash: wire.HashSHA256,
		AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed, Flags: wire.OfferMulticast,
		GroupAddr: netip.MustParseAddrPort("239.192.1.1:7441"),
	}
}

func TestGate(t *testing.T) {
	at := func(s string) func(*wire.Offer) {
		return func(o *wire.Offer) { o.GroupAddr = netip.MustParseAddrPort(s) }
	}
	for _, c := range []struct {
		name   string
		floor  protocol.OfferNo
		change func(*wire.Offer)
		kind   string
		raised protocol.OfferNo
	}{
		{"good", 0, func(*wire.Offer) {}, "", 7},
		{"below the newest, above the floor", 9, func(*wire.Offer) {}, "", 9},
		{"the floor never falls", 8, func(o *wire.Offer) { o.Floor = 1 }, "", 8},
		{"old", 10, func(*wire.Offer) {}, "old", 10},
		{"another server's", 0, func(o *wire.Offer) { o.Server[0]++ }, "server", 0},
		{"another group's", 0, func(o *wire.Offer) { o.Group[0]++ }, "group", 0},
		{"no number", 0, func(o *wire.Offer) { o.Number, o.Floor = 0, 0 }, "limits", 0},
		{"floor above number", 0, func(o *wire.Offer) { o.Floor = 10 }, "limits", 0},
		{"codec", 0, func(o *wire.Offer) { o.Codec = 0 }, "version", 0},
		{"hash", 0, func(o *wire.Offer) { o.Hash = 2 }, "version", 0},
		{"aead", 0, func(o *wire.Offer) { o.AEAD = 0 }, "version", 0},
		{"cutter", 0, func(o *wire.Offer) { o.Cutter = 9 }, "version", 0},
		{"files", 0, func(o *wire.Offer) { o.Files = protocol.MaxFiles + 1 }, "limits", 0},
		{"blocks", 0, func(o *wire.Offer) { o.Blocks = protocol.MaxBlocks + 1 }, "limits", 0},
		{"sparse", 0, func(o *wire.Offer) { o.TotalBytes = 1 << 63 }, "limits", 0},
		{"bytes without blocks", 0, func(o *wire.Offer) { o.Blocks = 0 }, "limits", 0},
		{"manifest", 0, func(o *wire.Offer) { o.ManifestBytes = protocol.MaxManifestBytes + 1 }, "limits", 0},
		{"manifest blocks", 0, func(o *wire.Offer) { o.ManifestBlocks = 2 }, "limits", 0},
		{"no manifest", 0, func(o *wire.Offer) { o.ManifestBlocks, o.ManifestBytes = 0, 0 }, "limits", 0},
		{"k 0", 0, func(o *wire.Offer) { o.MaxK = 0 }, "limits", 0},
		{"k 201", 0, func(o *wire.Offer) { o.MaxK = 201 }, "limits", 0},
		{"small symbols", 0, func(o *wire.Offer) { o.SymbolSize = 511 }, "limits", 0},
		{"large symbols", 0, func(o *wire.Offer) { o.SymbolSize = 8961 }, "limits", 0},
		{"unicast", 0, at("10.0.0.1:7441"), "address", 0},
		{"system port", 0, at("239.192.1.1:53"), "address", 0},
		{"mDNS", 0, at("224.0.0.251:5353"), "address", 0},
		{"all hosts", 0, at("224.0.0.1:7441"), "", 7},
		{"IPv6", 0, at("[ff12::42]:7441"), "", 7},
		{"IPv6 link-local", 0, at("[ff02::fb]:5353"), "address", 0},
		{"HTTPS only has no address", 0, func(o *wire.Offer) { o.Flags, o.GroupAddr = 0, netip.AddrPort{} }, "", 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := goodOffer()
			c.change(&o)
			raised, err := recv.Gate{Server: protocol.ServerID{1}, Group: protocol.GroupID{2}, Floor: c.floor}.Admit(o)
			var r *recv.Refusal
			kind := ""
			if errors.As(err, &r) {
				kind = r.Kind
			}
			if kind != c.kind || raised != c.raised {
				t.Fatalf("got %q (%v) and floor %d, want %q and %d", kind, err, raised, c.kind, c.raised)
			}
		})
	}
}
