package fec

import (
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/klauspost/reedsolomon"

	"github.com/groupcast/groupcast/internal/protocol"
)

// maxEncoders bounds the cache of encoders; one costs 10 to 30 µs to build and k bytes a row.
const maxEncoders = 128

// Symbol is a symbol with its place in the block.
type Symbol struct {
	Index protocol.SymbolIndex
	Data  []byte
}

// ErrTooFew says that fewer than k different symbols were given.
var ErrTooFew = errors.New("fec: fewer symbols than the block needs")

// Code makes parity and reconstructs blocks.
type Code struct {
	encoders map[string]reedsolomon.Encoder // by k and rows
	shards   [][]byte
	scratch  []byte
	rows     []byte
	lost     []byte
	parity   [protocol.MaxSymbols][]byte
}

// NewCode makes a code with an empty cache.
func NewCode() *Code { return &Code{encoders: make(map[string]reedsolomon.Encoder)} }

// Parity writes the parity symbols first, first+1, … of a block into dst, one for each of its
// slices of size bytes. block is the source symbols one after another, k·size bytes, the last
// one zero-padded.
func (c *Code) Parity(block []byte, k, size int, first protocol.SymbolIndex, dst [][]byte) error {
	if err := checkGeometry(block, k, size); err != nil {
		return err
	}
	if int(first) < k || int(first)+len(dst) > protocol.MaxSymbols {
		return fmt.Errorf("fec: parity %d…%d of a block of %d source symbols", first, int(first)+len(dst)-1, k)
	}
	c.rows = c.rows[:0]
	for i := range dst {
		c.rows = append(c.rows, byte(int(first)+i))
	}
	return c.encode(block, k, size, dst)
}

// Reconstruct writes the source symbols of a block into block, k·size bytes, out of any k
// different symbols of size bytes each. Symbols beyond those needed are ignored.
func (c *Code) Reconstruct(symbols []Symbol, k, size int, block []byte) error {
	if err := checkGeometry(block, k, size); err != nil {
		return err
	}
	if err := c.place(symbols, k, size, block); err != nil {
		return err
	}
	if len(c.lost) == 0 {
		return nil
	}
	return c.solve(block, k, size)
}

func checkGeometry(block []byte, k, size int) error {
	if k < 1 || k > protocol.MaxSourceSymbols || size < 1 || len(block) != k*size {
		return fmt.Errorf("fec: a block of %d bytes is not %d symbols of %d bytes", len(block), k, size)
	}
	return nil
}

// place copies the source symbols into the block, zeroes the lost ones, and picks as many
// parity symbols as there are lost ones.
func (c *Code) place(symbols []Symbol, k, size int, block []byte) error {
	var have [protocol.MaxSymbols]bool
	c.rows, c.lost = c.rows[:0], c.lost[:0]
	clear(c.parity[:])
	for _, s := range symbols {
		if len(s.Data) != size {
			return fmt.Errorf("fec: symbol %d has %d bytes, not %d", s.Index, len(s.Data), size)
		}
		if have[s.Index] {
			continue
		}
		have[s.Index] = true
		if int(s.Index) < k {
			copy(block[int(s.Index)*size:], s.Data)
		} else {
			c.parity[s.Index] = s.Data
		}
	}
	for j := range k {
		if !have[j] {
			clear(block[j*size : (j+1)*size])
			c.lost = append(c.lost, byte(j))
		}
	}
	for i := k; i < protocol.MaxSymbols && len(c.rows) < len(c.lost); i++ {
		if c.parity[i] != nil {
			c.rows = append(c.rows, byte(i))
		}
	}
	if len(c.rows) < len(c.lost) {
		return ErrTooFew
	}
	return nil
}

// solve finds the lost symbols: what the parity says less what the present symbols explain is
// the lost ones times an e×e Cauchy matrix.
func (c *Code) solve(block []byte, k, size int) error {
	e := len(c.lost)
	sums := c.take(e, size)
	if err := c.encode(block, k, size, sums); err != nil {
		return err
	}
	for i, row := range c.rows {
		subtle.XORBytes(sums[i], sums[i], c.parity[row])
	}
	enc, err := newEncoder(e, cauchyInverse(c.rows, c.lost))
	if err != nil {
		return err
	}
	shards := append(make([][]byte, 0, 2*e), sums...)
	for _, j := range c.lost {
		shards = append(shards, block[int(j)*size:(int(j)+1)*size])
	}
	if err := enc.Encode(shards); err != nil {
		return fmt.Errorf("fec: solve for %d lost symbols: %w", e, err)
	}
	return nil
}

// encode writes the parity of c.rows over block into dst.
func (c *Code) encode(block []byte, k, size int, dst [][]byte) error {
	enc, err := c.encoder(k)
	if err != nil {
		return err
	}
	c.shards = c.shards[:0]
	for j := range k {
		c.shards = append(c.shards, block[j*size:(j+1)*size])
	}
	c.shards = append(c.shards, dst...)
	if err := enc.Encode(c.shards); err != nil {
		return fmt.Errorf("fec: parity of %d symbols: %w", k, err)
	}
	return nil
}

// encoder gives the encoder of c.rows over k source symbols.
func (c *Code) encoder(k int) (reedsolomon.Encoder, error) {
	key := string(append([]byte{byte(k)}, c.rows...))
	if enc, ok := c.encoders[key]; ok {
		return enc, nil
	}
	matrix := make([][]byte, len(c.rows))
	for i, row := range c.rows {
		matrix[i] = make([]byte, k)
		cauchyRow(matrix[i], int(row))
	}
	enc, err := newEncoder(k, matrix)
	if err != nil {
		return nil, err
	}
	if len(c.encoders) >= maxEncoders {
		clear(c.encoders) // rare, and cheaper than keeping an order
	}
	c.encoders[key] = enc
	return enc, nil
}

func newEncoder(k int, matrix [][]byte) (reedsolomon.Encoder, error) {
	enc, err := reedsolomon.New(k, len(matrix), reedsolomon.WithCustomMatrix(matrix),
		reedsolomon.WithInversionCache(false), reedsolomon.WithMaxGoroutines(1))
	if err != nil {
		return nil, fmt.Errorf("fec: %d rows over %d symbols: %w", len(matrix), k, err)
	}
	return enc, nil
}

// take gives n slices of size bytes out of the scratch memory.
func (c *Code) take(n, size int) [][]byte {
	if len(c.scratch) < n*size {
		c.scratch = make([]byte, n*size)
	}
	out := make([][]byte, n)
	for i := range out {
		out[i] = c.scratch[i*size : (i+1)*size]
	}
	return out
}
