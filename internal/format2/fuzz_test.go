package format2

import (
	"bytes"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// identity says that what parses is written again byte for byte: every message has one form.
func identity(f *testing.F, again func([]byte) ([]byte, error), seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := again(in)
		if err == nil && !bytes.Equal(in, out) {
			t.Errorf("parsed % x, wrote % x", in, out)
		}
	})
}

func FuzzParseOffer(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		o, err := ParseOffer(b)
		return AppendOffer(nil, o), err
	}, readVectors(f).Offer.Bytes)
}

func FuzzParsePage(f *testing.F) {
	var seeds [][]byte
	for _, p := range readVectors(f).Pages {
		seeds = append(seeds, p.Signed)
	}
	identity(f, func(b []byte) ([]byte, error) {
		p, err := ParsePage(b)
		return AppendPage(nil, p), err
	}, seeds...)
}

func FuzzParseSync(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		s, err := ParseSync(b)
		return AppendSync(nil, s, 1<<20), err
	}, readVectors(f).Sync.Signed)
}

func FuzzParseData(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		d, mac, err := ParseData(b, true)
		if err != nil {
			return nil, err
		}
		out := append(be.AppendUint32(nil, uint32(d.Block)), byte(d.Length>>16), byte(d.Length>>8), byte(d.Length))
		return AppendMAC(append(append(out, byte(d.Index)), d.Symbol...), mac), nil
	}, readVectors(f).Marked.Body)
}

func FuzzParseReceipt(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		x, err := ParseReceipt(b)
		return AppendReceipt(nil, x), err
	}, readVectors(f).Receipt.Signed)
}

func FuzzParseFeedback(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		x, err := ParseFeedback(b)
		return AppendFeedback(nil, x), err
	}, readVectors(f).Feedback.Body)
}

func FuzzParseBeacon(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		x, err := ParseBeacon(b)
		if err != nil {
			return nil, err
		}
		return append(AppendBeacon(nil, x), b[BeaconSigned:]...), nil
	}, readVectors(f).Beacon)
}

func FuzzParseLacks(f *testing.F) {
	for _, x := range readVectors(f).Lacks {
		f.Add(x.Blocks, []byte(x.Bytes))
	}
	f.Fuzz(func(t *testing.T, blocks int, in []byte) {
		if blocks < 0 || blocks > protocol.MaxBlocks {
			return
		}
		set, err := ParseLacks(in, blocks)
		if err == nil && !bytes.Equal(AppendLacks(nil, set), in) {
			t.Errorf("% x is written otherwise", in)
		}
	})
}
