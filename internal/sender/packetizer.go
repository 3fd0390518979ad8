package sender

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// rowGroup is how many parity rows of a block are made in one go: one pass over the block's
// data gives several at little more than the cost of one, and the code caches an encoder
// for each group.
const rowGroup = 4

// rows are consecutive parity rows of a block: those with symbol indices first, first+1, …
type rows struct {
	first int
	data  [][]byte
}

func (r *rows) get(index int) []byte {
	if i := index - r.first; i >= 0 && i < len(r.data) {
		return r.data[i]
	}
	return nil
}

// errStopped ends a train half built: nothing may be sealed any more (security.md K2).
var errStopped = errors.New("the session was stopped")

// builder makes trains of sealed packets. It belongs to the sender's loop.
type builder struct {
	cache   *cache
	code    parityCode
	seal    sealer
	writer  *writer
	offer   *wire.Offer
	stopped *atomic.Bool

	train  []byte // that is being built
	packet int    // bytes of a data packet
	held   *entry // the block of the last symbol: the next is often of the same
}

// sealer is the part of seal.Session that seals.
type sealer interface {
	Seal(dst []byte, h wire.Header, body []byte) []byte
}

// parityCode is the part of fec.Code that makes parity.
type parityCode interface {
	ParityRows(block []byte, k, size int, first protocol.SymbolIndex, dst [][]byte) error
}

// maxRefs is how many packets a train of this session may have.
func (b *builder) maxRefs() int {
	return max(1, min(send.MaxTrain, mcast.MaxTrainSegments, mcast.MaxTrainBytes/b.packet))
}

// send builds and seals one train and hands it to the writer. Its packet numbers count as used
// from here on, whatever becomes of it (security.md K1).
func (b *builder) send(ctx context.Context, t send.Train) error {
	train, err := b.writer.buffer(ctx)
	if err != nil {
		return err
	}
	b.train = train
	for i, ref := range t.Refs {
		if b.stopped.Load() {
			return errStopped
		}
		if err := b.add(t.First+protocol.PacketNumber(i), ref); err != nil {
			return err
		}
	}
	return b.writer.put(ctx, shipment{packets: b.train, size: b.packet, ours: true})
}

// add seals one packet behind the train: its body is written where its sealed form goes.
func (b *builder) add(number protocol.PacketNumber, ref send.SymbolRef) error {
	e, err := b.block(ref.Block)
	if err != nil {
		return err
	}
	start := len(b.train)
	body := b.train[start+protocol.GroupHeaderBytes : start+protocol.GroupHeaderBytes]
	body = wire.AppendDataHeader(body, ref.Block, len(e.data), ref.Index)
	symbol, err := b.symbol(e, ref)
	if err != nil {
		return err
	}
	body = append(body, symbol...)
	h := wire.Header{Kind: wire.KindData, Tag: b.offer.Tag, Number: number}
	b.train = b.seal.Seal(b.train, h, body)
	return nil
}

func (b *builder) block(n protocol.BlockNumber) (*entry, error) {
	if b.held != nil && b.held.block == n {
		return b.held, nil
	}
	b.let()
	e, err := b.cache.get(n)
	b.held = e
	return e, err
}

// let gives the held block back.
func (b *builder) let() {
	if b.held != nil {
		b.cache.release(b.held)
		b.held = nil
	}
}

// symbol gives a source symbol as it lies in the (zero-padded) buffer, or a parity row.
func (b *builder) symbol(e *entry, ref send.SymbolRef) ([]byte, error) {
	size := int(b.offer.SymbolSize)
	k := protocol.SourceSymbols(len(e.data), size)
	index := int(ref.Index)
	if index < k {
		return e.buf[index*size : (index+1)*size], nil
	}
	if row := e.rows.get(index); row != nil {
		return row, nil
	}
	if err := b.makeRows(e, k, index); err != nil {
		return nil, err
	}
	return e.rows.get(index), nil
}

// makeRows makes the group of rows that index belongs to.
func (b *builder) makeRows(e *entry, k, index int) error {
	size := int(b.offer.SymbolSize)
	first := index - (index-k)%rowGroup
	n := min(rowGroup, protocol.MaxSymbols-first)
	for len(e.rows.data) < n {
		e.rows.data = append(e.rows.data, make([]byte, size))
	}
	e.rows.first, e.rows.data = first, e.rows.data[:n]
	return b.code.ParityRows(e.data, k, size, protocol.SymbolIndex(first), e.rows.data)
}
