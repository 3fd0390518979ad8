package session

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

var errPending = errors.New("manifest package pending")

func readLayout(o wire.Offer, src BlockSource) (Layout, error) { return nil, errPending }

func layoutFromManifest(o wire.Offer, m []byte) (Layout, error) { return nil, errPending }

type pendingCode struct{}

func newCode() pendingCode { return pendingCode{} }

func (pendingCode) ParityRows(block []byte, k, size int, first protocol.SymbolIndex, dst [][]byte) error {
	return errPending
}

func (pendingCode) Reconstruct(symbols []recv.Symbol, k, size int, block []byte) error {
	return errPending
}

// digestOf is the digest that block b of a session should have: block 0 is the index.
func digestOf(b protocol.BlockNumber, data []byte) protocol.Digest {
	var head [5]byte
	if b == 0 {
		head[0] = 1
		binary.BigEndian.PutUint32(head[1:], uint32(len(data)/32))
	} else {
		binary.BigEndian.PutUint32(head[1:], uint32(len(data)))
	}
	h := sha256.New()
	h.Write(head[:])
	h.Write(data)
	return protocol.Digest(h.Sum(nil))
}

type blockCode struct{ code pendingCode }

func newBlockCode() *blockCode { return &blockCode{newCode()} }

func (c *blockCode) rebuild(symbols []recv.Symbol, k, size int, block []byte) error {
	return c.code.Reconstruct(symbols, k, size, block)
}
