// Package format2 parses and appends the messages of format 2 (docs/format-2.md): one file for each message, Parse
// and Append side by side. Whatever a Parse accepts, its Append writes again byte by byte. It holds no keys and no
// state: signatures and seals are those of package seal.
package format2

import "github.com/groupcast/groupcast/internal/protocol"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Version is the version of this format: the high four bits of a packet's first byte.
const Version = protocol.PagedVersion

// What is wrong with bytes that do not parse.
var (
	ErrLength = errors.New("wrong length")
	ErrLabel  = errors.New("not such a message of format 2")
	// ErrNewer says that a message uses what only a newer version knows.
	ErrNewer = errors.New("needs a newer version of groupcast")
	// ErrEncoding says that a message does not have its one encoding.
	ErrEncoding = errors.New("not encoded as it must be")
)

func errField(field string, value any) error {
	return fmt.Errorf("%s: value %v out of bounds", field, value)
}

// signatureBytes is the length of an Ed25519 signature.
const signatureBytes = 64

var be = binary.BigEndian

func append24(dst []byte, v int) []byte { return append(dst, byte(v>>16), byte(v>>8), byte(v)) }

func append48(dst []byte, v uint64) []byte {
	return append(dst, byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

// reader reads fields one after another. Past the end it gives zeros and says so at the end: whoever reads
// a list has looked at what is left first.
type reader struct {
	b    []byte
	over bool
}

// zeros is longer than any field.
var zeros [64]byte

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.over = nil, true
		return zeros[:n]
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() uint8   { return r.take(1)[0] }
func (r *reader) u16() uint16 { return be.Uint16(r.take(2)) }
func (r *reader) u32() uint32 { return be.Uint32(r.take(4)) }
func (r *reader) u64() uint64 { return be.Uint64(r.take(8)) }

func (r *reader) u24() int {
	b := r.take(3)
	return int(b[0])<<16 | int(b[1])<<8 | int(b[2])
}

func (r *reader) u48() uint64 {
	b := r.take(6)
	return uint64(be.Uint16(b))<<32 | uint64(be.Uint32(b[2:]))
}

// count reads the number of entries of a list that follows: at most most, and all of them are there.
func (r *reader) count(n uint32, most, size int) (int, error) {
	switch {
	case r.over:
		return 0, ErrLength
	case uint64(n) > uint64(most):
		return 0, errField("entries of a list", n)
	case len(r.b) < int(n)*size:
		return 0, ErrLength
	}
	return int(n), nil
}

// end says whether everything was there, and nothing else.
func (r *reader) end() error {
	if r.over || len(r.b) != 0 {
		return ErrLength
	}
	return nil
}

// addr reads 16 bytes; IPv4 is mapped, sixteen zeros are no address.
func (r *reader) addr() netip.Addr {
	a := netip.AddrFrom16([16]byte(r.take(16)))
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a.Unmap()
}

func (r *reader) addrPort() netip.AddrPort {
	a := r.addr()
	return netip.AddrPortFrom(a, r.u16())
}

func appendAddr(dst []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(dst, make([]byte, 16)...)
	}
	b := a.As16()
	return append(dst, b[:]...)
}

func appendAddrPort(dst []byte, a netip.AddrPort) []byte {
	return be.AppendUint16(appendAddr(dst, a.Addr()), a.Port())
}
