package progress

import (
	"fmt"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store"
)

func TestBytesOfBlocks(t *testing.T) {
	for _, c := range []struct {
		bytes      uint64
		blocks, of int
		want       uint64
	}{
		{bytes: 0, of: 0, blocks: 0, want: 0},
		{bytes: 5, of: 10, blocks: 5, want: 2}, // blocks of less than a byte each: not nothing
		{bytes: 1 << 50, of: 1 << 22, blocks: 1 << 22, want: 1 << 50},
		{bytes: 1000, of: 3, blocks: 3, want: 1000},
	} {
		t.Run(fmt.Sprint(c.bytes, " ", c.blocks, " ", c.of), func(t *testing.T) {
			tr := store.Transfer{Transfer: groupcast.Transfer{Bytes: c.bytes, Blocks: c.of}}
			if got := bytesOf(tr, c.blocks); got != c.want {
				t.Errorf("%d of %d blocks of %d bytes: %d, want %d", c.blocks, c.of, c.bytes, got, c.want)
			}
		})
	}
}
