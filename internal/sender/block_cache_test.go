package sender

import (
	"bytes"
	"context"
	"errors"
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

func newCountedCache(t *testing.T, bytes int) (*blockCache, *countedSource) {
	t.Helper()
	s := &countedSource{Content: contenttest.New(t, bytes), reads: map[protocol.BlockNumber]int{}}
	return newBlockCache(s, s.Layout, s.Layout.Longest()), s
}

// use gets a block and gives it back.
func use(t *testing.T, c *blockCache, s *countedSource, n protocol.BlockNumber) {
	t.Helper()
	e, err := c.get(n)
	if err != nil {
		t.Fatalf("block %d: %v", n, err)
	}
	if !bytes.Equal(e.data, s.Block(n)) {
		t.Fatalf("block %d: other bytes", n)
	}
	c.release(e)
}

func TestCacheEvictsTheLeastRecentlyUsed(t *testing.T) {
	c, s := newCountedCache(t, 2*(readAhead+aheadWithin)*protocol.BlockSize)
	c.limit, c.maximum = 3, 3
	for _, n := range []protocol.BlockNumber{2, 3, 4, 2, 5} { // 3 has to go
		use(t, c, s, n)
	}
	if len(c.entries) != 3 || c.entries[3] != nil || c.entries[2] == nil {
		t.Errorf("kept %d blocks", len(c.entries))
	}
	use(t, c, s, 2)
	use(t, c, s, 3)
	if s.of(2) != 1 || s.of(3) != 2 {
		t.Errorf("block 2 was read %d times, block 3 %d times", s.of(2), s.of(3))
	}
}

func TestCacheNeverEvictsAPinnedBlock(t *testing.T) {
	c, s := newCountedCache(t, 8*protocol.BlockSize)
	c.limit, c.maximum = 1, 1
	held, err := c.get(2)
	if err != nil {
		t.Fatal(err)
	}
	use(t, c, s, 3)
	use(t, c, s, 4)
	if c.entries[2] != held || !bytes.Equal(held.data, s.Block(2)) {
		t.Error("the pinned block was evicted or overwritten")
	}
	c.release(held)
}

// TestCacheGrowsForRepair: a block that has to be read again makes the cache larger, up to its maximum.
func TestCacheGrowsForRepair(t *testing.T) {
	c, s := newCountedCache(t, 12*protocol.BlockSize)
	c.limit, c.maximum = 4, 6
	for range 3 {
		for n := protocol.BlockNumber(2); n < 12; n++ {
			use(t, c, s, n)
		}
	}
	if c.limit != c.maximum {
		t.Errorf("the limit is %d blocks", c.limit)
	}
	c.setLimit(0)
	if least := c.room(0); c.limit > least || least < readAhead {
		t.Errorf("the limit is %d blocks, room for none are %d", c.limit, least)
	}
}

func TestCacheReadsAheadOnce(t *testing.T) {
	c, s := newCountedCache(t, 20*protocol.BlockSize) // nothing is evicted
	ctx, cancel := context.WithCancel(t.Context())
	var ahead sync.WaitGroup
	ahead.Go(func() { c.run(ctx) })
	for n := range protocol.BlockNumber(s.Layout.Blocks()) {
		use(t, c, s, n)
	}
	cancel()
	ahead.Wait()
	for n := range protocol.BlockNumber(s.Layout.Blocks()) {
		if s.of(n) != 1 {
			t.Errorf("block %d was read %d times", n, s.of(n))
		}
	}
	c.wipe()
	if len(c.entries) != 0 {
		t.Errorf("%d blocks are left", len(c.entries))
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
		{"that do not exist", content, 1000, nil},
		{"that are too short", shortSource{content}, 2, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			cache := newBlockCache(c.source, content.Layout, content.Layout.Longest())
			e, err := cache.get(c.block)
			if err == nil || e != nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, %v", e, err)
			}
		})
	}
}
