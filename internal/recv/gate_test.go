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
		Number: 7, Floor: 5, ManifestBytes: 300_000, ManifestBlocks: 2,
		TotalBytes: 1 << 20, Files: 3, Blocks: 5, SymbolSize: protocol.DefaultSymbol, MaxK: 164,
		Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3, AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
		GroupAddr: netip.MustParseAddrPort("239.192.1.2:7441"), Flags: wire.OfferMulticast,
	}
}

func TestGateAdmitsAndRaisesTheFloor(t *testing.T) {
	g := recv.Gate{Floor: 3}
	floor, err := g.Admit(goodOffer())
	if err != nil || floor != 5 {
		t.Errorf("floor %d, %v", floor, err)
	}
	if floor, err := (recv.Gate{Floor: 6}).Admit(goodOffer()); err != nil || floor != 6 {
		t.Errorf("a floor never falls: %d, %v", floor, err)
	}
}

func TestGateRefuses(t *testing.T) {
	at := func(s string) func(*wire.Offer) {
		return func(o *wire.Offer) { o.GroupAddr = netip.MustParseAddrPort(s) }
	}
	for name, change := range map[string]func(*wire.Offer){
		"another server":        func(o *wire.Offer) { o.Server[3] = 1 },
		"another group":         func(o *wire.Offer) { o.Group[3] = 1 },
		"below the floor":       func(o *wire.Offer) { o.Number, o.Floor = 2, 1 },
		"older of its transfer": func(o *wire.Offer) { o.Number = 6; o.Transfer = 3 },
		"floor above itself":    func(o *wire.Offer) { o.Floor = 8 },
		"codec":                 func(o *wire.Offer) { o.Codec = 2 },
		"hash":                  func(o *wire.Offer) { o.Hash = 0 },
		"cipher":                func(o *wire.Offer) { o.AEAD = 9 },
		"cutter":                func(o *wire.Offer) { o.Cutter = 2 },
		"symbol small":          func(o *wire.Offer) { o.SymbolSize = 511 },
		"symbol large":          func(o *wire.Offer) { o.SymbolSize = 8961 },
		"k 0":                   func(o *wire.Offer) { o.MaxK = 0 },
		"k 201":                 func(o *wire.Offer) { o.MaxK = 201 },
		"files":                 func(o *wire.Offer) { o.Files = protocol.MaxFiles + 1 },
		"blocks":                func(o *wire.Offer) { o.Blocks = protocol.MaxBlocks + 1 },
		"manifest long":         func(o *wire.Offer) { o.ManifestBytes, o.ManifestBlocks = 1<<40, 4_772_186 },
		"manifest blocks":       func(o *wire.Offer) { o.ManifestBlocks = 3 },
		"no manifest":           func(o *wire.Offer) { o.ManifestBytes, o.ManifestBlocks = 0, 0 },
		"8 EiB":                 func(o *wire.Offer) { o.TotalBytes = 1 << 63 },
		"unicast":               at("192.168.1.2:7441"),
		"mdns":                  at("224.0.0.251:7441"),
		"all routers":           at("224.0.0.2:7441"),
		"mapped":                at("[::ffff:224.0.0.9]:7441"),
		"link-local v6":         at("[ff02::1]:7441"),
		"low port":              at("239.192.1.2:1023"),
	} {
		t.Run(name, func(t *testing.T) {
			o := goodOffer()
			change(&o)
			if floor, err := (recv.Gate{Floor: 3, Taken: 7}).Admit(o); err == nil || floor != 3 {
				t.Errorf("%s: admitted, floor %d", name, floor)
			}
		})
	}
}

func TestGateNamesANewerVersion(t *testing.T) {
	o := goodOffer()
	o.Codec = 7
	if _, err := (recv.Gate{}).Admit(o); !errors.Is(err, recv.ErrNewer) {
		t.Errorf("got %v", err)
	}
}

func TestGateAllowsPoorAndIPv6Groups(t *testing.T) {
	for _, s := range []string{"224.0.0.1:7441", "[ff12::7]:7441", "[ff35::7]:1024", "232.1.2.3:7441"} {
		t.Run(s, func(t *testing.T) {
			o := goodOffer()
			o.GroupAddr = netip.MustParseAddrPort(s)
			if _, err := (recv.Gate{}).Admit(o); err != nil {
				t.Errorf("%s: %v", s, err)
			}
		})
	}
}
