package seal

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// A label for every kind of signature: none passes for another.
const (
	labelSync     = "groupcast/1 sync\x00"
	labelAnnounce = "groupcast/1 announce\x00"
	labelProbe    = "groupcast/1 probe\x00"
	labelReceipt  = "groupcast/1 receipt\x00"
	labelProof    = "groupcast/1 device\x00"
)

// ErrSignature says that a signature is not that key's over that message.
var ErrSignature = errors.New("signature does not verify")

// SigningKey signs: the server's offers, SYNCs, announcements and probes, or a device's
// receipts. Like a Secret it prints nothing.
type SigningKey struct{ key ed25519.PrivateKey }

// VerifyKey checks what a SigningKey signed. The zero value verifies nothing.
type VerifyKey struct{ key ed25519.PublicKey }

// NewSigningKey draws a key from the operating system's generator.
func NewSigningKey() SigningKey {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err) // the generator never fails since Go 1.24
	}
	return SigningKey{key}
}

// SigningKeyFrom wraps a key that package pki or an agent's home keeps.
func SigningKeyFrom(key ed25519.PrivateKey) (SigningKey, error) {
	if len(key) != ed25519.PrivateKeySize {
		return SigningKey{}, errors.New("signing key: wrong length")
	}
	return SigningKey{key}, nil
}

// VerifyKeyFrom wraps a public key as certificates and devices carry it.
func VerifyKeyFrom(key []byte) (VerifyKey, error) {
	if len(key) != ed25519.PublicKeySize {
		return VerifyKey{}, errors.New("public key: want 32 bytes")
	}
	return VerifyKey{ed25519.PublicKey(key)}, nil
}

// Public gives the key that verifies.
func (k SigningKey) Public() VerifyKey { return VerifyKey{k.key.Public().(ed25519.PublicKey)} }

// Bytes gives a copy of the public key.
func (k VerifyKey) Bytes() []byte { return append([]byte(nil), k.key...) }

// Seed gives the private key's 32 bytes, for the file that keeps them.
func (k SigningKey) Seed() []byte { return k.key.Seed() }

// SigningKeyFromSeed is the reverse of Seed.
func SigningKeyFromSeed(seed []byte) (SigningKey, error) {
	if len(seed) != ed25519.SeedSize {
		return SigningKey{}, errors.New("signing key: want 32 bytes")
	}
	return SigningKey{ed25519.NewKeyFromSeed(seed)}, nil
}

func (SigningKey) String() string   { return redacted }
func (SigningKey) GoString() string { return redacted }

// Format keeps the key out of every verb.
func (SigningKey) Format(w fmt.State, _ rune) { redact(w) }

// MarshalText keeps the key out of text encodings.
func (SigningKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON keeps the key out of JSON.
func (SigningKey) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

func (k SigningKey) sign(message []byte) []byte { return ed25519.Sign(k.key, message) }

func (k VerifyKey) verify(message, signature []byte) error {
	if len(k.key) != ed25519.PublicKeySize || !ed25519.Verify(k.key, message, signature) {
		return ErrSignature
	}
	return nil
}

// SignOffer signs the bytes of an offer, which begin with their own label.
func SignOffer(key SigningKey, offer []byte) []byte { return key.sign(offer) }

// VerifyOffer checks the signature of an offer and reads it: nothing else turns offer bytes
// into an offer that may be believed.
func VerifyOffer(key VerifyKey, offer, signature []byte) (wire.Offer, error) {
	o, err := wire.ParseOffer(offer)
	if err != nil {
		return wire.Offer{}, fmt.Errorf("offer: %w", err)
	}
	if err := key.verify(offer, signature); err != nil {
		return wire.Offer{}, fmt.Errorf("offer: %w", err)
	}
	return o, nil
}

// SignAnnounce makes the whole packet of an announcement.
func SignAnnounce(key SigningKey, a wire.Announce) []byte {
	return signClear(key, labelAnnounce, wire.AppendAnnounce(nil, a))
}

// VerifyAnnounce reads an announcement if its signature is valid. A caller with the keys of several
// servers chooses one by wire.ParseAnnounce first.
func VerifyAnnounce(key VerifyKey, packet []byte) (wire.Announce, error) {
	a, err := wire.ParseAnnounce(packet)
	if err != nil {
		return wire.Announce{}, fmt.Errorf("announcement: %w", err)
	}
	if err := verifyClear(key, labelAnnounce, packet); err != nil {
		return wire.Announce{}, fmt.Errorf("announcement: %w", err)
	}
	return a, nil
}

// SignProbe makes the whole packet of a probe.
func SignProbe(key SigningKey, p wire.Probe) []byte {
	return signClear(key, labelProbe, wire.AppendProbe(nil, p))
}

// VerifyProbe reads a probe if its signature is good.
func VerifyProbe(key VerifyKey, packet []byte) (wire.Probe, error) {
	p, err := wire.ParseProbe(packet)
	if err != nil {
		return wire.Probe{}, fmt.Errorf("probe: %w", err)
	}
	if err := verifyClear(key, labelProbe, packet); err != nil {
		return wire.Probe{}, fmt.Errorf("probe: %w", err)
	}
	return p, nil
}

func signClear(key SigningKey, label string, unsigned []byte) []byte {
	return append(unsigned, key.sign(labelled(label, unsigned))...)
}

func verifyClear(key VerifyKey, label string, packet []byte) error {
	unsigned, signature := wire.SplitSigned(packet)
	return key.verify(labelled(label, unsigned), signature)
}

func labelled(label string, message []byte) []byte {
	return append([]byte(label), message...)
}

// Receipt is what a device of an earlier version signs about a transfer, and what a FullReceipt
// begins with; a device's statement, not a proof of possession.
type Receipt struct {
	Server   protocol.ServerID
	Group    protocol.GroupID
	Transfer protocol.TransferNo
	Root     protocol.Digest
	Device   protocol.DeviceID
	Outcome  string
	Sequence uint64
}

// bytes encodes the receipt: fields of fixed width, the outcome last.
func (r Receipt) bytes() []byte {
	return append(r.appendHead([]byte(labelReceipt)), r.Outcome...)
}

// SignReceipt signs with the device's key.
func SignReceipt(key SigningKey, r Receipt) []byte { return key.sign(r.bytes()) }

// VerifyReceipt checks a receipt with the public key that the device gave at login.
func VerifyReceipt(key VerifyKey, r Receipt, signature []byte) error {
	if err := key.verify(r.bytes(), signature); err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	return nil
}

// Proof is what a device signs to show that it has its key: a server's nonce and, where the
// device asks for another identity, the public key of that.
type Proof struct {
	Server protocol.ServerID
	Nonce  []byte
	NewKey []byte
}

func (p Proof) bytes() []byte {
	b := []byte(labelProof)
	b = append(b, p.Server[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.Nonce)))
	b = append(b, p.Nonce...)
	return append(b, p.NewKey...)
}

// SignProof signs with the device's key.
func SignProof(key SigningKey, p Proof) []byte { return key.sign(p.bytes()) }

// VerifyProof checks a proof with the public key that the device gave at login.
func VerifyProof(key VerifyKey, p Proof, signature []byte) error {
	if err := key.verify(p.bytes(), signature); err != nil {
		return fmt.Errorf("proof: %w", err)
	}
	return nil
}
