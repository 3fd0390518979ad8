package download

import (
	"io"

	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Blocks gives session blocks one after another.
func Blocks(src content.Blocks, asked protocol.Range) Source {
	return &blocks{src: src, next: asked.First, left: asked.Count}
}

type blocks struct {
	src  content.Blocks
	next protocol.BlockNumber
	left uint32
}

// Next reads a block.
func (b *blocks) Next(buf []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.src.ReadBlock(b.next, buf[:protocol.BlockSize])
	if err != nil {
		return 0, err
	}
	b.next++
	b.left--
	return n, nil
}

// Close gives the source back.
func (b *blocks) Close() error { return b.src.Close() }
