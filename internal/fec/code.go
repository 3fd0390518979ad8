package fec

import (
	"github.com/groupcast/groupcast/internal/protocol"
)

// Symbol is one symbol of a block: below k a source symbol, from k on parity. Data is size
// bytes long; the last source symbol is zero-padded.
type Symbol struct {
	Index protocol.SymbolIndex
	Data  []byte
}

// Code makes parity and reconstructs blocks. It is not safe for concurrent use: each worker
// has its own.
type Code struct{}

// NewCode makes a Code with empty caches.
func NewCode() *Code { return &Code{} }

// Parity writes the parity symbol with index row (k ≤ row ≤ 255) of block into dst, which is
// size bytes long. k is ⌈len(block)/size⌉.
func (c *Code) Parity(block []byte, k, size int, row protocol.SymbolIndex, dst []byte) error {
	return c.ParityRows(block, k, size, row, [][]byte{dst})
}

// ParityRows writes the parity symbols first, first+1, … of block, one into each of dst.
func (c *Code) ParityRows(block []byte, k, size int, first protocol.SymbolIndex, dst [][]byte) error {
	return nil
}

// Reconstruct rebuilds block (its length says the block's) from any k different symbols.
// More than k symbols are allowed; source symbols are preferred.
func (c *Code) Reconstruct(symbols []Symbol, k, size int, block []byte) error { return nil }
