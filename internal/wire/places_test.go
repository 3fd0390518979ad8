package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// place is where a field of a message lies.
type place struct{ at, size int }

// heldIn checks that of a message that changes in one field the bytes of that field change, and no others.
func heldIn(t *testing.T, at place, before, after []byte) {
	t.Helper()
	if len(before) != len(after) {
		t.Fatalf("%d bytes became %d", len(before), len(after))
	}
	changed := false
	for i := range before {
		inside := i >= at.at && i < at.at+at.size
		if before[i] != after[i] && !inside {
			t.Errorf("byte %d changed; the field is at %d with %d bytes", i, at.at, at.size)
		}
		changed = changed || before[i] != after[i]
	}
	if !changed {
		t.Error("nothing changed")
	}
}

// The layouts of docs/protocol.md: a field lies where they say, whatever the others hold.
func TestFieldsOfASync(t *testing.T) {
	for name, c := range map[string]struct {
		place
		set func(*Sync)
	}{
		"sent_at":         {place{0, 8}, func(s *Sync) { s.SentAt = ^s.SentAt }},
		"flags":           {place{8, 1}, func(s *Sync) { s.Flags = ^s.Flags }},
		"grtt":            {place{9, 4}, func(s *Sync) { s.GRTT = ^s.GRTT }},
		"group_size":      {place{13, 4}, func(s *Sync) { s.GroupSize = ^s.GroupSize }},
		"backoff":         {place{17, 1}, func(s *Sync) { s.Backoff = ^s.Backoff }},
		"rate":            {place{18, 8}, func(s *Sync) { s.Rate = ^s.Rate }},
		"range_first":     {place{26, 6}, func(s *Sync) { s.RangeFirst = protocol.MaxPacketNumber }},
		"range_last":      {place{32, 6}, func(s *Sync) { s.RangeLast = protocol.MaxPacketNumber }},
		"window_low":      {place{38, 4}, func(s *Sync) { s.WindowLow = math.MaxUint32 }},
		"window_high":     {place{42, 4}, func(s *Sync) { s.WindowHigh = math.MaxUint32 }},
		"front":           {place{46, 4}, func(s *Sync) { s.Front = math.MaxUint32 }},
		"report_interval": {place{50, 4}, func(s *Sync) { s.ReportInterval = ^s.ReportInterval }},
		"repairs":         {place{55, 5}, func(s *Sync) { s.Repairs[0] = Repair{math.MaxUint32, 255} }},
	} {
		t.Run(name, func(t *testing.T) {
			s := someSync()
			s.Repairs = slices.Clone(s.Repairs)
			before := AppendSyncBody(nil, s)
			c.set(&s)
			heldIn(t, c.place, before, AppendSyncBody(nil, s))
		})
	}
}

func TestFieldsOfFeedback(t *testing.T) {
	for name, c := range map[string]struct {
		place
		set func(*Feedback)
	}{
		"sync_seq": {place{0, 8}, func(f *Feedback) { f.SyncSequence = ^f.SyncSequence }},
		"sync_age": {place{8, 4}, func(f *Feedback) { f.SyncAge = ^f.SyncAge }},
		"high":     {place{12, 6}, func(f *Feedback) { f.High = protocol.MaxPacketNumber }},
		"verified": {place{18, 4}, func(f *Feedback) { f.Verified = ^f.Verified }},
		"declared": {place{22, 4}, func(f *Feedback) { f.Declared = ^f.Declared }},
		"received": {place{26, 4}, func(f *Feedback) { f.Received = ^f.Received }},
		"overrun":  {place{30, 4}, func(f *Feedback) { f.Overrun = ^f.Overrun }},
		"delay":    {place{34, 4}, func(f *Feedback) { f.Delay = ^f.Delay }},
		"backlog":  {place{38, 2}, func(f *Feedback) { f.Backlog = ^f.Backlog }},
		"flags":    {place{40, 1}, func(f *Feedback) { f.Flags ^= FeedbackMarked }},
		"a NACK":   {place{42, 6}, func(f *Feedback) { f.NACKs[0] = NACK{math.MaxUint32, 255, NoParity} }},
	} {
		t.Run(name, func(t *testing.T) {
			f := someFeedback()
			f.NACKs = slices.Clone(f.NACKs)
			before := AppendFeedback(nil, f)
			c.set(&f)
			heldIn(t, c.place, before, AppendFeedback(nil, f))
		})
	}
}

// Numbers of 24 and 48 bits keep their highest and lowest byte apart.
func TestOddLengthsOfNumbers(t *testing.T) {
	for _, n := range []uint64{0, 1, 0xff, 0x100, 0x010203040506, 1<<48 - 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			b := append48(nil, n)
			if len(b) != 6 || get48(b) != n || b[0] != byte(n>>40) || b[5] != byte(n) {
				t.Errorf("%x is read as %x", b, get48(b))
			}
			small := int(n & 0xffffff)
			if b := append24(nil, small); len(b) != 3 || get24(b) != small || b[0] != byte(small>>16) {
				t.Errorf("%x is read as %x", b, get24(b))
			}
		})
	}
}

func TestKindsOfGroupPackets(t *testing.T) {
	for name, c := range map[string]struct {
		packet []byte
		kind   Kind
		err    error
	}{
		"data":              {[]byte{0x11}, KindData, nil},
		"SYNC":              {[]byte{0x12}, KindSync, nil},
		"announcement":      {AppendAnnounce(nil, Announce{}), KindAnnounce, nil},
		"probe":             {AppendProbe(nil, Probe{}), KindProbe, nil},
		"empty":             {nil, 0, ErrLength},
		"feedback":          {AppendFeedbackHeader(nil, FeedbackHeader{}), 0, ErrKind},
		"no kind":           {[]byte{0x10}, 0, ErrKind},
		"a later version":   {[]byte{0x21}, 0, ErrVersion},
		"an earlier one":    {[]byte{0x01}, 0, ErrVersion},
		"another protocol":  {[]byte("GET / HTTP/1.1"), 0, ErrVersion},
		"version and flags": {[]byte{0xff}, 0, ErrVersion},
	} {
		t.Run(name, func(t *testing.T) {
			if kind, err := PacketKind(c.packet); kind != c.kind || !errors.Is(err, c.err) {
				t.Errorf("kind %d, %v", kind, err)
			}
		})
	}
}

// A packet of one kind is never read as one of another, although two of them are equally long.
func TestKindsAreNotMistaken(t *testing.T) {
	signature := make([]byte, SignatureBytes)
	announce := append(AppendAnnounce(nil, Announce{Number: 7}), signature...)
	probe := append(AppendProbe(nil, Probe{Nonce: [16]byte{15: 7}}), signature...)
	if _, err := ParseProbe(announce); !errors.Is(err, ErrKind) {
		t.Errorf("an announcement as a probe: %v", err)
	}
	if _, err := ParseAnnounce(probe); !errors.Is(err, ErrKind) {
		t.Errorf("a probe as an announcement: %v", err)
	}
	feedback := append(AppendFeedbackHeader(nil, FeedbackHeader{}), make([]byte, 100)...)
	if _, err := ParseHeader(feedback); !errors.Is(err, ErrKind) {
		t.Errorf("feedback as data: %v", err)
	}
	data := append(AppendHeader(nil, Header{Kind: KindData}), make([]byte, 100)...)
	if _, err := ParseFeedbackHeader(data); !errors.Is(err, ErrKind) {
		t.Errorf("data as feedback: %v", err)
	}
}

func TestWhatIsSignedOfAPacketInClear(t *testing.T) {
	signature := bytes.Repeat([]byte{0xAB}, SignatureBytes)
	body := AppendAnnounce(nil, Announce{Server: ServerPrefix{1}, Group: protocol.GroupID{2}, Number: 3})
	signed, got := SplitSigned(append(slices.Clone(body), signature...))
	if !bytes.Equal(signed, body) || !bytes.Equal(got, signature) {
		t.Errorf("%d bytes are signed, %d are the signature", len(signed), len(got))
	}
	if AnnounceBytes != len(body)+SignatureBytes || ProbeBytes != len(AppendProbe(nil, Probe{}))+SignatureBytes {
		t.Errorf("%d and %d bytes", AnnounceBytes, ProbeBytes)
	}
	id := protocol.ServerID{1, 2, 3, 4, 5, 6, 7, 8, 9}
	if PrefixOf(id) != (ServerPrefix{1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Errorf("the prefix is %x", PrefixOf(id))
	}
}

// The number of an offer has 16 bytes there, of which this version uses 8: others are not cut to them.
func TestALargeOfferNumberIsRefused(t *testing.T) {
	packet := append(AppendAnnounce(nil, Announce{Number: math.MaxUint64}), make([]byte, SignatureBytes)...)
	if a, err := ParseAnnounce(packet); err != nil || a.Number != math.MaxUint64 {
		t.Fatalf("%+v, %v", a, err)
	}
	for at := 25; at < 33; at++ {
		large := bytes.Clone(packet)
		large[at] = 1
		if a, err := ParseAnnounce(large); err == nil {
			t.Errorf("with byte %d it is offer %d", at, a.Number)
		}
	}
}

// A count that promises more entries than are there is refused, whichever list it is of.
func TestCountsThatPromiseTooMuch(t *testing.T) {
	f := Feedback{NACKs: make([]NACK, 2), Ranges: make([]protocol.Range, 2), Bitmaps: make([]Bitmap, 2)}
	body := AppendFeedback(nil, f)
	for name, at := range map[string]int{
		"NACKs": 41, "ranges": 42 + 2*NACKBytes, "bitmaps": 43 + 2*NACKBytes + 2*RangeBytes,
	} {
		t.Run(name, func(t *testing.T) {
			if body[at] != 2 {
				t.Fatalf("byte %d is no count: %d", at, body[at])
			}
			for _, n := range []byte{0, 1, 3, 200, 255} {
				b := bytes.Clone(body)
				b[at] = n
				if _, err := ParseFeedback(b); err == nil {
					t.Errorf("%d are taken", n)
				}
			}
		})
	}
}

// A flag for a bar that is not there, and a bar without its flag, are refused.
func TestTheBarIsThereIfItsFlagIs(t *testing.T) {
	with := AppendFeedback(nil, Feedback{Flags: FeedbackBar})
	without := AppendFeedback(nil, Feedback{})
	if len(with) != len(without)+BarBytes {
		t.Fatalf("%d and %d bytes", len(with), len(without))
	}
	with[40] &^= byte(FeedbackBar)
	without[40] |= byte(FeedbackBar)
	for name, b := range map[string][]byte{"a bar without a flag": with, "a flag without a bar": without} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseFeedback(b); !errors.Is(err, ErrLength) {
				t.Errorf("taken: %v", err)
			}
		})
	}
}

// What Fit says is what is written, and it never exceeds a packet.
func TestFitIsWhatIsWritten(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		f := Feedback{
			NACKs: make([]NACK, rnd.IntN(300)), Ranges: make([]protocol.Range, rnd.IntN(300)),
			Bitmaps: make([]Bitmap, rnd.IntN(60)), Flags: FeedbackFlags(rnd.IntN(2)),
		}
		nacks, ranges, bitmaps := f.Fit()
		body := AppendFeedback(nil, f)
		got, err := ParseFeedback(body)
		if err != nil || len(got.NACKs) != nacks || len(got.Ranges) != ranges || len(got.Bitmaps) != bitmaps ||
			len(body) > protocol.MaxFeedbackBody {
			t.Fatalf("%d, %d and %d fit; %d bytes hold %d, %d and %d: %v", nacks, ranges, bitmaps, len(body),
				len(got.NACKs), len(got.Ranges), len(got.Bitmaps), err)
		}
	}
}

// A feedback packet has its least and its greatest length, before anything of it is opened.
func TestTheLengthOfAFeedbackPacketIsBounded(t *testing.T) {
	least, most := protocol.FeedbackOverhead+FeedbackFixedBytes, protocol.MaxFeedbackPacket
	for n, ok := range map[int]bool{
		0: false, 1: false, FeedbackHeaderBytes: false, least - 1: false, least: true, most: true, most + 1: false,
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			packet := append(AppendFeedbackHeader(nil, FeedbackHeader{Counter: 1<<48 - 1}), make([]byte, 70_000)...)[:n]
			h, err := ParseFeedbackHeader(packet)
			if (err == nil) != ok || ok && h.Counter != 1<<48-1 {
				t.Errorf("%+v, %v", h, err)
			}
		})
	}
}

// Addresses come back in the form they had: IPv4, IPv6, none.
func TestAddressesOfAnOffer(t *testing.T) {
	for _, c := range []struct{ group, source string }{
		{"239.192.1.2:7441", "192.0.2.1"},
		{"[ff15::1]:65535", "2001:db8::1"},
		{"239.192.1.2:0", ""},
		{"239.255.255.255:1", "255.255.255.255"},
	} {
		t.Run(c.group, func(t *testing.T) {
			o := someOffer()
			o.GroupAddr, o.Source = netip.MustParseAddrPort(c.group), netip.Addr{}
			if c.source != "" {
				o.Source = netip.MustParseAddr(c.source)
			}
			got, err := ParseOffer(AppendOffer(nil, o))
			if err != nil || got.GroupAddr != o.GroupAddr || got.Source != o.Source {
				t.Errorf("%v from %v, %v", got.GroupAddr, got.Source, err)
			}
		})
	}
}

// Every byte of an offer says something: one that differs is another offer, or none.
func TestEveryByteOfAnOfferCounts(t *testing.T) {
	o := someOffer()
	good := AppendOffer(nil, o)
	for at := range good {
		other := bytes.Clone(good)
		other[at] ^= 0x40
		got, err := ParseOffer(other)
		if err == nil && reflect.DeepEqual(got, o) {
			t.Errorf("byte %d says nothing", at)
		}
		if at < len(offerLabel) && !errors.Is(err, errOfferLabel) {
			t.Errorf("with byte %d of the label changed: %v", at, err)
		}
	}
}

// What is appended leaves what is there alone.
func TestAppendKeepsWhatIsThere(t *testing.T) {
	before := []byte("before")
	for name, b := range map[string][]byte{
		"header": AppendHeader(slices.Clone(before), Header{}), "data": AppendData(slices.Clone(before), Data{}),
		"SYNC": AppendSyncBody(slices.Clone(before), someSync()), "offer": AppendOffer(slices.Clone(before), someOffer()),
		"feedback":     AppendFeedback(slices.Clone(before), someFeedback()),
		"announcement": AppendAnnounce(slices.Clone(before), Announce{}),
		"probe":        AppendProbe(slices.Clone(before), Probe{}),
	} {
		t.Run(name, func(t *testing.T) {
			if !bytes.HasPrefix(b, before) || len(b) == len(before) {
				t.Errorf("%q", b)
			}
		})
	}
}
