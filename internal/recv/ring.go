package recv

import (
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// ring keeps the packets that came before the manifest, in the order in which they came;
// once it is full, the newer ones are lost.
type ring struct {
	limit int // packets
	size  int // bytes of a symbol
	kept  []keptPacket
	bytes []byte
}

type keptPacket struct {
	block  protocol.BlockNumber
	length int
	index  protocol.SymbolIndex
}

func newRing(bytes, size int) ring { return ring{limit: bytes / size, size: size} }

// keep copies a packet and says whether there was room.
func (g *ring) keep(d wire.Data) bool {
	if len(g.kept) >= g.limit {
		return false
	}
	g.kept = append(g.kept, keptPacket{d.Block, d.Length, d.Index})
	g.bytes = append(g.bytes, d.Symbol...)
	return true
}

// drain gives the packets back, in order, and forgets them and their memory.
func (g *ring) drain(f func(wire.Data)) {
	kept, bytes := g.kept, g.bytes
	g.kept, g.bytes = nil, nil
	for i, k := range kept {
		f(wire.Data{Block: k.block, Length: k.length, Index: k.index, Symbol: bytes[i*g.size : (i+1)*g.size]})
	}
}
