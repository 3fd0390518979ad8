// Package pki is the server's own certificate authority and the pin by which clients know it
// (docs/security.md C1, C2): the CA, the leaf that serves TLS, the leaf that signs offers, and
// on the client's side the one check that ties a connection to a fingerprint. It knows nothing
// of accounts; permissions are checked elsewhere.
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

// How much of the fingerprint a human types at least, in its two forms: 80 bits.
const (
	TypedHex    = 20
	typedBase32 = 16
)

// Fingerprint is the SHA-256 of a CA's SubjectPublicKeyInfo: it survives a renewed certificate.
func Fingerprint(ca *x509.Certificate) protocol.ServerID {
	return sha256.Sum256(ca.RawSubjectPublicKeyInfo)
}

// InternalName is the name under which clients verify the server, wherever it is reached.
func InternalName(id protocol.ServerID) string {
	return hex.EncodeToString(id[:8]) + "." + internalDomain
}

var base32Letters = base32.StdEncoding.WithPadding(base32.NoPadding)

// Compared is the beginning that people compare, in groups of four: what TypedHex characters of it look like.
func Compared(id protocol.ServerID) string {
	s := hex.EncodeToString(id[:])[:TypedHex]
	var groups []string
	for ; len(s) > 0; s = s[4:] {
		groups = append(groups, s[:4])
	}
	return strings.Join(groups, " ")
}

// ShortFingerprint is its beginning, to name a server in words.
func ShortFingerprint(id protocol.ServerID) string { return id.String()[:16] }

// bare takes away what humans put between the characters.
func bare(s string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", ":", "", " ", "", "\t", "").Replace(strings.TrimSpace(s)))
}

// copied takes from a line of `groupcast serve` that was copied whole what is not the fingerprint.
func copied(s string) string {
	s, _, _ = strings.Cut(s, "(")
	s = strings.TrimSpace(s)
	for _, label := range []string{"fingerprint:", "sha256:"} {
		if len(s) > len(label) && strings.EqualFold(s[:len(label)], label) {
			s = strings.TrimSpace(s[len(label):])
		}
	}
	return s
}

// ParseFingerprint reads a whole fingerprint, in hex or in base32. A part of one is refused:
// only a human who reads it from the server's screen may shorten it.
func ParseFingerprint(text string) (protocol.ServerID, error) {
	s := bare(copied(text))
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

// Typed is how what a human typed of a fingerprint compares with it.
type Typed uint8

// The results.
const (
	TypedWrong Typed = iota
	TypedShort       // too little to tell one server from another
	TypedRight
)

// CompareTyped compares what a human typed with the fingerprint, in hex or in base32: all of it,
// or a prefix of 80 bits, which is too long to find another key for.
func CompareTyped(id protocol.ServerID, typed string) Typed {
	s := bare(copied(typed))
	asHex, as32 := strings.ToUpper(hex.EncodeToString(id[:])), base32Letters.EncodeToString(id[:])
	switch {
	case len(s) >= TypedHex && begins(asHex, s), len(s) >= typedBase32 && begins(as32, s):
		return TypedRight
	case len(s) < typedBase32, len(s) < TypedHex && begins(asHex, s):
		return TypedShort
	}
	return TypedWrong
}

func begins(whole, part string) bool {
	return len(part) <= len(whole) && subtle.ConstantTimeCompare([]byte(whole[:len(part)]), []byte(part)) == 1
}
