package wire

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

func FuzzParseHeader(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		h, err := ParseHeader(b)
		if err != nil {
			return nil, err
		}
		return append(AppendHeader(nil, h), b[protocol.GroupHeaderBytes:]...), nil
	}, AppendHeader(nil, Header{Kind: KindSync, Tag: 1, Number: 2}))
}

func FuzzParseData(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		d, err := ParseData(b)
		return AppendData(nil, d), err
	}, AppendData(nil, Data{Block: 1, Length: 600, Index: 1, Symbol: make([]byte, 512)}))
}

func FuzzParseSync(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		s, err := ParseSyncBody(b)
		return AppendSyncBody(nil, s), err
	}, AppendSyncBody(nil, someSync()), AppendSyncBody(nil, Sync{}))
}

func FuzzParseFeedback(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		m, err := ParseFeedback(b)
		return AppendFeedback(nil, m), err
	}, AppendFeedback(nil, someFeedback()), AppendFeedback(nil, Feedback{}))
}

func FuzzParseFeedbackHeader(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		h, err := ParseFeedbackHeader(b)
		if err != nil {
			return nil, err
		}
		return append(AppendFeedbackHeader(nil, h), b[FeedbackHeaderBytes:]...), nil
	}, append(AppendFeedbackHeader(nil, FeedbackHeader{Counter: 1}), make([]byte, 60)...))
}

func FuzzParseOffer(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		o, err := ParseOffer(b)
		return AppendOffer(nil, o), err
	}, AppendOffer(nil, someOffer()), AppendOffer(nil, Offer{}))
}

func FuzzParseAnnounce(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		a, err := ParseAnnounce(b)
		if err != nil {
			return nil, err
		}
		return append(AppendAnnounce(nil, a), b[unsignedBytes:]...), nil
	}, append(AppendAnnounce(nil, Announce{Number: 1}), make([]byte, 64)...))
}

func FuzzParseProbe(f *testing.F) {
	identity(f, func(b []byte) ([]byte, error) {
		p, err := ParseProbe(b)
		if err != nil {
			return nil, err
		}
		return append(AppendProbe(nil, p), b[unsignedBytes:]...), nil
	}, append(AppendProbe(nil, Probe{Nonce: [16]byte{9}}), make([]byte, 64)...))
}
