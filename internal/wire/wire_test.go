package wire

import (
	"bytes"
	"fmt"
	"net/netip"
	"reflect"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

func someSync() Sync {
	return Sync{
		SentAt: 1_000_001, Flags: SyncPassDone | SyncSolicit, GRTT: 2000, GroupSize: 17, Backoff: 4,
		Rate: 12_500_000, RangeFirst: 5, RangeLast: 1<<40 + 7, WindowLow: 3, WindowHigh: 99, Front: 42,
		ReportInterval: 250_000, Repairs: []Repair{{Block: 8, Symbols: 3}, {Block: 1 << 23, Symbols: 255}},
	}
}

func someFeedback() Feedback {
	f := Feedback{
		SyncSequence: 77, SyncAge: 1234, High: 1<<47 + 1, Verified: 10, Declared: 1000, Received: 990,
		Overrun: 2, Delay: 300, Backlog: 5, Flags: FeedbackBar | FeedbackMismatch,
		NACKs:   []NACK{{Block: 1, Deficit: 3, HighParity: NoParity}, {Block: 9, Deficit: 200, HighParity: 201}},
		Ranges:  []protocol.Range{{First: 100, Count: 50}},
		Bitmaps: []Bitmap{{Block: 4, Missing: [25]byte{1, 2, 3, 24: 0x80}}},
	}
	f.Bar[0], f.Bar[63] = 0xE4, 0x1B
	return f
}

func someOffer() Offer {
	return Offer{
		Server: protocol.ServerID{1}, Group: protocol.GroupID{2}, MembershipVersion: 3, Number: 4, Floor: 2,
		Transfer: 5, Session: protocol.SessionID{6}, Tag: 0xDEADBEEF, KeyCheck: [16]byte{7},
		IndexDigest: protocol.Digest{8}, ManifestBytes: 9, ManifestBlocks: 1, TotalBytes: 1 << 40, Files: 11,
		Blocks: 12, SymbolSize: 1408, MaxK: 164, Codec: CodecCauchyRS, Hash: HashBLAKE3, AEAD: AEADAES256GCM,
		Cutter: CutterFixed, GroupAddr: netip.MustParseAddrPort("239.192.3.4:7441"),
		Source: netip.MustParseAddr("fd00::1"), FeedbackPort: 7440, Flags: OfferMulticast,
	}
}

func TestMessagesComeBackAsTheyWere(t *testing.T) {
	h := Header{Kind: KindDigest, Tag: 0x01020304, Number: protocol.MaxPacketNumber}
	if got, err := ParseHeader(AppendHeader(nil, h)); err != nil || got != h {
		t.Errorf("header: %+v, %v", got, err)
	}
	d := Data{Block: 1 << 31, Length: 230_400, Index: 255, Symbol: bytes.Repeat([]byte{7}, 1408)}
	if got, err := ParseData(AppendData(nil, d)); err != nil || !reflect.DeepEqual(got, d) {
		t.Errorf("data: %v", err)
	}
	if got, err := ParseSyncBody(AppendSyncBody(nil, someSync())); err != nil || !reflect.DeepEqual(got, someSync()) {
		t.Errorf("SYNC: %+v, %v", got, err)
	}
	if got, err := ParseFeedback(AppendFeedback(nil, someFeedback())); err != nil ||
		!reflect.DeepEqual(got, someFeedback()) {
		t.Errorf("feedback: %+v, %v", got, err)
	}
	if got, err := ParseOffer(AppendOffer(nil, someOffer())); err != nil || got != someOffer() {
		t.Errorf("offer: %+v, %v", got, err)
	}
	fh := FeedbackHeader{ID: protocol.FeedbackID{1, 2}, Counter: 1<<48 - 1}
	packet := append(AppendFeedbackHeader(nil, fh), make([]byte, FeedbackFixedBytes+protocol.TagBytes)...)
	if got, err := ParseFeedbackHeader(packet); err != nil || got != fh {
		t.Errorf("feedback header: %+v, %v", got, err)
	}
	a := Announce{Server: ServerPrefix{1}, Group: protocol.GroupID{2}, Number: 3}
	if got, err := ParseAnnounce(append(AppendAnnounce(nil, a), make([]byte, 64)...)); err != nil || got != a {
		t.Errorf("announcement: %+v, %v", got, err)
	}
	p := Probe{Server: ServerPrefix{1}, Group: protocol.GroupID{2}, Nonce: [16]byte{3}}
	if got, err := ParseProbe(append(AppendProbe(nil, p), make([]byte, 64)...)); err != nil || got != p {
		t.Errorf("probe: %+v, %v", got, err)
	}
}

// Every message but a data packet has one length: a byte less or more is refused.
func TestLengthsAreExact(t *testing.T) {
	clearPacket := append(AppendAnnounce(nil, Announce{}), make([]byte, 64)...)
	probe := append(AppendProbe(nil, Probe{}), make([]byte, 64)...)
	for name, c := range map[string]struct {
		bytes []byte
		parse func([]byte) error
	}{
		"SYNC": {AppendSyncBody(nil, someSync()), func(b []byte) error { _, err := ParseSyncBody(b); return err }},
		"feedback": {
			AppendFeedback(nil, someFeedback()), func(b []byte) error { _, err := ParseFeedback(b); return err },
		},
		"offer":        {AppendOffer(nil, someOffer()), func(b []byte) error { _, err := ParseOffer(b); return err }},
		"announcement": {clearPacket, func(b []byte) error { _, err := ParseAnnounce(b); return err }},
		"probe":        {probe, func(b []byte) error { _, err := ParseProbe(b); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			for n := range len(c.bytes) {
				if c.parse(c.bytes[:n:n]) == nil {
					t.Errorf("%s cut to %d of %d bytes is taken", name, n, len(c.bytes))
				}
			}
			if c.parse(append(bytes.Clone(c.bytes), 0)) == nil {
				t.Errorf("%s with a byte more is taken", name)
			}
			if err := c.parse(c.bytes); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestHeadersOfOthersAreRefused(t *testing.T) {
	good := AppendHeader(nil, Header{Kind: KindData})
	for first, ok := range map[byte]bool{
		0x11: true, 0x12: true, 0x13: true, 0x14: false, 0x18: false, 0x21: false, 0x01: false,
	} {
		t.Run(fmt.Sprint(first), func(t *testing.T) {
			b := bytes.Clone(good)
			b[0] = first
			if _, err := ParseHeader(b); (err == nil) != ok {
				t.Errorf("first byte %02x: %v", first, err)
			}
		})
	}
	if _, err := ParseHeader(good[:10]); err == nil {
		t.Error("short header is taken")
	}
}

func TestBoundsOfData(t *testing.T) {
	for _, c := range []struct {
		name         string
		length, size int
		ok           bool
	}{
		{"one byte", 1, 512, true},
		{"the longest", 200 * 8960, 8960, true},
		{"empty block", 0, 1408, false},
		{"block of more than 200 symbols", 200*1408 + 1, 1408, false},
		{"no symbol", 1, 0, false},
		{"symbol too long", 1, 8961, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := AppendData(nil, Data{Length: c.length, Symbol: make([]byte, c.size)})
			if _, err := ParseData(body); (err == nil) != c.ok {
				t.Errorf("%s: %v", c.name, err)
			}
		})
	}
}

// What does not fit into one packet is left out, NACKs last; the packet stays parsable.
func TestFeedbackFitsItsPacket(t *testing.T) {
	many := someFeedback()
	many.NACKs, many.Ranges, many.Bitmaps = make([]NACK, 100), make([]protocol.Range, 300), make([]Bitmap, 300)
	body := AppendFeedback(nil, many)
	got, err := ParseFeedback(body)
	if err != nil || len(body) > protocol.MaxFeedbackBody {
		t.Fatalf("%d bytes: %v", len(body), err)
	}
	if len(got.NACKs) != 100 || len(got.Ranges) != (1200-44-64-600)/8 || got.Bar != many.Bar {
		t.Errorf("%d NACKs, %d ranges", len(got.NACKs), len(got.Ranges))
	}
	if _, err := ParseFeedback(make([]byte, protocol.MaxFeedbackBody+1)); err == nil {
		t.Error("a body that is too long is taken")
	}
}

func TestSyncLeavesOutRepairsPastItsCount(t *testing.T) {
	s := someSync()
	s.Repairs = make([]Repair, 400)
	got, err := ParseSyncBody(AppendSyncBody(nil, s))
	if err != nil || len(got.Repairs) != MaxRepairs {
		t.Fatalf("%d repairs: %v", len(got.Repairs), err)
	}
	body := AppendSyncBody(nil, s)
	body[SyncFixedBytes-1] = MaxRepairs + 1
	if _, err := ParseSyncBody(append(body, make([]byte, RepairBytes)...)); err == nil {
		t.Error("251 repairs are taken")
	}
	if n := protocol.GroupHeaderBytes + 8 + len(body) + SignatureBytes + protocol.TagBytes; n > protocol.MaxSyncPacket {
		t.Errorf("the longest SYNC has %d bytes", n)
	}
}

func TestAnOfferFitsItsBound(t *testing.T) {
	if OfferBytes > protocol.MaxOfferBytes || len(AppendOffer(nil, Offer{})) != OfferBytes {
		t.Errorf("an offer has %d bytes, OfferBytes says %d", len(AppendOffer(nil, Offer{})), OfferBytes)
	}
	if got, err := ParseOffer(AppendOffer(nil, Offer{})); err != nil || got.Source.IsValid() {
		t.Errorf("no address comes back as %v (%v)", got.Source, err)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	packet := make([]byte, 0, 1500)
	d := Data{Block: 1, Length: 230_400, Index: 3, Symbol: make([]byte, 1408)}
	n := testing.AllocsPerRun(100, func() {
		b := AppendHeader(packet, Header{Kind: KindData, Number: 9})
		b = AppendData(b, d)
		if _, err := ParseHeader(b); err != nil {
			t.Fatal(err)
		}
		if _, err := ParseData(b[protocol.GroupHeaderBytes:]); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
