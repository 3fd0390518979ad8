// Package seal encrypts, signs and checks what goes over the data plane: the session's keys
// and packets, feedback, and the server's signatures (docs/protocol.md §3–§6). It holds no
// sockets and no clock, decides nothing about which packet numbers are used or accepted, and
// parses nothing before it is authenticated.
package seal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
)

const redacted = "[redacted]"

// SecretBytes is the length of session secrets and feedback keys.
const SecretBytes = 32

// Secret is a session secret or a feedback key. It lives in memory only and prints nothing:
// String, Format, MarshalText and MarshalJSON all say [redacted] (and so does log/slog, which
// asks one of these).
type Secret [SecretBytes]byte

// NewSecret draws a secret from the operating system's generator.
func NewSecret() (s Secret) {
	rand.Read(s[:]) // never fails since Go 1.24
	return s
}

// ParseSecret takes a secret as a hand-out carries it.
func ParseSecret(b []byte) (Secret, error) {
	if len(b) != SecretBytes {
		return Secret{}, errors.New("secret: want 32 bytes")
	}
	return Secret(b), nil
}

func (Secret) String() string   { return redacted }
func (Secret) GoString() string { return redacted }

// Format keeps the bytes out of every verb.
func (Secret) Format(w fmt.State, _ rune) { redact(w) }

// MarshalText keeps the secret out of text encodings and of slog's text handler.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON keeps the secret out of JSON: a hand-out carries its bytes on purpose.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

func redact(w io.Writer) { io.WriteString(w, redacted) } //nolint:errcheck // fmt.State keeps errors
