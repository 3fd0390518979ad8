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

// rowGroup is how many parity rows of a block are computed together: one pass over the block's data
// gives several rows at little more than the cost of one, and fec caches an encoder for each group.
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

// errStopped says that Stop was called while a train was built: nothing more may be sealed
// (security.md K2).
var errStopped = errors.New("the session was stopped")

// packetizer makes trains of packets, which the writer seals. Only the goroutine of Sender.Run uses it.
type packetizer struct {
	cache   *blockCache
	code    parityCode
	writer  *writer
	stopped *atomic.Bool

	train  []byte // being built
	packet int    // bytes of a data packet
	last   *entry // the block of the last symbol: the next symbol is often of the same one

	symbolSize int
}

// parityCode is the part of fec.Code that makes parity.
type parityCode interface {
	ParityRows(block []byte, k, size int, first protocol.SymbolIndex, dst [][]byte) error
}

// maxRefs is the most packets that a train of this session may have.
func (p *packetizer) maxRefs() int {
	return max(1, min(send.MaxTrain, mcast.MaxTrainSegments, mcast.MaxTrainBytes/p.packet))
}

// send builds one train and queues it to be sealed and written. Its packet numbers count as used from
// here on, even if the train is not written (security.md K1).
func (p *packetizer) send(ctx context.Context, t send.Train) error {
	train, err := p.writer.buffer(ctx)
	if err != nil {
		return err
	}
	p.train = train
	for _, ref := range t.Refs {
		if p.stopped.Load() {
			return errStopped
		}
		if err := p.add(ref); err != nil {
			return err
		}
	}
	return p.writer.put(ctx, batch{packets: p.train, size: p.packet, first: t.First})
}

// add appends one packet to the train: its body, where it is to be sealed.
func (p *packetizer) add(ref send.SymbolRef) error {
	e, err := p.block(ref.Block)
	if err != nil {
		return err
	}
	start := len(p.train)
	body := p.train[start+protocol.GroupHeaderBytes : start+protocol.GroupHeaderBytes]
	body = wire.AppendDataHeader(body, ref.Block, len(e.data), ref.Index)
	symbol, err := p.symbol(e, ref)
	if err != nil {
		return err
	}
	_ = append(body, symbol...)
	p.train = p.train[:start+p.packet]
	return nil
}

func (p *packetizer) block(n protocol.BlockNumber) (*entry, error) {
	if p.last != nil && p.last.block == n {
		return p.last, nil
	}
	e, err := p.cache.get(n)
	if err == nil {
		p.last = e
	}
	return e, err
}

// symbol returns a source symbol of the (zero-padded) buffer, or a parity row.
func (p *packetizer) symbol(e *entry, ref send.SymbolRef) ([]byte, error) {
	size := p.symbolSize
	k := protocol.SourceSymbols(len(e.data), size)
	index := int(ref.Index)
	if index < k {
		return e.buf[index*size : (index+1)*size], nil
	}
	if row := e.rows.get(index); row != nil {
		return row, nil
	}
	if err := p.makeRows(e, k, index); err != nil {
		return nil, err
	}
	return e.rows.get(index), nil
}

// makeRows computes the group of parity rows that index belongs to.
func (p *packetizer) makeRows(e *entry, k, index int) error {
	size := p.symbolSize
	first := index - (index-k)%rowGroup
	n := min(rowGroup, protocol.MaxSymbols-first)
	for len(e.rows.data) < n {
		e.rows.data = append(e.rows.data, make([]byte, size))
	}
	e.rows.first, e.rows.data = first, e.rows.data[:n]
	return p.code.ParityRows(e.data, k, size, protocol.SymbolIndex(first), e.rows.data)
}
