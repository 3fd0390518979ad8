// Package protocol holds the identifiers and limits that every other package of the core
// shares. It is a leaf: it knows no message, no key and no I/O.
//
// Words follow RFC 5740 (NORM), RFC 5052 (FEC building block) and the glossary in
// docs/architecture.md.
package protocol

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// ServerID is the SHA-256 of the SubjectPublicKeyInfo of the server's own CA: the
// fingerprint that clients pin.
type ServerID [32]byte

// SessionID names one sender's stream of packets. It is random and never used twice.
type SessionID [16]byte

// GroupID names a group for ever, whatever it is called.
type GroupID [16]byte

// DeviceID names one login of a user on one machine.
type DeviceID [16]byte

// SiteID names a part of the network that one sender reaches by multicast. The zero one is the
// network of the server itself.
type SiteID [16]byte

// FeedbackID identifies the feedback key that a feedback packet is encrypted with.
type FeedbackID [8]byte

// Digest is a SHA-256 in the role that its context gives it.
type Digest [32]byte

// SessionTag selects the key of a group packet; unique among a server's live sessions.
type SessionTag uint32

// PacketNumber counts the packets of a session, SYNC included; 48 bits on the wire.
type PacketNumber uint64

// BlockNumber is the place of a block in the packed stream of a transfer (RFC 5052: SBN).
type BlockNumber uint32

// SymbolIndex is the place of a symbol in its block (RFC 5052: ESI): below k a source
// symbol, from k on a parity symbol.
type SymbolIndex uint8

// OfferNo orders the offers of a server.
type OfferNo uint64

// TransferNo orders the transfers of a server, and so the versions of a path.
type TransferNo uint64

// Range is a run of blocks: First, First+1, … (Count of them).
type Range struct {
	First BlockNumber `json:"first"`
	Count uint32      `json:"count"`
}

// End is the first block after the range.
func (r Range) End() BlockNumber { return r.First + BlockNumber(r.Count) }

func (id ServerID) String() string   { return hex.EncodeToString(id[:]) }
func (id SessionID) String() string  { return hex.EncodeToString(id[:]) }
func (id GroupID) String() string    { return hex.EncodeToString(id[:]) }
func (id DeviceID) String() string   { return hex.EncodeToString(id[:]) }
func (id SiteID) String() string     { return hex.EncodeToString(id[:]) }
func (id FeedbackID) String() string { return hex.EncodeToString(id[:]) }
func (d Digest) String() string      { return hex.EncodeToString(d[:]) }
func (t SessionTag) String() string  { return fmt.Sprintf("%08x", uint32(t)) }

// MarshalText writes the identifier as lower-case hex, which is how JSON shows it.
func (id ServerID) MarshalText() ([]byte, error)   { return hexText(id[:]), nil }
func (id SessionID) MarshalText() ([]byte, error)  { return hexText(id[:]), nil }
func (id GroupID) MarshalText() ([]byte, error)    { return hexText(id[:]), nil }
func (id DeviceID) MarshalText() ([]byte, error)   { return hexText(id[:]), nil }
func (id SiteID) MarshalText() ([]byte, error)     { return hexText(id[:]), nil }
func (id FeedbackID) MarshalText() ([]byte, error) { return hexText(id[:]), nil }
func (d Digest) MarshalText() ([]byte, error)      { return hexText(d[:]), nil }

// UnmarshalText reads hex of exactly the right length.
func (id *ServerID) UnmarshalText(b []byte) error   { return unhex(id[:], b, "server ID") }
func (id *SessionID) UnmarshalText(b []byte) error  { return unhex(id[:], b, "session ID") }
func (id *GroupID) UnmarshalText(b []byte) error    { return unhex(id[:], b, "group ID") }
func (id *DeviceID) UnmarshalText(b []byte) error   { return unhex(id[:], b, "device ID") }
func (id *SiteID) UnmarshalText(b []byte) error     { return unhex(id[:], b, "site ID") }
func (id *FeedbackID) UnmarshalText(b []byte) error { return unhex(id[:], b, "feedback ID") }
func (d *Digest) UnmarshalText(b []byte) error      { return unhex(d[:], b, "digest") }

// NewSessionID draws an identifier from the operating system's generator.
func NewSessionID() SessionID { return SessionID(random16()) }

// NewGroupID draws an identifier from the operating system's generator.
func NewGroupID() GroupID { return GroupID(random16()) }

// NewDeviceID draws an identifier from the operating system's generator.
func NewDeviceID() DeviceID { return DeviceID(random16()) }

// NewSiteID draws an identifier from the operating system's generator.
func NewSiteID() SiteID { return SiteID(random16()) }

func random16() (b [16]byte) {
	rand.Read(b[:]) // never fails since Go 1.24
	return b
}

func hexText(b []byte) []byte {
	out := make([]byte, hex.EncodedLen(len(b)))
	hex.Encode(out, b)
	return out
}

func unhex(dst, src []byte, what string) error {
	if len(src) != hex.EncodedLen(len(dst)) {
		return fmt.Errorf("%s: want %d hex digits, got %d", what, hex.EncodedLen(len(dst)), len(src))
	}
	if _, err := hex.Decode(dst, src); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
