package deliverytest

import (
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Block is what each of Blocks holds.
const Block = "block"

// Blocks are a source of blocks that all hold Block, or are of full length.
type Blocks struct{ Full bool }

// ReadBlock gives the same whichever block is asked for.
func (b Blocks) ReadBlock(_ protocol.BlockNumber, buf []byte) (int, error) {
	if b.Full {
		return len(buf), nil
	}
	return copy(buf, Block), nil
}

// Layout is none: nothing is sent.
func (Blocks) Layout() *manifest.Layout { return nil }

// Close does nothing.
func (Blocks) Close() error { return nil }
