package protocol

import (
	"fmt"
	"testing"
)

func TestBarOfASet(t *testing.T) {
	for _, c := range []struct {
		blocks, first, have int     // the first have blocks from first on are there, and all before them
		want                [4]byte // at parts 0, 100, 128 and 255
	}{
		{blocks: 1, want: [4]byte{}},
		{blocks: 1, have: 1, want: [4]byte{3, 3, 3, 3}},
		{blocks: 4, have: 2, want: [4]byte{3, 3, 0, 0}},
		{blocks: 4, first: 2, want: [4]byte{}}, // what lies before does not count
		{blocks: 4, first: 2, have: 1, want: [4]byte{3, 3, 0, 0}},
		{blocks: 300, have: 150, want: [4]byte{3, 3, 0, 0}},
		{blocks: 1024, have: 1, want: [4]byte{1, 0, 0, 0}},
		{blocks: 1024, first: 24, have: 2, want: [4]byte{2, 0, 0, 0}},
		{blocks: 100_000, have: 100_000, want: [4]byte{3, 3, 3, 3}},
	} {
		t.Run(fmt.Sprint(c.blocks, " ", c.first, " ", c.have), func(t *testing.T) {
			s := NewBlockSet(c.blocks)
			s.AddRange(Range{First: 0, Count: uint32(c.first + c.have)})
			bar := s.Bar(BlockNumber(c.first))
			for i, part := range []int{0, 100, 128, 255} {
				if got := bar[part/4] >> (part % 4 * 2) & 3; got != c.want[i] {
					t.Errorf("%d of %d from %d on: part %d is %d, want %d", c.have, c.blocks, c.first, part, got, c.want[i])
				}
			}
		})
	}
	if NewBlockSet(2).Bar(2) != [BarBytes]byte{} { // empty files have no block
		t.Error("a bar of nothing")
	}
}
