package seal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

var update = flag.Bool("update", false, "write the vectors anew")

// vectorFile is all that another implementation needs to check its key schedule, packets and
// signatures; everything in hex.
type vectorFile struct {
	SessionSecret  string            `json:"session_secret"`
	SigningSeed    string            `json:"signing_seed"`
	PublicKey      string            `json:"public_key"`
	Offer          string            `json:"offer"`
	OfferSignature string            `json:"offer_signature"`
	KeyCheck       string            `json:"key_check"`
	PRK            string            `json:"prk"`
	Data           []vectorData      `json:"data"`
	Sync           vectorSync        `json:"sync"`
	Feedback       vectorFeedback    `json:"feedback"`
	Clear          map[string]string `json:"clear"` // whole signed packets
	Receipt        vectorReceipt     `json:"receipt"`
}

type vectorData struct {
	Number uint64 `json:"number"`
	Key    string `json:"data_key"`
	IV     string `json:"data_iv"`
	Body   string `json:"body"`
	Packet string `json:"packet"`
}

type vectorSync struct {
	Number   uint64 `json:"number"`
	Sequence uint64 `json:"sequence"`
	Body     string `json:"body"`
	Packet   string `json:"packet"`
}

type vectorFeedback struct {
	Key    string `json:"fb_key"`
	ID     string `json:"fb_id"`
	Body   string `json:"body"`
	First  string `json:"packet_0"`
	Second string `json:"packet_1"`
}

type vectorReceipt struct {
	Signed    string `json:"signed"`
	Signature string `json:"signature"`
}

func hexed(b []byte) string { return hex.EncodeToString(b) }

func makeVectors(t *testing.T) vectorFile {
	t.Helper()
	secret, key, s := testSecret(), testKey(t), testSession(t)
	offer := wire.AppendOffer(nil, testOffer())
	check := KeyCheck(secret, testOffer().Server, testOffer().Session)
	return vectorFile{
		SessionSecret: hexed(secret[:]), SigningSeed: hexed(key.Seed()), PublicKey: hexed(key.Public().Bytes()),
		Offer: hexed(offer), OfferSignature: hexed(SignOffer(key, offer)),
		KeyCheck: hexed(check[:]), PRK: hexed(s.prk),
		Data: []vectorData{dataVector(s, 0), dataVector(s, 1<<28+7), dataVector(s, protocol.MaxPacketNumber)},
		Sync: syncVector(s, key), Feedback: feedbackVector(secret), Clear: clearVectors(key), Receipt: receiptVector(key),
	}
}

func dataVector(s *Session, n protocol.PacketNumber) vectorData {
	body := wire.AppendData(nil, wire.Data{Block: 3, Length: 1000, Index: 1, Symbol: bytes.Repeat([]byte{0x5A}, 512)})
	phi := []byte{byte(n >> 52), byte(n >> 44), byte(n >> 36), byte(n >> 28)}
	return vectorData{
		Number: uint64(n), Key: hexed(expand(s.prk, info("data key", phi), 32)),
		IV: hexed(expand(s.prk, info("data iv", phi), 12)), Body: hexed(body), Packet: hexed(s.Seal(nil, s.data(n), body)),
	}
}

func syncVector(s *Session, key SigningKey) vectorSync {
	sync := wire.Sync{
		Sequence: 2, SentAt: 100_000, GRTT: 5000, GroupSize: 3, Backoff: 4, Rate: 1e6, RangeLast: 9, WindowHigh: 64,
	}
	return vectorSync{
		Number: 10, Sequence: 2, Body: hexed(wire.AppendSyncBody(nil, sync)), Packet: hexed(s.SealSync(key, 10, sync)),
	}
}

func feedbackVector(key Secret) vectorFeedback {
	f := wire.Feedback{
		SyncSequence: 2, High: 10, Verified: 1, NACKs: []wire.NACK{{Block: 3, Deficit: 2, HighParity: wire.NoParity}},
	}
	s := NewFeedbackSealer(key, testID)
	return vectorFeedback{
		Key: hexed(key[:]), ID: hexed(testID[:]), Body: hexed(wire.AppendFeedback(nil, f)),
		First: hexed(s.Seal(nil, f)), Second: hexed(s.Seal(nil, f)),
	}
}

func clearVectors(key SigningKey) map[string]string {
	return map[string]string{
		"announce": hexed(SignAnnounce(key,
			wire.Announce{Server: wire.ServerPrefix{1}, Group: protocol.GroupID{2}, Number: 3})),
		"probe": hexed(SignProbe(key,
			wire.Probe{Server: wire.ServerPrefix{1}, Group: protocol.GroupID{2}, Nonce: [16]byte{3}})),
	}
}

func receiptVector(key SigningKey) vectorReceipt {
	r := Receipt{
		Server: protocol.ServerID{1}, Group: protocol.GroupID{2}, Transfer: 3, Root: protocol.Digest{4},
		Device: protocol.DeviceID{5}, Outcome: "verified", Sequence: 6,
	}
	return vectorReceipt{Signed: hexed(r.bytes()), Signature: hexed(SignReceipt(key, r))}
}

// What is sealed and signed is a promise to other versions and implementations.
func TestVectors(t *testing.T) {
	path := filepath.Join("testdata", "vectors", "seal.json")
	got, err := json.MarshalIndent(makeVectors(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("keys, packets or signatures differ from %s", path)
	}
}

// The salt is the digest of the offer's bytes, so that two offers never share a key.
func TestSaltIsTheOffersDigest(t *testing.T) {
	s, secret := testSession(t), testSecret()
	salt := sha256.Sum256(wire.AppendOffer(nil, testOffer()))
	if want := hmacSHA256(salt[:], secret[:]); !bytes.Equal(s.prk, want) {
		t.Errorf("prk is %x, RFC 5869 says %x", s.prk, want)
	}
}

func hmacSHA256(key, message []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(message)
	return m.Sum(nil)
}
