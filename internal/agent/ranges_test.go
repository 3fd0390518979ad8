package agent

import (
	"fmt"
	"slices"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

func TestFirstOfRanges(t *testing.T) {
	all := []protocol.Range{{First: 5, Count: 1}, {First: 9, Count: 4}, {First: 20, Count: 1}}
	for n, want := range map[uint32][]protocol.Range{
		1:  {{First: 5, Count: 1}},
		2:  {{First: 5, Count: 1}, {First: 9, Count: 1}},
		5:  {{First: 5, Count: 1}, {First: 9, Count: 4}},
		6:  all,
		60: all,
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if got := firstOf(slices.Clone(all), n); !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}
