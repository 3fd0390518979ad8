package send_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/send"
)

// A SYNC's front is never beyond a block of which source symbols are still to come in this pass: devices would ask for
// what is on its way.
func TestTheFrontPassesNothingThatIsToCome(t *testing.T) {
	const k = 40
	for _, c := range []struct{ head, pages, asked int }{{3, 0, 0}, {3, 0, 2}, {5, 3, 0}, {5, 3, 1}, {5, 3, 5}} {
		t.Run(fmt.Sprintf("%d pages, %d asked for again", c.pages, c.asked), func(t *testing.T) {
			const blocks = 30
			now := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
			s := send.New(send.Config{
				Blocks: c.head + blocks, Length: func(protocol.BlockNumber) int { return k * testSymbol },
				SymbolSize: testSymbol, Head: c.head, Pages: c.pages, Sourced: true, Interleave: 4,
				Rate: rate.Config{Fixed: 1_000_000},
			}, now, rand.New(rand.NewPCG(1, 2)))
			s.Available(now, protocol.Range{Count: uint32(c.head + blocks)})
			for p := range c.pages {
				s.Announce(now, p == c.pages-1)
			}
			s.Attach(now, 0, nil, true)
			left := make(map[protocol.BlockNumber]int)
			for b := c.head; b < c.head+blocks; b++ {
				left[protocol.BlockNumber(b)] = k
			}
			var refs [8]send.SymbolRef
			for syncs := 0; len(left) > 0; now = now.Add(100 * time.Microsecond) {
				s.HandleTimeout(now)
				if m, _, ok := s.NextSync(now); ok {
					syncs++
					for b, n := range left {
						if n < k && b < m.Front {
							t.Fatalf("%d symbols of block %d are to come, and SYNC %d says %d", n, b, syncs, m.Front)
						}
					}
				}
				tr, _ := s.NextTrain(now, refs[:0])
				for _, r := range tr.Refs {
					if left[r.Block]--; left[r.Block] <= 0 {
						delete(left, r.Block)
					}
				}
				if len(left) == blocks/2 && c.asked > 0 { // somebody came too late for the head
					s.Attach(now, 1, []protocol.Range{{Count: uint32(c.asked)}}, false)
					c.asked = 0
				}
			}
		})
	}
}
