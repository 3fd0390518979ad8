package sender

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Bounds of a sender's memory.
const (
	cacheBytes  = 40 << 20 // blocks in memory, at most, of all sessions of an interface together
	cacheFirst  = 6 << 20  // blocks in memory at first: touching new memory is slow
	readAhead   = 12       // blocks read before they are asked for
	aheadWithin = 16       // how far a request may jump ahead and still count as sequential reading
	maxReaders  = 4
)

// readers is how many goroutines read ahead and compare blocks with their digests. A disk that turns is read in
// order by one; where there are several cores one would be what everything waits for.
func readers() int { return min(max(1, runtime.GOMAXPROCS(0)/2), maxReaders) }

// blockCache keeps blocks of the source and the parity rows computed of them so far. One goroutine
// calls get; others run run and read ahead.
type blockCache struct {
	source BlockSource
	layout *manifest.Layout
	size   int // of a buffer: the longest block, rounded up to whole symbols

	mu      sync.Mutex
	limit   int                // blocks
	maximum int                // blocks that limit may grow to
	evicted *protocol.BlockSet // read before, and evicted since
	entries map[protocol.BlockNumber]*entry
	clock   uint64                    // counts requests, for finding the least recently used block
	queued  protocol.BlockNumber      // the last block queued for reading ahead
	ahead   chan protocol.BlockNumber // blocks to read ahead
}

// entry is one block. data and err are set before ready is closed; rows belongs to the caller of get.
type entry struct {
	block protocol.BlockNumber
	buf   []byte
	data  []byte
	err   error
	ready chan struct{}
	used  uint64 // the clock at the last request
	pins  int    // not evicted while above 0
	rows  rows
}

func newBlockCache(source BlockSource, layout *manifest.Layout, size int) *blockCache {
	c := &blockCache{
		source: source, layout: layout, size: size,
		entries: make(map[protocol.BlockNumber]*entry), ahead: make(chan protocol.BlockNumber, readAhead),
	}
	c.evicted = protocol.NewBlockSet(layout.Blocks())
	c.limit = c.room(cacheFirst)
	c.setLimit(cacheBytes)
	return c
}

// room is how many blocks fit into so many bytes, but no fewer than are read ahead.
func (c *blockCache) room(bytes int) int { return max(bytes/c.size, readAhead+aheadWithin) }

// setLimit sets how many bytes of blocks the cache may grow to.
func (c *blockCache) setLimit(bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.maximum = c.room(bytes)
	c.limit = min(c.limit, c.maximum)
}

// grow makes the cache larger if a block that was evicted has to be read again: repair reaches back
// further than the cache does.
func (c *blockCache) grow(b protocol.BlockNumber) {
	if c.evicted.Remove(b) {
		c.limit = min(c.limit+c.limit/4, c.maximum)
	}
}

// run reads ahead until ctx ends.
func (c *blockCache) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-c.ahead:
			e, created := c.claim(b)
			if created {
				c.load(e)
			}
			c.release(e)
		}
	}
}

// get gives a block, pinned until release.
func (c *blockCache) get(b protocol.BlockNumber) (*entry, error) {
	e, created := c.claim(b)
	if created {
		c.load(e)
	}
	<-e.ready
	if e.err != nil {
		c.release(e)
		return nil, e.err
	}
	c.readOn(b)
	return e, nil
}

// claim finds or makes a block's entry and pins it; created says that the caller has to load it.
func (c *blockCache) claim(b protocol.BlockNumber) (e *entry, created bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	e = c.entries[b]
	if e == nil {
		c.grow(b)
		e = &entry{block: b, buf: c.buffer(), ready: make(chan struct{})}
		c.entries[b] = e
		created = true
	}
	e.used = c.clock
	e.pins++
	return e, created
}

func (c *blockCache) release(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.pins--
}

// buffer gives a new buffer while the cache is below its limit, else that of the least recently
// used block, which is evicted.
func (c *blockCache) buffer() []byte {
	var buf []byte
	for len(c.entries) >= c.limit {
		e := c.oldest()
		if e == nil {
			break // all are pinned, which does not last
		}
		delete(c.entries, e.block)
		c.evicted.Add(e.block)
		buf = e.buf
	}
	if buf == nil {
		buf = make([]byte, c.size)
	}
	return buf
}

func (c *blockCache) oldest() (oldest *entry) {
	for _, e := range c.entries {
		if e.pins == 0 && (oldest == nil || e.used < oldest.used) {
			oldest = e
		}
	}
	return oldest
}

// load reads a block; the source checks it against its digest.
func (c *blockCache) load(e *entry) {
	defer close(e.ready)
	length, ok := c.layout.Length(e.block)
	if !ok || length > len(e.buf) {
		e.err = fmt.Errorf("block %d: no such block", e.block)
		return
	}
	n, err := c.source.ReadBlock(e.block, e.buf[:length])
	if err != nil {
		e.err = err
		return
	}
	if n != length {
		e.err = fmt.Errorf("block %d: %d bytes instead of %d", e.block, n, length)
		return
	}
	clear(e.buf[length:])
	e.data = e.buf[:length]
}

// readOn queues the blocks after b for reading ahead if reading is sequential.
func (c *blockCache) readOn(b protocol.BlockNumber) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b > c.queued+aheadWithin || b+readAhead <= c.queued {
		if b < c.queued {
			return // a repair, behind what is read in sequence
		}
		c.queued = b
	}
	for next := c.queued + 1; next <= b+readAhead; next++ {
		if _, ok := c.layout.Length(next); !ok {
			return
		}
		if c.entries[next] == nil {
			select {
			case c.ahead <- next:
			default:
				return
			}
		}
		c.queued = next
	}
}

// wipe drops every block; the cache is not used any more.
func (c *blockCache) wipe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
}
