package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// ErrWrongKey says that a session secret is not the one the offer was made with; the agent
// asks for the hand-out again instead of seeing nothing but loss (security.md K7).
var ErrWrongKey = errors.New("wrong session key")

// info is the context of a derived key: label and fields, none of which can run into another.
func info(label string, fields ...[]byte) string { return infoOf(format1, label, fields...) }

// The names of the formats, in front of labels.
const (
	format1     = "groupcast/1 "
	format2Name = "groupcast/2 "
)

func infoOf(format, label string, fields ...[]byte) string {
	b := append([]byte(format+label), 0)
	for _, f := range fields {
		b = binary.BigEndian.AppendUint16(b, uint16(len(f)))
		b = append(b, f...)
	}
	return string(b)
}

// expand cannot fail: its lengths are constants far below HKDF's limit.
func expand(prk []byte, info string, length int) []byte {
	out, err := hkdf.Expand(sha256.New, prk, info, length)
	if err != nil {
		panic(err)
	}
	return out
}

// KeyCheck is what an offer says about its session's secret without giving it away.
func KeyCheck(secret Secret, server protocol.ServerID, session protocol.SessionID) [16]byte {
	return keyCheckOf(format1, secret, server, session)
}

func keyCheckOf(format string, secret Secret, server protocol.ServerID, session protocol.SessionID) [16]byte {
	return [16]byte(expand(secret[:], infoOf(format, "key check", server[:], session[:]), 16))
}

// CheckKey says whether secret is the one that offer was made with.
func CheckKey(secret Secret, offer wire.Offer) error {
	want := KeyCheck(secret, offer.Server, offer.Session)
	if subtle.ConstantTimeCompare(want[:], offer.KeyCheck[:]) != 1 {
		return ErrWrongKey
	}
	return nil
}

// sessionKey is the root of a session's keys: the offer, whole, is in all of them.
func sessionKey(secret Secret, offer []byte) []byte {
	salt := sha256.Sum256(offer)
	prk, err := hkdf.Extract(sha256.New, secret[:], salt[:])
	if err != nil {
		panic(err) // only for hashes and lengths that this is not
	}
	return prk
}

// phase is the key of one stretch of 2^28 packet numbers.
type phase struct {
	number uint32
	aead   cipher.AEAD
	iv     [12]byte
}

func phaseOf(n protocol.PacketNumber) uint32 { return uint32(n >> protocol.PhaseBits) }

func derivePhase(format string, prk []byte, number uint32) *phase {
	var field [4]byte
	binary.BigEndian.PutUint32(field[:], number)
	key := expand(prk, infoOf(format, "data key", field[:]), 32)
	p := &phase{number: number, aead: newAEAD(key)}
	copy(p.iv[:], expand(prk, infoOf(format, "data iv", field[:]), 12))
	return p
}

func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the length is a constant
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // the block size is 16
	}
	return aead
}

// nonceInto writes iv XOR (0^48 ‖ number).
func nonceInto(dst *[12]byte, iv *[12]byte, number uint64) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], number)
	*dst = *iv
	for i, b := range n[2:] {
		dst[6+i] ^= b
	}
}
