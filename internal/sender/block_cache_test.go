package sender

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// countedSource counts how often each block is read.
type countedSource struct {
	*contenttest.Content
	mu    sync.Mutex
	reads map[protocol.BlockNumber]int
}

func (s *countedSource) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	s.mu.Lock()
	s.reads[n]++
	s.mu.Unlock()
	return s.Content.ReadBlock(n, buf)
}

func (s *countedSource) of(n protocol.BlockNumber) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads[n]
}

// cacheRig is a cache without a session.
type cacheRig struct {
	*blockCache
	t    *testing.T
	s    *countedSource
	gone []protocol.BlockNumber
	woke int
}

func newCacheRig(t *testing.T, bytes int) *cacheRig {
	t.Helper()
	s := &countedSource{Content: contenttest.New(t, bytes), reads: map[protocol.BlockNumber]int{}}
	r := &cacheRig{t: t, s: s}
	size := protocol.SourceSymbols(s.Layout.Longest(), protocol.DefaultSymbol) * protocol.DefaultSymbol
	r.blockCache = newBlockCache(s, s.Layout.Blocks(), size, protocol.DefaultSymbol, func() { r.woke++ })
	return r
}

// readOne does what a reader does with the next order.
func readOne(c *blockCache) *entry {
	e := <-c.orders
	c.load(e)
	c.read <- e
	got, _ := c.take()
	return got
}

// want wants a block, and reads it if it is not there. It says whether there is room for it.
func (r *cacheRig) want(n protocol.BlockNumber) bool {
	r.t.Helper()
	r.clock++
	if !r.keep(n) {
		length, _ := r.s.Layout.Length(n)
		if !r.order(n, length, func(b protocol.BlockNumber) { r.gone = append(r.gone, b) }) {
			return false
		}
		if e := readOne(r.blockCache); e.block != n || e.err != nil {
			r.t.Fatalf("block %d: %v", n, e.err)
		}
	}
	if e, err := r.get(n); err != nil || !bytes.Equal(e.data, r.s.Block(n)) {
		r.t.Fatalf("block %d: other bytes, or %v", n, err)
	}
	return true
}

func TestCacheEvictsTheLeastRecentlyWanted(t *testing.T) {
	r := newCacheRig(t, 2*fewest*protocol.BlockSize)
	r.limit = 3
	for _, n := range []protocol.BlockNumber{2, 3, 4, 2, 5} { // 3 has to go
		r.want(n)
	}
	if !slices.Equal(r.gone, []protocol.BlockNumber{3}) || len(r.entries) != 3 {
		t.Errorf("%v are gone, %d are there", r.gone, len(r.entries))
	}
	if _, err := r.get(3); err == nil {
		t.Error("a block is given that was evicted")
	}
	r.want(2)
	if r.s.of(2) != 1 {
		t.Errorf("block 2 was read %d times", r.s.of(2))
	}
}

// A block that is wanted now, or that a reader has, is never evicted, whatever there is no room for then.
func TestCacheKeepsWhatIsWanted(t *testing.T) {
	r := newCacheRig(t, 8*protocol.BlockSize)
	r.limit = 2
	r.want(2)
	r.clock++
	r.keep(2)
	none := func(b protocol.BlockNumber) { t.Errorf("block %d is gone", b) }
	if !r.order(3, protocol.BlockSize, none) || r.order(4, protocol.BlockSize, none) {
		t.Error("there is room for more than one other block")
	}
	if !r.keep(3) || r.keep(4) {
		t.Error("another block was ordered")
	}
	if _, err := r.get(3); err == nil {
		t.Error("a block is given that is being read")
	}
	r.clock++ // 2 is not wanted any more, 3 is being read
	gone := func(b protocol.BlockNumber) { r.gone = append(r.gone, b) }
	if !r.order(4, protocol.BlockSize, gone) || !slices.Equal(r.gone, []protocol.BlockNumber{2}) {
		t.Errorf("%v are gone", r.gone)
	}
	r.clock++
	if r.order(5, protocol.BlockSize, none) {
		t.Error("a block was ordered in place of one that is being read")
	}
}

// No more is ordered than readers may have at once.
func TestCacheOrdersAreBounded(t *testing.T) {
	r := newCacheRig(t, 2*fewest*protocol.BlockSize)
	r.clock++
	n := 0
	for b := protocol.BlockNumber(2); r.order(b, protocol.BlockSize, func(protocol.BlockNumber) {}); b++ {
		n++
	}
	if n != readAhead || r.reading != n {
		t.Errorf("%d blocks are ordered, %d are being read", n, r.reading)
	}
	for range n {
		if e := readOne(r.blockCache); e.err != nil {
			t.Error(e.err)
		}
	}
	if _, more := r.take(); more || r.reading != 0 {
		t.Errorf("%d blocks are being read", r.reading)
	}
}

// A block that has to be read again makes the cache larger, up to its maximum.
func TestCacheGrowsForRepair(t *testing.T) {
	r := newCacheRig(t, 3*fewest*protocol.BlockSize)
	r.limit = 4
	for range 20 {
		for n := protocol.BlockNumber(2); n < 3*fewest; n++ {
			r.want(n)
		}
	}
	if most := r.room(cacheFirst * 2); r.limit < 2*fewest || len(r.entries) > r.limit {
		t.Errorf("the limit is %d blocks, %d are there; %d are the most", r.limit, len(r.entries), most)
	}
	r.setMost(0)
	r.evicted.Add(1)
	r.want(1)
	if r.limit != fewest || len(r.entries) > fewest {
		t.Errorf("without memory the limit is %d blocks, and %d are there", r.limit, len(r.entries))
	}
	r.wipe()
	if len(r.entries) != 0 {
		t.Errorf("%d blocks are left", len(r.entries))
	}
}

// shortSource gives one byte less than there is.
type shortSource struct{ *contenttest.Content }

func (s shortSource) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	got, err := s.Content.ReadBlock(n, buf)
	return got - 1, err
}

func TestCacheRefusesBlocks(t *testing.T) {
	content := contenttest.New(t, 1<<20)
	content.FailAt = 3
	for _, c := range []struct {
		name   string
		source BlockSource
		block  protocol.BlockNumber
		want   error
	}{
		{"that the source refuses", content, 3, contenttest.ErrSource},
		{"that are too short", shortSource{content}, 2, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			cache := newBlockCache(c.source, content.Layout.Blocks(), 231_000, protocol.DefaultSymbol, func() {})
			if cache.order(1, 231_001, nil) {
				t.Error("a block that is longer than any was ordered")
			}
			cache.clock++
			cache.order(c.block, protocol.BlockSize, nil)
			if e := readOne(cache); e.err == nil || c.want != nil && !errors.Is(e.err, c.want) {
				t.Errorf("got %v", e.err)
			}
		})
	}
}
