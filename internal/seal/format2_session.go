package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// NewSession2 derives the keys of an offer's session of format 2. It refuses a secret that is not the offer's
// (ErrWrongKey).
func NewSession2(secret Secret, offer []byte) (*Session, error) {
	o, err := format2.ParseOffer(offer)
	if err != nil {
		return nil, fmt.Errorf("offer: %w", err)
	}
	if !sameKey(KeyCheck2(secret, o.Server, o.Session), o.KeyCheck) {
		return nil, ErrWrongKey
	}
	return newSession(format2Name, secret, offer, o.Session, o.Tag), nil
}

func (s *Session) appendHeader(dst []byte, h wire.Header) []byte {
	if s.format == format2Name {
		return format2.AppendHeader(dst, h)
	}
	return wire.AppendHeader(dst, h)
}

func (s *Session) parseHeader(packet []byte) (wire.Header, error) {
	if s.format == format2Name {
		return format2.ParseHeader(packet)
	}
	return wire.ParseHeader(packet)
}

// SealSync2 signs and seals a SYNC into a whole packet, no longer than one with data.
func (s *Session) SealSync2(key SigningKey, n protocol.PacketNumber, sync format2.Sync, symbol int) []byte {
	body := format2.AppendSync(nil, sync, format2.MaxSync(symbol))
	body = append(body, key.sign(s.syncMessage2(body))...)
	h := wire.Header{Kind: wire.KindSync, Tag: s.tag, Number: n}
	return s.Seal(make([]byte, 0, protocol.GroupHeaderBytes+len(body)+protocol.TagBytes), h, body)
}

// VerifySync2 checks the signature of an opened SYNC and reads it. It costs 70 µs: look at its sequence and its
// element first (format2.ParseSyncHead, ChainEnd).
func (s *Session) VerifySync2(key VerifyKey, body []byte) (format2.Sync, error) {
	if _, _, _, err := format2.ParseSyncHead(body); err != nil {
		return format2.Sync{}, fmt.Errorf("SYNC: %w", err)
	}
	cut := len(body) - wire.SignatureBytes
	if err := key.verify(s.syncMessage2(body[:cut]), body[cut:]); err != nil {
		return format2.Sync{}, fmt.Errorf("SYNC: %w", err)
	}
	sync, err := format2.ParseSync(body[:cut])
	if err != nil {
		return format2.Sync{}, fmt.Errorf("SYNC: %w", err)
	}
	return sync, nil
}

// syncMessage2 is what the signature covers: label ‖ SHA-256 of the offer ‖ all before it.
func (s *Session) syncMessage2(body []byte) []byte {
	m := append([]byte(labelSync2), s.salt[:]...)
	return append(m, body...)
}

// MACKey is the key of the MACs of one slot. It is not safe for concurrent use.
type MACKey struct {
	aead  cipher.AEAD
	slot  uint8
	nonce [12]byte
	tag   [protocol.TagBytes]byte
}

// MACKey derives the key of slot i out of its element.
func (s *Session) MACKey(i uint32, e format2.Element) *MACKey {
	prk, err := hkdf.Extract(sha256.New, e[:], s.salt[:])
	if err != nil {
		panic(err) // only for hashes and lengths that this is not
	}
	var field [4]byte
	binary.BigEndian.PutUint32(field[:], i)
	return &MACKey{aead: newAEAD(expand(prk, infoOf(format2Name, "symbol mac", field[:]), 32)), slot: uint8(i)}
}

// Format keeps the key out of logs.
func (k *MACKey) Format(w fmt.State, _ rune) { redact(w) }

// Sum gives the MAC of a packet: of its clear bytes and of what is sealed, up to and with the slot's byte, one
// after the other in plain.
func (k *MACKey) Sum(n protocol.PacketNumber, plain []byte) format2.MAC {
	nonceInto(&k.nonce, &noIV, uint64(n))
	tag := k.aead.Seal(k.tag[:0], k.nonce[:], nil, plain)
	return format2.MAC{Slot: k.slot, Tag: [7]byte(tag)}
}

// Verify says whether a packet has the MAC of this slot.
func (k *MACKey) Verify(n protocol.PacketNumber, plain []byte, m format2.MAC) bool {
	return k.Sum(n, plain) == m
}
