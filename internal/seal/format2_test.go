package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// vectors2 are what the second implementation made of docs/format-2.md (test/interop/format2.py).
type vectors2 struct {
	Keys  map[string]hex2
	Offer struct {
		Bytes, Signature, Secret hex2
		OpenedByRelay            hex2 `json:"opened_by_relay"`
		OpenedBySyncKey          hex2 `json:"opened_by_sync_key"`
	}
	Chain []hex2
	PRK   hex2
	Data  struct {
		Number       uint64
		Body, Packet hex2
	}
	Marked struct {
		Number                uint64
		Slot                  uint32
		Element, Body, Packet hex2
	}
	Sync struct {
		Number         uint64
		Signed, Packet hex2
	}
	Pages                   []struct{ Signed, Signature hex2 }
	Receipt                 struct{ Signed, Signature hex2 }
	Feedback                struct{ Key, ID, Body, Packet hex2 }
	Announce, Probe, Beacon hex2
}

type hex2 []byte

func (h *hex2) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

func readVectors2(t *testing.T) (v vectors2) {
	t.Helper()
	b, err := os.ReadFile("../../test/interop/testdata/format2.json")
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (v vectors2) key(t *testing.T, who string) SigningKey {
	t.Helper()
	k, err := SigningKeyFromSeed(v.Keys[who+"_seed"])
	if err != nil || !bytes.Equal(k.Public().Bytes(), v.Keys[who]) {
		t.Fatalf("the key of %s: %v", who, err)
	}
	return k
}

func (v vectors2) session(t *testing.T) (*Session, format2.Offer) {
	t.Helper()
	secret, err := ParseSecret(v.Offer.Secret)
	if err != nil {
		t.Fatal(err)
	}
	o, err := VerifyOffer2(v.key(t, "server").Public(), v.Offer.Bytes, v.Offer.Signature)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSession2(secret, v.Offer.Bytes)
	if err != nil || !bytes.Equal(s.prk, v.PRK) {
		t.Fatalf("prk %x, %v", s.prk, err)
	}
	return s, o
}

func TestVectorsOfSealedPackets2(t *testing.T) {
	v := readVectors2(t)
	s, o := v.session(t)
	h := wire.Header{Kind: wire.KindData, Tag: o.Tag, Number: protocol.PacketNumber(v.Data.Number)}
	if got := s.Seal(nil, h, v.Data.Body); !bytes.Equal(got, v.Data.Packet) {
		t.Errorf("data is sealed as %x", got)
	}
	if _, body, err := s.Open(nil, v.Data.Packet); err != nil || !bytes.Equal(body, v.Data.Body) {
		t.Errorf("data opens with %v", err)
	}
	h.Number = protocol.PacketNumber(v.Marked.Number)
	plain := append(format2.AppendHeader(nil, h), v.Marked.Body[:len(v.Marked.Body)-7]...)
	k := s.MACKey(v.Marked.Slot, format2.Element(v.Marked.Element))
	if got := format2.AppendMAC(nil, k.Sum(h.Number, plain)); !bytes.Equal(got, v.Marked.Body[len(v.Marked.Body)-8:]) {
		t.Errorf("the MAC is %x", got)
	}
	if got := s.Seal(nil, h, v.Marked.Body); !bytes.Equal(got, v.Marked.Packet) {
		t.Errorf("data with a MAC is sealed as %x", got)
	}
}

func TestVectorOfASync2(t *testing.T) {
	v := readVectors2(t)
	s, o := v.session(t)
	sync, err := format2.ParseSync(v.Sync.Signed)
	if err != nil {
		t.Fatal(err)
	}
	got := s.SealSync2(v.key(t, "sync"), protocol.PacketNumber(v.Sync.Number), sync, int(o.SymbolSize))
	if !bytes.Equal(got, v.Sync.Packet) {
		t.Errorf("a SYNC is sealed as %x", got)
	}
	_, body, err := s.Open(nil, v.Sync.Packet)
	if err != nil {
		t.Fatal(err)
	}
	key, err := VerifyKeyFrom(o.SyncKey[:])
	if err != nil {
		t.Fatal(err)
	}
	if back, err := s.VerifySync2(key, body); err != nil || back.Sequence != 17 || back.Rate != 125_000_000 {
		t.Errorf("%+v, %v", back, err)
	}
	if _, err := s.VerifySync2(v.key(t, "server").Public(), body); !errors.Is(err, ErrSignature) {
		t.Errorf("a SYNC that the server's own key should have signed: %v", err)
	}
}

func TestVectorsOfSignatures2(t *testing.T) {
	v := readVectors2(t)
	server, device, relay := v.key(t, "server"), v.key(t, "device"), v.key(t, "relay")
	for i, x := range v.Pages {
		p, err := format2.ParsePage(x.Signed)
		if err != nil || !bytes.Equal(SignPage(server, p), append(bytes.Clone(x.Signed), x.Signature...)) {
			t.Errorf("page %d is signed otherwise, %v", i, err)
		}
	}
	r, err := OpenReceipt2(device.Public(), v.Receipt.Signed, v.Receipt.Signature)
	if err != nil {
		t.Fatal(err)
	}
	if _, signature, err := SignReceipt2(device, r); err != nil || !bytes.Equal(signature, v.Receipt.Signature) {
		t.Errorf("a receipt is signed otherwise, %v", err)
	}
	o, _ := format2.ParseOffer(v.Offer.Bytes)
	if !bytes.Equal(SignOpened(relay, o), v.Offer.OpenedByRelay) ||
		!bytes.Equal(SignOpened(v.key(t, "sync"), o), v.Offer.OpenedBySyncKey) {
		t.Error("what a relay says of a session that it opened is signed otherwise")
	}
	if err := VerifyOpened(relay.Public(), o, v.Offer.OpenedByRelay); err != nil {
		t.Error(err)
	}
	b, err := VerifyBeacon(server.Public(), v.Beacon)
	if err != nil || !bytes.Equal(SignBeacon(server, relay, b), v.Beacon) {
		t.Errorf("a beacon is signed otherwise, %v", err)
	}
	for kind, packet := range map[wire.Kind][]byte{wire.KindAnnounce: v.Announce, wire.KindProbe: v.Probe} {
		if _, group, _, err := VerifyClear2(server.Public(), packet, kind); err != nil || group != o.Group {
			t.Errorf("kind %d: %v", kind, err)
		}
	}
	a := wire.Announce{Server: wire.PrefixOf(o.Server), Group: o.Group, Number: o.Number}
	p := wire.Probe{Server: a.Server, Group: o.Group, Nonce: [16]byte(bytes.Repeat([]byte("N"), 16))}
	if !bytes.Equal(SignAnnounce2(server, a), v.Announce) || !bytes.Equal(SignProbe2(server, p), v.Probe) {
		t.Error("an announcement or a probe is signed otherwise")
	}
}

func TestVectorOfFeedback2(t *testing.T) {
	v := readVectors2(t)
	device := protocol.DeviceID(bytes.Repeat([]byte("D"), 16))
	id := protocol.FeedbackID(v.Feedback.ID)
	key := RelayFeedbackKey(Secret(bytes.Repeat([]byte("F"), 32)), id, device)
	if !bytes.Equal(key[:], v.Feedback.Key) {
		t.Fatal("the key of a device's feedback to a relay is another")
	}
	f, err := format2.ParseFeedback(v.Feedback.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := NewFeedbackSealer(key, id).Seal2(nil, f); !bytes.Equal(got, v.Feedback.Packet) {
		t.Errorf("sealed as %x", got)
	}
	o := NewFeedbackOpener(key, id)
	if got, err := o.Open2(v.Feedback.Packet); err != nil || got.Pages != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := o.Open2(v.Feedback.Packet); !errors.Is(err, ErrReplay) {
		t.Errorf("the same packet again: %v", err)
	}
}

// A signature of one kind, or of format 1, is not one of another; a byte that changes ends every one.
func TestSignaturesOfFormat2AreApart(t *testing.T) {
	v := readVectors2(t)
	server := v.key(t, "server").Public()
	page := v.Pages[0]
	if err := VerifyPage(server, page.Signed, v.Pages[1].Signature); !errors.Is(err, ErrSignature) {
		t.Errorf("the signature of another page: %v", err)
	}
	if _, err := VerifyOffer2(server, page.Signed, page.Signature); err == nil {
		t.Error("a page passes for an offer")
	}
	if _, err := OpenReceipt2(server, page.Signed, page.Signature); err == nil {
		t.Error("a page passes for a receipt")
	}
	if _, err := VerifyAnnounce(server, v.Announce); err == nil {
		t.Error("an announcement of format 2 passes for one of format 1")
	}
	if _, err := VerifyOffer(server, v.Offer.Bytes, v.Offer.Signature); err == nil {
		t.Error("an offer of format 2 passes for one of format 1")
	}
	for at := 0; at < len(v.Offer.Bytes); at += 7 {
		b := slices.Clone(v.Offer.Bytes)
		b[at] ^= 1
		if _, err := VerifyOffer2(server, b, v.Offer.Signature); err == nil {
			t.Errorf("byte %d of an offer is not signed", at)
		}
	}
}

func TestAWrongSecretIsToldInFormat2(t *testing.T) {
	v := readVectors2(t)
	secret := Secret(v.Offer.Secret)
	secret[0] ^= 1
	if _, err := NewSession2(secret, v.Offer.Bytes); !errors.Is(err, ErrWrongKey) {
		t.Errorf("%v", err)
	}
}

// A packet of which any byte, number or slot is another has another MAC.
func TestMACsCoverThePacket(t *testing.T) {
	v := readVectors2(t)
	s, _ := v.session(t)
	n := protocol.PacketNumber(9)
	plain := bytes.Repeat([]byte{7}, 100)
	e := format2.Element(v.Chain[5])
	m := s.MACKey(5, e).Sum(n, plain)
	if !s.MACKey(5, e).Verify(n, plain, m) {
		t.Fatal("a MAC does not verify")
	}
	for at := range plain {
		other := bytes.Clone(plain)
		other[at] ^= 1
		if s.MACKey(5, e).Verify(n, other, m) {
			t.Errorf("byte %d is not covered", at)
		}
	}
	if s.MACKey(5, e).Verify(n+1, plain, m) || s.MACKey(6, e).Verify(n, plain, m) ||
		s.MACKey(5, format2.Element(v.Chain[6])).Verify(n, plain, m) {
		t.Error("a MAC is one of another number, slot or element, too")
	}
}

func TestTheChain(t *testing.T) {
	v := readVectors2(t)
	session := protocol.SessionID(bytes.Repeat([]byte("S"), 16))
	c := NewChainFrom(session, uint32(len(v.Chain)-1), format2.Element(v.Chain[len(v.Chain)-1]))
	for i, want := range v.Chain {
		if got, ok := c.Element(uint32(i)); !ok || !bytes.Equal(got[:], want) {
			t.Errorf("element %d is %x", i, got)
		}
	}
	if anchor := c.Anchor(); !bytes.Equal(anchor[:], v.Chain[0]) {
		t.Errorf("the anchor is %x", anchor)
	}
	if _, ok := c.Element(uint32(len(v.Chain))); ok {
		t.Error("there is an element behind the last")
	}
}

// A long chain gives its elements in any order, and each leads to the one before.
func TestALongChain(t *testing.T) {
	session := protocol.NewSessionID()
	const last = 3*chainStretch + 17
	c := NewChain(session, last)
	for _, i := range []uint32{last, 0, chainStretch, chainStretch - 1, 2 * chainStretch, 1, last - 1} {
		e, ok := c.Element(i)
		if !ok {
			t.Fatalf("no element %d", i)
		}
		if i == 0 {
			continue
		}
		if before, _ := c.Element(i - 1); chainStep(session, e) != before {
			t.Errorf("element %d does not lead to the one before", i)
		}
	}
}

func TestAReceiverFollowsTheChain(t *testing.T) {
	session := protocol.NewSessionID()
	c := NewChain(session, 2000)
	at := func(i uint32) format2.Element { e, _ := c.Element(i); return e }
	r := NewChainEnd(session, 0, c.Anchor())
	for _, step := range []struct {
		name  string
		index uint32
		e     format2.Element
		fresh bool
		err   error
	}{
		{"the anchor itself", 0, at(0), false, nil},
		{"one that skips some", 5, at(5), true, nil},
		{"the same again", 5, at(5), false, nil},
		{"an older one", 4, at(4), false, ErrChain},
		{"one that is none", 6, format2.Element{1}, false, ErrChain},
		{"one under another number", 8, at(7), false, ErrChain},
		{"the farthest", 5 + ChainSteps, at(5 + ChainSteps), true, nil},
		{"one too far", 6 + 2*ChainSteps, at(6 + 2*ChainSteps), false, ErrChainFar},
	} {
		fresh, err := r.Check(1, step.index, step.e)
		if fresh != step.fresh || !errors.Is(err, step.err) {
			t.Errorf("%s: %v, %v", step.name, fresh, err)
		}
		if err == nil {
			r.Take(step.index, step.e)
		}
	}
}

// A receiver that skipped elements finds those between.
func TestElementsBetween(t *testing.T) {
	session := protocol.NewSessionID()
	c := NewChain(session, 20)
	at := func(i uint32) format2.Element { e, _ := c.Element(i); return e }
	r := NewChainEnd(session, 3, at(3))
	if got := r.Since(6, at(6)); !slices.Equal(got, []format2.Element{at(4), at(5), at(6)}) {
		t.Errorf("%x", got)
	}
	if got := r.Since(3, at(3)); got != nil {
		t.Errorf("behind the newest: %x", got)
	}
}

// What a forger makes a receiver hash is bounded.
func TestHashingForwardIsBounded(t *testing.T) {
	session := protocol.NewSessionID()
	r := NewChainEnd(session, 0, format2.Element{})
	busy := 0
	for range 1000 {
		if _, err := r.Check(7, ChainSteps, format2.Element{1}); errors.Is(err, ErrChainBusy) {
			busy++
		}
	}
	if want := 1000 - chainBudget/ChainSteps; busy != want {
		t.Errorf("%d of 1000 were refused without hashing, want %d", busy, want)
	}
	if _, err := r.Check(8, ChainSteps, format2.Element{1}); !errors.Is(err, ErrChain) {
		t.Errorf("a second later: %v", err)
	}
}
