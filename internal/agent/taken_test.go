package agent

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// A receiver that was started anew takes no offer that is older than one it took before.
func TestAnOlderOfferIsNotTakenAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.sqlite")
	offer := func(no protocol.TransferNo, number protocol.OfferNo) wire.Offer {
		return wire.Offer{
			Transfer: no, Number: number, Floor: 3, ManifestBytes: 300, ManifestBlocks: 1,
			TotalBytes: 1000, Files: 1, Blocks: 1, SymbolSize: protocol.DefaultSymbol, MaxK: 164,
			Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3, AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
		}
	}
	run := func(f func(admit func(protocol.TransferNo, protocol.OfferNo) error)) {
		book, err := ledger.Open(t.Context(), path, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer book.Close()
		a, err := New(Config{Ledger: book})
		if err != nil {
			t.Fatal(err)
		}
		f(func(no protocol.TransferNo, number protocol.OfferNo) error {
			signed := groupcast.Offered{Offer: []byte{1}, Signature: []byte{2}}
			return (&records{a, t.Context()}).Admit(loop.PlainOffer(offer(no, number)), signed)
		})
	}
	run(func(admit func(protocol.TransferNo, protocol.OfferNo) error) {
		if err := admit(1, 7); err != nil {
			t.Fatal(err)
		}
	})
	run(func(admit func(protocol.TransferNo, protocol.OfferNo) error) {
		if admit(1, 6) == nil {
			t.Error("offer 6 is taken after offer 7")
		}
		for no, number := range map[protocol.TransferNo]protocol.OfferNo{1: 7, 2: 6} { // again, and of another transfer
			if err := admit(no, number); err != nil {
				t.Errorf("offer %d of transfer %d: %v", number, no, err)
			}
		}
		if err := admit(1, 8); err != nil {
			t.Error(err)
		}
		if admit(1, 7) == nil {
			t.Error("offer 7 is taken after offer 8")
		}
	})
}

// An offer of an earlier sender of a site is not taken, nor one for another site, also after a restart.
func TestAnEarlierSenderOfTheSiteIsNotHeeded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.sqlite")
	try := func(number protocol.OfferNo, site protocol.SiteID, epoch uint64) error {
		book, err := ledger.Open(t.Context(), path, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer book.Close()
		a, err := New(Config{Ledger: book})
		if err != nil {
			t.Fatal(err)
		}
		offer := loop.PagedOffer(format2.Offer{
			Transfer: 1, Number: number, Site: site, SiteEpoch: epoch, SlotMS: 100, Lag: 3, LifeSeconds: 60,
			SkeletonBytes: 300,
			Edition:       1, Pages: 4, Bytes: 1000, Entries: 1, Blocks: 1, SymbolSize: protocol.DefaultSymbol, MaxK: 200,
			Codec: format2.CodecCauchyRS, Hash: format2.HashBLAKE3, AEAD: format2.AEADAES256GCM, Cutter: format2.CutterFixed,
		})
		return (&records{a, t.Context()}).Admit(offer, groupcast.Offered{Offer: []byte{1}, Signature: []byte{2}})
	}
	for _, c := range []struct {
		number protocol.OfferNo
		site   protocol.SiteID
		epoch  uint64
		taken  bool
	}{
		{1, protocol.SiteID{}, 3, true},
		{2, protocol.SiteID{}, 2, false},
		{3, protocol.SiteID{1}, 9, false},
		{4, protocol.SiteID{}, 3, true},
		{5, protocol.SiteID{}, 4, true},
		{6, protocol.SiteID{}, 3, false},
	} {
		if err := try(c.number, c.site, c.epoch); (err == nil) != c.taken {
			t.Errorf("offer %d of epoch %d: %v", c.number, c.epoch, err)
		}
	}
}
