package recv_test

import (
	"slices"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
)

// paged is a session of format 2 with an index, four numbers for pages, and a stream of n blocks of four symbols;
// the index is held.
func paged(n, pool int) (layout, *recv.Receiver) {
	l := append(layout{size, 2 * size, 2 * size, 2 * size, 2 * size}, even(n, 4)...)
	r := machine(l, func(c *recv.Config) {
		c.Head, c.Pages = 5, 4
		c.MaxK, c.PoolBytes = 4, pool*4*size
		c.Have = protocol.NewBlockSet(len(l))
		c.Have.Add(0)
	})
	return l, r
}

func streamOf(first, count int) []protocol.Range {
	return []protocol.Range{{First: protocol.BlockNumber(5 + first), Count: uint32(count)}}
}

// whole sends all source symbols of a block.
func whole(r *recv.Receiver, l layout, number protocol.PacketNumber, b int) protocol.PacketNumber {
	for i := range l[b] / size {
		r.HandleData(at(1), number, data(l, b, i))
		number++
	}
	return number
}

// readyBlocks are the blocks that were handed to the driver.
func readyBlocks(r *recv.Receiver) (out []int) {
	for _, e := range events(r) {
		if e.Kind == recv.BlockReady {
			out = append(out, int(e.Block))
		}
	}
	return out
}

// A block without its page is kept until the page is there, and is not asked for meanwhile.
func TestABlockWaitsForItsPage(t *testing.T) {
	l, r := paged(3, 16)
	n := whole(r, l, 1, 5)
	n = whole(r, l, n, 7)
	if got := readyBlocks(r); got != nil || r.Unverified() != 2 {
		t.Fatalf("%v are ready without a page, %d wait", got, r.Unverified())
	}
	r.HandleSync(at(2), sync(2, n, len(l), len(l)))
	if f, _, ok := asks(r, at(2), at(500)); !ok || len(f.NACKs) != 0 || !slices.Equal(f.Ranges, streamOf(1, 1)) {
		t.Errorf("asked for %+v, %+v", f.NACKs, f.Ranges)
	}
	r.Known(at(600), streamOf(0, 2), nil)
	if got := readyBlocks(r); !slices.Equal(got, []int{5}) || r.Unverified() != 1 {
		t.Errorf("with the page of two blocks %v are ready, %d wait", got, r.Unverified())
	}
	r.Known(at(600), streamOf(2, 1), nil)
	if got := readyBlocks(r); !slices.Equal(got, []int{7}) || r.Unverified() != 0 {
		t.Errorf("with the page of the third %v are ready", got)
	}
}

// Blocks that cannot be verified take half of the pool, whatever comes; the rest is for those that can.
func TestUnverifiedBlocksTakeHalfOfThePool(t *testing.T) {
	l, r := paged(20, 8)
	n := protocol.PacketNumber(1)
	for b := 5; b < 25; b++ {
		r.HandleData(at(1), n, data(l, b, 0))
		n++
	}
	if r.Unverified() != 4 || r.Status().Partial != 4 || r.Status().Drops.Pool != 16 {
		t.Errorf("%d wait, %+v", r.Unverified(), r.Status())
	}
	r.Known(at(2), streamOf(10, 10), nil)
	for b := 15; b < 25; b++ {
		r.HandleData(at(3), n, data(l, b, 1))
		n++
	}
	if r.Unverified() != 4 || r.Status().Partial != 8 {
		t.Errorf("%d wait of %d in the pool", r.Unverified(), r.Status().Partial)
	}
}

// Blocks of the skeleton wait for its index. What comes over HTTPS meanwhile gives their places in the pool back.
func TestBlocksOfTheSkeletonWaitForItsIndex(t *testing.T) {
	l := append(layout{size, 2 * size, 2 * size, 2 * size, 2 * size}, even(3, 4)...) // 1 and 2 are the skeleton
	r := machine(l, func(c *recv.Config) { c.Head, c.Pages, c.MaxK, c.PoolBytes = 5, 2, 4, 8*4*size })
	n := whole(r, l, 1, 2)
	n = whole(r, l, n, 1)
	if got := readyBlocks(r); got != nil || r.Unverified() != 2 {
		t.Fatalf("%v are ready without the index, %d wait", got, r.Unverified())
	}
	r.BlockSupplied(at(2), 2)
	if r.Unverified() != 1 || r.Status().Partial != 1 {
		t.Errorf("%d wait, %d in the pool", r.Unverified(), r.Status().Partial)
	}
	whole(r, l, n, 0)
	if got := readyBlocks(r); !slices.Equal(got, []int{0}) {
		t.Errorf("%v are ready: the index waits for nothing", got)
	}
	r.BlockStored(at(3), 0, recv.Stored)
	r.Known(at(3), []protocol.Range{{First: 1, Count: 2}}, nil)
	if got := readyBlocks(r); !slices.Equal(got, []int{1}) || r.Unverified() != 0 {
		t.Errorf("with the index %v are ready, %d wait", got, r.Unverified())
	}
}

// Blocks of void files, and zeros, are held without coming, whatever of them is here.
func TestBlocksThatEverybodyHolds(t *testing.T) {
	l, r := paged(3, 16)
	r.HandleData(at(1), 1, data(l, 5, 0))
	whole(r, l, 2, 6)
	r.Known(at(2), nil, streamOf(0, 2))
	if got := readyBlocks(r); got != nil || r.Status().Verified != 3 || r.Status().Partial != 0 || r.Unverified() != 0 {
		t.Errorf("%v are ready, %+v", got, r.Status())
	}
	r.Known(at(3), streamOf(2, 1), []protocol.Range{{First: 1, Count: 4}})
	whole(r, l, 9, 7)
	if got := readyBlocks(r); !slices.Equal(got, []int{7}) {
		t.Fatalf("%v are ready", got)
	}
	r.BlockStored(at(4), 7, recv.Stored)
	if !r.Status().Done {
		t.Errorf("with the last block it is not done: %+v", r.Status())
	}
}

// A page is taken once a SYNC says how long it is, asked for once it was sent, and fetched 250 ms later.
func TestPagesAreAskedForAndFetched(t *testing.T) {
	l, r := paged(3, 16)
	r.HandleData(at(1), 1, data(l, 1, 0))
	if d := r.Status().Drops; d.Window != 1 {
		t.Errorf("a page that nobody declared is kept: %+v", d)
	}
	r.HandleSync(at(2), sync(2, 1, len(l), 5))
	r.Declare(at(2), recv.Pages{Count: 2, Front: 0, Lengths: []int{2 * size, 2 * size}})
	r.HandleData(at(2), 2, data(l, 1, 0))
	if f, _, ok := asks(r, at(2), at(200)); ok {
		t.Errorf("a page that is on its way is asked for: %+v", f)
	}
	r.HandleSync(at(200), sync(3, 3, len(l), 5))
	r.Declare(at(200), recv.Pages{Count: 2, Front: 2, Lengths: []int{2 * size, 2 * size}})
	f, when, ok := asks(r, at(200), at(400))
	second := []protocol.Range{{First: 2, Count: 1}}
	if !ok || len(f.NACKs) != 1 || f.NACKs[0].Block != 1 || !slices.Equal(f.Ranges, second) {
		t.Errorf("asked for %+v and %+v", f.NACKs, f.Ranges)
	}
	whole(r, l, 4, 1)
	if got := readyBlocks(r); !slices.Equal(got, []int{1}) {
		t.Errorf("%v are ready at %v", got, when.Sub(start))
	}
	r.BlockStored(at(300), 1, recv.Stored)
	r.HandleTimeout(at(449))
	if es := events(r); len(es) != 0 {
		t.Errorf("too early: %+v", es)
	}
	r.HandleTimeout(at(450))
	if es := events(r); len(es) != 1 || es[0].Kind != recv.CatchUp || !slices.Equal(es[0].Ranges, second) {
		t.Errorf("not fetched: %+v", es)
	}
	r.BlockSupplied(at(460), 2)
	r.HandleTimeout(at(900))
	if es := events(r); len(es) != 0 {
		t.Errorf("fetched again: %+v", es)
	}
}

// A page whose length no SYNC says any more, and one with a wrong signature, are fetched at once.
func TestPagesThatAreFetchedAtOnce(t *testing.T) {
	l, r := paged(3, 16)
	r.HandleSync(at(1), sync(2, 1, len(l), 5))
	r.Declare(at(1), recv.Pages{Count: 3, Front: 3, Lengths: []int{2 * size}})
	r.HandleTimeout(at(1))
	es := events(r)
	if len(es) != 1 || es[0].Kind != recv.CatchUp || !slices.Equal(es[0].Ranges, []protocol.Range{{First: 1, Count: 2}}) {
		t.Fatalf("%+v", es)
	}
	whole(r, l, 2, 3)
	if got := readyBlocks(r); !slices.Equal(got, []int{3}) {
		t.Fatalf("%v are ready", got)
	}
	r.BlockStored(at(2), 3, recv.Mismatch)
	if es := events(r); len(es) != 1 || es[0].Kind != recv.CatchUp || es[0].Ranges[0].First != 3 {
		t.Errorf("%+v", es)
	}
}

// What a SYNC says of pages that cannot be is not heeded.
func TestDeclarationsThatCannotBe(t *testing.T) {
	for name, p := range map[string]recv.Pages{
		"more than there may be": {Count: 5},
		"a front behind them":    {Count: 2, Front: 3},
		"more lengths":           {Count: 1, Lengths: []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			l, r := paged(3, 16)
			r.Declare(at(1), p)
			r.HandleData(at(1), 1, data(l, 1, 0))
			r.HandleTimeout(at(1000))
			if d := r.Status().Drops; d.Window != 1 {
				t.Errorf("%+v", d)
			}
		})
	}
}
