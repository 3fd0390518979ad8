package format2

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	lacksMagic = "GCL2"
	lacksHead  = len(lacksMagic) + 4
	chunkBits  = 1 << 16 // blocks of a chunk
	// MaxLacksBytes is the longest encoding of a set.
	MaxLacksBytes = lacksHead + protocol.MaxBlocks/chunkBits*(1+chunkBits/8)
)

// How a chunk is written.
const (
	chunkNone byte = iota
	chunkAll
	chunkRuns
	chunkBitmap
)

// AppendLacks writes a set of blocks of the stream in its one encoding (docs/format-2.md §8). A set that has
// nearly nothing, nearly everything or long runs takes a few bytes, any other a bit for each block.
func AppendLacks(dst []byte, set *protocol.BlockSet) []byte {
	dst = append(dst, lacksMagic...)
	dst = be.AppendUint32(dst, uint32(set.Len()))
	for lo := 0; lo < set.Len(); lo += chunkBits {
		dst = appendChunk(dst, set, lo, min(lo+chunkBits, set.Len()))
	}
	return dst
}

func appendChunk(dst []byte, set *protocol.BlockSet, lo, hi int) []byte {
	runs := runsOf(set, lo, hi)
	switch {
	case len(runs) == 0:
		return append(dst, chunkNone)
	case runs[0] == run{0, hi - lo}:
		return append(dst, chunkAll)
	}
	bitmap := (hi - lo + 7) / 8
	if runs.bytes() < bitmap {
		dst = append(dst, chunkRuns)
		dst = be.AppendUint16(dst, uint16(len(runs)))
		for _, r := range runs {
			dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(r.gap)), uint64(r.length))
		}
		return dst
	}
	at := len(dst) + 1
	dst = append(append(dst, chunkBitmap), make([]byte, bitmap)...)
	for i := range hi - lo {
		if set.Has(protocol.BlockNumber(lo + i)) {
			dst[at+i/8] |= 1 << (i % 8)
		}
	}
	return dst
}

// run is so many blocks of a set after so many that are not.
type run struct{ gap, length int }

type runList []run

// bytes is how long the runs are when written.
func (l runList) bytes() int {
	n := 2
	for _, r := range l {
		n += uvarintBytes(r.gap) + uvarintBytes(r.length)
	}
	return n
}

func uvarintBytes(v int) int { return max(1, (bits.Len(uint(v))+6)/7) }

func runsOf(set *protocol.BlockSet, lo, hi int) (out runList) {
	for at := lo; ; {
		first, ok := set.Next(protocol.BlockNumber(at))
		if !ok || int(first) >= hi {
			return out
		}
		end := hi
		if e, ok := set.NextMissing(first); ok {
			end = min(end, int(e))
		}
		out = append(out, run{int(first) - at, end - int(first)})
		at = end
	}
}

// ParseLacks reads a set of so many blocks.
func ParseLacks(b []byte, blocks int) (*protocol.BlockSet, error) {
	if len(b) < lacksHead || len(b) > MaxLacksBytes {
		return nil, ErrLength
	}
	r := reader{b: b}
	if string(r.take(len(lacksMagic))) != lacksMagic {
		return nil, ErrLabel
	}
	if n := r.u32(); uint64(n) != uint64(blocks) || blocks > protocol.MaxBlocks {
		return nil, errField("blocks", n)
	}
	set := protocol.NewBlockSet(blocks)
	for lo := 0; lo < blocks; lo += chunkBits {
		if err := parseChunk(&r, set, lo, min(lo+chunkBits, blocks)); err != nil {
			return nil, err
		}
	}
	return set, r.end()
}

func parseChunk(r *reader, set *protocol.BlockSet, lo, hi int) error {
	before := len(r.b)
	kind := r.u8()
	var err error
	switch kind {
	case chunkNone:
	case chunkAll:
		set.AddRange(protocol.Range{First: protocol.BlockNumber(lo), Count: uint32(hi - lo)})
	case chunkRuns:
		err = parseRuns(r, set, lo, hi)
	case chunkBitmap:
		err = parseBitmap(r, set, lo, hi)
	default:
		return ErrNewer
	}
	if err != nil {
		return err
	}
	if r.over {
		return ErrLength
	}
	return isShortest(set, kind, before-len(r.b)-1, lo, hi)
}

// isShortest says whether a chunk was written as AppendLacks does.
func isShortest(set *protocol.BlockSet, kind byte, length, lo, hi int) error {
	runs, want := runsOf(set, lo, hi), chunkBitmap
	switch {
	case len(runs) == 0:
		want = chunkNone
	case runs[0] == run{0, hi - lo}:
		want = chunkAll
	case runs.bytes() < (hi-lo+7)/8:
		want = chunkRuns
	}
	if kind != want || kind == chunkRuns && length != runs.bytes() {
		return fmt.Errorf("%w: a chunk of kind %d should be of kind %d", ErrEncoding, kind, want)
	}
	return nil
}

func parseRuns(r *reader, set *protocol.BlockSet, lo, hi int) error {
	at := lo
	for i := range int(r.u16()) {
		gap, ok1 := r.uvarint()
		length, ok2 := r.uvarint()
		left := uint64(hi - at)
		if !ok1 || !ok2 || length == 0 || gap == 0 && i > 0 || gap > left || length > left-gap {
			return ErrEncoding
		}
		set.AddRange(protocol.Range{First: protocol.BlockNumber(at + int(gap)), Count: uint32(length)})
		at += int(gap + length)
	}
	return nil
}

// uvarint reads a number of the shortest form.
func (r *reader) uvarint() (uint64, bool) {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || n > 1 && r.b[n-1] == 0 {
		r.over = true
		return 0, false
	}
	r.b = r.b[n:]
	return v, true
}

func parseBitmap(r *reader, set *protocol.BlockSet, lo, hi int) error {
	n := (hi - lo + 7) / 8
	if len(r.b) < n {
		return ErrLength
	}
	b := r.b[:n]
	r.b = r.b[n:]
	for i := range n * 8 {
		if b[i/8]&(1<<(i%8)) == 0 {
			continue
		}
		if i >= hi-lo {
			return ErrEncoding
		}
		set.Add(protocol.BlockNumber(lo + i))
	}
	return nil
}
