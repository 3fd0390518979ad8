// Package relayproto is what a server and its relays say to one another, beside the types of the API: the code that a
// relay begins with, and the bounds that each end holds the other to.
package relayproto

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Bounds of a code.
const (
	maxAddresses = 8
	maxAddress   = 128 // bytes
	maxCode      = 2048
)

const (
	codeBegins  = "gcr1."
	codeVersion = 1
)

// Code says which server a relay belongs to, where it is, and what lets the relay in, once.
type Code struct {
	Server    protocol.ServerID
	Secret    [16]byte
	Addresses []string // HOST:PORT or https://HOST:PORT, the best one first; those that do not fit are left out
}

// String writes the code as people copy it.
func (c Code) String() string {
	b := append([]byte{codeVersion}, c.Server[:]...)
	b = append(b, c.Secret[:]...)
	at := len(b)
	b = append(b, 0)
	for _, a := range c.Addresses {
		if len(a) > 0 && len(a) <= maxAddress && b[at] < maxAddresses {
			b = append(append(b, byte(len(a))), a...)
			b[at]++
		}
	}
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return codeBegins + base64.RawURLEncoding.EncodeToString(b)
}

// Token is the code's secret as the server is told it.
func (c Code) Token() string { return base64.RawURLEncoding.EncodeToString(c.Secret[:]) }

// GoString keeps the secret out of %#v.
func (c Code) GoString() string { return "relayproto.Code([redacted])" }

var errCode = groupcast.Errorf(groupcast.EInvalid, "this is not the code of a relay, or a part of it is missing").
	WithHint("copy the whole code that `groupcast relay add` printed: it begins with %s", codeBegins)

// ParseCode reads a code.
func ParseCode(text string) (c Code, err error) {
	body, ok := strings.CutPrefix(strings.TrimSpace(text), codeBegins)
	if !ok || len(text) > maxCode {
		return Code{}, errCode
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || len(b) < 1+len(c.Server)+len(c.Secret)+1+4 {
		return Code{}, errCode
	}
	b, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(b) != sum || b[0] != codeVersion {
		return Code{}, errCode
	}
	b = b[1+copy(c.Server[:], b[1:]):]
	b = b[copy(c.Secret[:], b):]
	return c, c.addresses(b)
}

// addresses reads what comes behind the secret.
func (c *Code) addresses(b []byte) error {
	n := int(b[0])
	if b = b[1:]; n > maxAddresses {
		return errCode
	}
	for range n {
		if len(b) == 0 || b[0] == 0 || int(b[0]) > maxAddress || len(b) < 1+int(b[0]) {
			return errCode
		}
		c.Addresses = append(c.Addresses, string(b[1:1+b[0]]))
		b = b[1+b[0]:]
	}
	if len(b) > 0 {
		return errCode
	}
	return nil
}
