package fec

import (
	"fmt"

	"github.com/klauspost/reedsolomon"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Symbol is one symbol of a block: below k a source symbol, from k on parity. Data is size
// bytes long; the last source symbol is zero-padded.
type Symbol struct {
	Index protocol.SymbolIndex
	Data  []byte
}

// maxEncoders bounds the cache of encoders: one is some 100 KB at k = 200.
const maxEncoders = 64

// Code makes parity and reconstructs blocks. It is not safe for concurrent use: each worker
// has its own.
type Code struct {
	encoders map[rows]*encoder
	clock    uint64
	kernel   reedsolomon.LowLevel

	shards [][]byte // of the call at hand
	zeros  []byte   // one symbol: stands for a missing source symbol
	last   []byte   // the last source symbol, padded
	room   []byte   // of the parity of what is present
	sums   [][]byte // the syndromes, in room
	got    [protocol.MaxSymbols][]byte
}

// rows names a set of parity rows for k source symbols.
type rows struct {
	k   int
	set [protocol.MaxSymbols / 64]uint64
}

func (r *rows) add(x int)      { r.set[x/64] |= 1 << (x % 64) }
func (r *rows) has(x int) bool { return r.set[x/64]&(1<<(x%64)) != 0 }

type encoder struct {
	reedsolomon.Encoder
	used uint64
}

// NewCode makes a Code with empty caches.
func NewCode() *Code { return &Code{encoders: make(map[rows]*encoder, maxEncoders)} }

// Parity writes the parity symbol with index row (k ≤ row ≤ 255) of block into dst, which is
// size bytes long. k is ⌈len(block)/size⌉.
func (c *Code) Parity(block []byte, k, size int, row protocol.SymbolIndex, dst []byte) error {
	return c.ParityRows(block, k, size, row, [][]byte{dst})
}

// ParityRows writes the parity symbols first, first+1, … of block, one into each of dst.
func (c *Code) ParityRows(block []byte, k, size int, first protocol.SymbolIndex, dst [][]byte) error {
	if err := checkGeometry(len(block), k, size); err != nil {
		return err
	}
	if int(first) < k || int(first)+len(dst) > protocol.MaxSymbols {
		return fmt.Errorf("parity rows %d to %d of a block of %d symbols: none such", first, int(first)+len(dst)-1, k)
	}
	want := rows{k: k}
	for i, d := range dst {
		if len(d) != size {
			return fmt.Errorf("parity buffer of %d bytes for symbols of %d", len(d), size)
		}
		want.add(int(first) + i)
	}
	if len(dst) == 0 {
		return nil
	}
	c.shards = append(c.source(block, k, size), dst...)
	return c.encode(want)
}

// source cuts a block into symbols; only the last one may have to be copied.
func (c *Code) source(block []byte, k, size int) [][]byte {
	out := c.shards[:0]
	for j := range k - 1 {
		out = append(out, block[j*size:(j+1)*size])
	}
	tail := block[(k-1)*size:]
	if len(tail) < size {
		c.last = grown(c.last, size)
		clear(c.last[copy(c.last, tail):])
		tail = c.last
	}
	return append(out, tail)
}

// encode computes the parity rows of want over c.shards, into its tail.
func (c *Code) encode(want rows) error {
	e, err := c.encoder(want)
	if err != nil {
		return err
	}
	if err := e.Encode(c.shards); err != nil {
		return fmt.Errorf("encode parity: %w", err)
	}
	return nil
}

// encoder finds or builds the encoder for a set of rows; the cache is bounded, and the one
// that was not used for longest goes.
func (c *Code) encoder(want rows) (*encoder, error) {
	c.clock++
	if e := c.encoders[want]; e != nil {
		e.used = c.clock
		return e, nil
	}
	var matrix [][]byte
	for x := want.k; x < protocol.MaxSymbols; x++ {
		if want.has(x) {
			matrix = append(matrix, row(byte(x), want.k))
		}
	}
	enc, err := reedsolomon.New(want.k, len(matrix), reedsolomon.WithCustomMatrix(matrix),
		reedsolomon.WithInversionCache(false), reedsolomon.WithMaxGoroutines(1))
	if err != nil {
		return nil, fmt.Errorf("encoder of %d+%d symbols: %w", want.k, len(matrix), err)
	}
	c.evict()
	e := &encoder{Encoder: enc, used: c.clock}
	c.encoders[want] = e
	return e, nil
}

func (c *Code) evict() {
	if len(c.encoders) < maxEncoders {
		return
	}
	var oldest rows
	age := c.clock
	for key, e := range c.encoders {
		if e.used < age {
			oldest, age = key, e.used
		}
	}
	delete(c.encoders, oldest)
}

func checkGeometry(length, k, size int) error {
	if size < 1 || length < 1 || k != protocol.SourceSymbols(length, size) || k > protocol.MaxSourceSymbols {
		return fmt.Errorf("block of %d bytes with %d symbols of %d bytes: impossible", length, k, size)
	}
	return nil
}

// grown gives a buffer of n bytes, b's own memory if it is large enough.
func grown(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
