package protocol

import "encoding/hex"

// TransferID names a transfer for ever, beside its number (docs/format-2.md).
type TransferID [16]byte

// RelayID names a relay; the zero one is the server itself.
type RelayID [16]byte

// PageNo is the place of a page of digests in its chain; Edition says which chain.
type (
	PageNo  uint32
	Edition uint32
)

func (id TransferID) String() string { return hex.EncodeToString(id[:]) }
func (id RelayID) String() string    { return hex.EncodeToString(id[:]) }

// MarshalText writes the identifier as lower-case hex, which is how JSON shows it.
func (id TransferID) MarshalText() ([]byte, error) { return hexText(id[:]), nil }
func (id RelayID) MarshalText() ([]byte, error)    { return hexText(id[:]), nil }

// UnmarshalText reads hex of exactly the right length.
func (id *TransferID) UnmarshalText(b []byte) error { return unhex(id[:], b, "transfer ID") }
func (id *RelayID) UnmarshalText(b []byte) error    { return unhex(id[:], b, "relay ID") }
