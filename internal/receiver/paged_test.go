package receiver

import (
	"reflect"
	"testing"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestBlocksOfASessionAreSorted(t *testing.T) {
	o := format2.Offer{SkeletonBytes: 2*protocol.BlockSize + 1, Pages: 10, Blocks: 50} // 0…3, 4…13, 14…
	type ranges = []protocol.Range
	for _, c := range []struct {
		name string
		in   ranges
		want Parts
	}{
		{"none", nil, Parts{}},
		{"the index", ranges{{First: 0, Count: 1}}, Parts{Skeleton: true}},
		{
			"the first and the last page",
			ranges{{First: 4, Count: 1}, {First: 13, Count: 1}},
			Parts{Pages: ranges{{First: 0, Count: 1}, {First: 9, Count: 1}}},
		},
		{"the stream", ranges{{First: 14, Count: 50}}, Parts{Stream: ranges{{First: 0, Count: 50}}}},
		{
			"everything",
			ranges{{First: 0, Count: 64}},
			Parts{true, ranges{{First: 0, Count: 10}}, ranges{{First: 0, Count: 50}}},
		},
		{
			"the end of one and the beginning of another",
			ranges{{First: 3, Count: 2}, {First: 12, Count: 5}},
			Parts{true, ranges{{First: 0, Count: 1}, {First: 8, Count: 2}}, ranges{{First: 0, Count: 3}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := PartsOf(o, c.in); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v", got)
			}
		})
	}
}
