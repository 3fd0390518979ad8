package agent

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
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
			return (&records{a, t.Context()}).Admit(offer(no, number), groupcast.Offered{Offer: []byte{1}, Signature: []byte{2}})
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
