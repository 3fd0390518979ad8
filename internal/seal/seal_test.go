package seal

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"sync"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

func testSecret() (s Secret) {
	for i := range s {
		s[i] = byte(i)
	}
	return s
}

func testOffer() wire.Offer {
	o := wire.Offer{
		Server: protocol.ServerID{1: 1}, Group: protocol.GroupID{2: 2}, Number: 7, Floor: 3, Transfer: 9,
		Session: protocol.SessionID{3: 3}, Tag: 0xA1B2C3D4, SymbolSize: 1408, MaxK: 164,
		Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3, AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
		GroupAddr: netip.MustParseAddrPort("239.192.1.2:7441"), Source: netip.MustParseAddr("192.0.2.1"),
		FeedbackPort: 7440, Flags: wire.OfferMulticast,
	}
	o.KeyCheck = KeyCheck(testSecret(), o.Server, o.Session)
	return o
}

func testSession(t testing.TB) *Session {
	t.Helper()
	s, err := NewSession(testSecret(), wire.AppendOffer(nil, testOffer()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testKey(t testing.TB) SigningKey {
	t.Helper()
	seed := testSecret()
	k, err := SigningKeyFromSeed(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (s *Session) data(number protocol.PacketNumber) wire.Header {
	return wire.Header{Kind: wire.KindData, Tag: s.tag, Number: number}
}

// K5: each 2^28 packet numbers have a key of their own; both ends find it by the number.
func TestPhases(t *testing.T) {
	sender, receiver := testSession(t), testSession(t)
	seen := map[string]protocol.PacketNumber{}
	for _, n := range []protocol.PacketNumber{
		0, 1, 1<<28 - 1, 1 << 28, 2 << 28, 3 << 28, 1 << 28, protocol.MaxPacketNumber,
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			body := make([]byte, 64)
			packet := sender.Seal(nil, sender.data(n), body)
			h, got, err := receiver.Open(nil, packet)
			if err != nil || h.Number != n || !bytes.Equal(got, body) {
				t.Fatalf("number %d: %v", n, err)
			}
			sealed := string(packet[protocol.GroupHeaderBytes:])
			if other, twice := seen[sealed]; twice && other != n {
				t.Errorf("numbers %d and %d seal alike", n, other)
			}
			seen[sealed] = n
		})
	}
	a, b := sender.phase(0), sender.phase(1)
	if a.iv == b.iv {
		t.Error("two phases share an iv")
	}
}

// A phase's key does not open another's packets, even with the same low bits.
func TestPhaseEntersTheKey(t *testing.T) {
	s := testSession(t)
	packet := s.Seal(nil, s.data(5), make([]byte, 64))
	moved := wire.AppendHeader(nil, s.data(5+1<<28))
	moved = append(moved, packet[protocol.GroupHeaderBytes:]...)
	if _, _, err := s.Open(nil, moved); !errors.Is(err, ErrOpen) {
		t.Errorf("opened in another phase: %v", err)
	}
}

// K7: another secret is named as such, not seen as loss.
func TestWrongKeyIsNamed(t *testing.T) {
	other := testSecret()
	other[31] ^= 1
	if _, err := NewSession(other, wire.AppendOffer(nil, testOffer())); !errors.Is(err, ErrWrongKey) {
		t.Errorf("got %v", err)
	}
	if _, err := NewSession(testSecret(), []byte("no offer")); err == nil || errors.Is(err, ErrWrongKey) {
		t.Errorf("garbage for an offer: %v", err)
	}
}

// The whole offer enters the keys: one that differs anywhere gives a session that does not fit.
func TestOfferEntersTheKey(t *testing.T) {
	s := testSession(t)
	packet := s.Seal(nil, s.data(1), make([]byte, 64))
	offer := testOffer()
	offer.FeedbackPort++
	other, err := NewSession(testSecret(), wire.AppendOffer(nil, offer))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := other.Open(nil, packet); !errors.Is(err, ErrOpen) {
		t.Errorf("opened with the key of another offer: %v", err)
	}
}

// The AAD is every clear byte: none can be changed, and neither can a sealed one.
func TestEveryByteIsProtected(t *testing.T) {
	s := testSession(t)
	packet := s.Seal(nil, s.data(300), []byte("twenty bytes of body"))
	for i := range packet {
		for bit := range 8 {
			bad := bytes.Clone(packet)
			bad[i] ^= 1 << bit
			if _, _, err := s.Open(nil, bad); err == nil {
				t.Fatalf("bit %d of byte %d may change", bit, i)
			}
		}
	}
	if _, _, err := s.Open(nil, packet[:len(packet)-1]); err == nil {
		t.Error("a shorter packet opens")
	}
	if _, _, err := s.Open(nil, packet); err != nil {
		t.Error(err)
	}
}

func TestOpenInPlaceAndSealInPlace(t *testing.T) {
	s := testSession(t)
	train := make([]byte, 0, 4000)
	want := bytes.Repeat([]byte{9}, 100)
	for n := range protocol.PacketNumber(3) {
		start := len(train) + protocol.GroupHeaderBytes
		body := append(train[start:start], want...)
		train = s.Seal(train, s.data(n), body)
	}
	const size = protocol.GroupHeaderBytes + 100 + protocol.TagBytes
	for n := range 3 {
		packet := train[n*size : (n+1)*size]
		in := packet[protocol.GroupHeaderBytes:protocol.GroupHeaderBytes]
		if h, body, err := s.Open(in, packet); err != nil || h.Number != protocol.PacketNumber(n) ||
			!bytes.Equal(body, want) {
			t.Errorf("packet %d: %v", n, err)
		}
	}
}

func TestSealAndOpenDoNotAllocate(t *testing.T) {
	s := testSession(t)
	body, packet, out := make([]byte, 1416), make([]byte, 0, 1500), make([]byte, 0, 1500)
	number := protocol.PacketNumber(0)
	n := testing.AllocsPerRun(100, func() {
		number++
		packet = s.Seal(packet[:0], s.data(number), body)
		if _, _, err := s.Open(out, packet); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// More workers than kept nonces, over phases that push each other out.
func TestWorkersShareASession(t *testing.T) {
	s := testSession(t)
	var wait sync.WaitGroup
	for worker := range 2 * keptNonces {
		wait.Go(func() {
			for i := range 50 {
				n := protocol.PacketNumber(i%5)<<28 + protocol.PacketNumber(worker*100+i)
				body := fmt.Appendf(nil, "worker %d packet %d", worker, i)
				_, got, err := s.Open(nil, s.Seal(nil, s.data(n), body))
				if err != nil || !bytes.Equal(got, body) {
					t.Errorf("worker %d: %v", worker, err)
					return
				}
			}
		})
	}
	wait.Wait()
}

func TestSync(t *testing.T) {
	s, key := testSession(t), testKey(t)
	want := wire.Sync{Sequence: 5, SentAt: 6, GRTT: 1000, RangeLast: 9, Repairs: []wire.Repair{{Block: 1, Symbols: 2}}}
	packet := s.SealSync(key, 10, want)
	h, got, err := s.OpenSync(key.Public(), packet)
	if err != nil || h.Number != 10 || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v %+v %v", h, got, err)
	}
	_, body, _ := s.Open(nil, packet)
	if n, err := SyncSequence(body); err != nil || n != 5 {
		t.Errorf("sequence %d, %v", n, err)
	}
	for i := range body { // what a member with the session's key could forge
		bad := bytes.Clone(body)
		bad[i] ^= 1
		if _, err := s.VerifySync(key.Public(), bad); err == nil {
			t.Fatalf("byte %d may change", i)
		}
	}
	if _, err := s.VerifySync(NewSigningKey().Public(), body); !errors.Is(err, ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	if _, _, err := s.OpenSync(key.Public(), s.Seal(nil, s.data(11), body)); !errors.Is(err, wire.ErrKind) {
		t.Errorf("a data packet passes for a SYNC: %v", err)
	}
}

// A SYNC signed for one session is nothing in another one.
func TestSyncBelongsToItsSession(t *testing.T) {
	s, key := testSession(t), testKey(t)
	_, body, err := s.Open(nil, s.SealSync(key, 1, wire.Sync{Sequence: 1}))
	if err != nil {
		t.Fatal(err)
	}
	offer := testOffer()
	offer.Session = protocol.SessionID{9}
	offer.KeyCheck = KeyCheck(testSecret(), offer.Server, offer.Session)
	other, err := NewSession(testSecret(), wire.AppendOffer(nil, offer))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.VerifySync(key.Public(), body); !errors.Is(err, ErrSignature) {
		t.Errorf("got %v", err)
	}
}
