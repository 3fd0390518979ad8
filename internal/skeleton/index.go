package skeleton

import (
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Indexer makes the index of a skeleton out of its bytes, as they are written to it.
type Indexer struct{ index, block []byte }

// Write takes the next bytes; it never fails.
func (x *Indexer) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := min(len(rest), protocol.BlockSize-len(x.block))
		x.block = append(x.block, rest[:n]...)
		if rest = rest[n:]; len(x.block) == protocol.BlockSize {
			x.close()
		}
	}
	return len(b), nil
}

func (x *Indexer) close() {
	d := format2.LeafDigest(x.block)
	x.index, x.block = append(x.index, d[:]...), x.block[:0]
}

// Index gives the index of what was written: block 0 of a session.
func (x *Indexer) Index() []byte {
	if len(x.block) > 0 {
		x.close()
	}
	return x.index
}
