package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrLength says that a message is shorter or longer than its fields make it.
var ErrLength = errors.New("wrong length")

// errField says that a field has a value that no message of this version carries.
func errField(field string, value any) error {
	return fmt.Errorf("%s: value %v out of bounds", field, value)
}

var be = binary.BigEndian

func append24(dst []byte, v int) []byte {
	return append(dst, byte(v>>16), byte(v>>8), byte(v))
}

func get24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

func append48(dst []byte, v uint64) []byte {
	return append(dst, byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

func get48(b []byte) uint64 { return uint64(be.Uint16(b))<<32 | uint64(be.Uint32(b[2:])) }

// reader reads a message after its length was checked: that of the fixed part at once, that of a list
// before its entries are read.
type reader struct{ b []byte }

func (r *reader) take(n int) []byte {
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() uint8   { return r.take(1)[0] }
func (r *reader) u16() uint16 { return be.Uint16(r.take(2)) }
func (r *reader) u32() uint32 { return be.Uint32(r.take(4)) }
func (r *reader) u48() uint64 { return get48(r.take(6)) }
func (r *reader) u64() uint64 { return be.Uint64(r.take(8)) }

// list takes a count and says whether that many entries of size bytes are really there.
func (r *reader) list(size int) (int, bool) {
	if len(r.b) < 1 {
		return 0, false
	}
	n := int(r.u8())
	return n, n*size <= len(r.b)
}
