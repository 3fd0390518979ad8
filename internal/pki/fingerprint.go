// Package pki is the server's own certificate authority and the pin by which clients know it
// (docs/security.md C1, C2): the CA, the leaf that serves TLS, the leaf that signs offers, and
// on the client's side the one check that ties a connection to a fingerprint. It knows nothing
// of accounts; who may do what is not its business.
package pki

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base32"
	"encoding/hex"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// internalDomain is where the names of servers live that only pins make valid.
const internalDomain = "groupcast.internal"

// typedCharacters is how much of the fingerprint a human types: 80 bits in base32.
const typedCharacters = 16

// Fingerprint is the SHA-256 of a CA's SubjectPublicKeyInfo: it survives a renewed certificate.
func Fingerprint(ca *x509.Certificate) protocol.ServerID {
	return sha256.Sum256(ca.RawSubjectPublicKeyInfo)
}

// InternalName is the name under which clients verify the server, wherever it is reached.
func InternalName(id protocol.ServerID) string {
	return hex.EncodeToString(id[:8]) + "." + internalDomain
}

var base32Letters = base32.StdEncoding.WithPadding(base32.NoPadding)

// FormatFingerprint writes the whole fingerprint for humans: base32 in groups of four. The
// first four groups are what `login` asks to type.
func FormatFingerprint(id protocol.ServerID) string {
	return grouped(base32Letters.EncodeToString(id[:]))
}

// ShortFingerprint is the part of it that a human types at the first login.
func ShortFingerprint(id protocol.ServerID) string {
	return grouped(base32Letters.EncodeToString(id[:])[:typedCharacters])
}

func grouped(s string) string {
	var b strings.Builder
	for i, c := range s {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// bare takes away what humans put between the characters.
func bare(s string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", ":", "", " ", "", "\t", "").Replace(strings.TrimSpace(s)))
}

// ParseFingerprint reads a whole fingerprint, in hex or in base32. A part of one is refused:
// only a human who reads it from the server's screen may shorten it.
func ParseFingerprint(text string) (protocol.ServerID, error) {
	s := bare(strings.TrimPrefix(strings.TrimSpace(text), "SHA256:"))
	var b []byte
	var err error
	switch len(s) {
	case hex.EncodedLen(32):
		b, err = hex.DecodeString(s)
	case base32Letters.EncodedLen(32):
		b, err = base32Letters.DecodeString(s)
	}
	if err != nil || len(b) != 32 {
		return protocol.ServerID{}, groupcast.Errorf(groupcast.EInvalid, "not a fingerprint: %.80q", text).
			WithHint("copy the whole line that `groupcast serve` prints: 64 hex digits or 52 letters and digits")
	}
	return protocol.ServerID(b), nil
}

// MatchesTyped says whether what a human typed is the fingerprint or at least its first 16
// characters (80 bits; eight hex digits could be ground).
func MatchesTyped(id protocol.ServerID, typed string) bool {
	full := base32Letters.EncodeToString(id[:])
	s := bare(typed)
	if whole, err := ParseFingerprint(typed); err == nil {
		return whole == id
	}
	return len(s) >= typedCharacters && len(s) <= len(full) &&
		subtle.ConstantTimeCompare([]byte(s), []byte(full[:len(s)])) == 1
}
