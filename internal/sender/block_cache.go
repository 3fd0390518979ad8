package sender

import (
	"context"
	"fmt"
	"sync"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Bounds of a sender's memory.
const (
	cacheBytes  = 40 << 20 // blocks read from the source, at most …
	cacheFirst  = 6 << 20  // … and to begin with: memory not touched before is slow
	readAhead   = 12       // blocks fetched before they are asked for
	aheadWithin = 16       // how far apart two blocks may be that count as one sweep
)

// cache keeps blocks of the source and the parity rows made of them so far. get is for one goroutine; a second one reads ahead.
type cache struct {
	source BlockSource
	layout *manifest.Layout
	size   int // of a buffer: the longest block, rounded up to whole symbols

	mu      sync.Mutex
	limit   int                // blocks
	most    int                // blocks that limit may grow to
	lost    *protocol.BlockSet // read once, and given up since
	entries map[protocol.BlockNumber]*entry
	clock   uint64
	swept   protocol.BlockNumber // where the sweep that is read ahead has got to
	ahead   chan protocol.BlockNumber
}

// entry is one block. data and err are set when ready closes; rows belongs to get's caller.
type entry struct {
	block protocol.BlockNumber
	buf   []byte
	data  []byte
	err   error
	ready chan struct{}
	used  uint64
	pins  int
	rows  rows
}

func newCache(source BlockSource, layout *manifest.Layout, size int) *cache {
	c := &cache{
		source: source, layout: layout, size: size,
		entries: make(map[protocol.BlockNumber]*entry), ahead: make(chan protocol.BlockNumber, readAhead),
	}
	c.lost = protocol.NewBlockSet(layout.Blocks())
	c.limit = c.room(cacheFirst)
	c.setLimit(cacheBytes)
	return c
}

// room is how many blocks fit; what is read ahead always does.
func (c *cache) room(bytes int) int { return max(bytes/c.size, readAhead+aheadWithin) }

// setLimit bounds the memory.
func (c *cache) setLimit(bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most = c.room(bytes)
	c.limit = min(c.limit, c.most)
}

// again notes that a block given up before has to be read again: repair reaches back further
// than the cache, so it grows.
func (c *cache) again(b protocol.BlockNumber) {
	if c.lost.Remove(b) {
		c.limit = min(c.limit+c.limit/4, c.most)
	}
}

// run reads ahead until ctx ends.
func (c *cache) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-c.ahead:
			e, ours := c.claim(b)
			if ours {
				c.load(e)
			}
			c.release(e)
		}
	}
}

// get gives a block, pinned until release.
func (c *cache) get(b protocol.BlockNumber) (*entry, error) {
	e, ours := c.claim(b)
	if ours {
		c.load(e)
	}
	<-e.ready
	if e.err != nil {
		c.release(e)
		return nil, e.err
	}
	c.sweep(b)
	return e, nil
}

// claim finds or makes a block's entry and pins it; ours says that the caller has to load it.
func (c *cache) claim(b protocol.BlockNumber) (e *entry, ours bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	e = c.entries[b]
	if e == nil {
		c.again(b)
		e = &entry{block: b, buf: c.buffer(), ready: make(chan struct{})}
		c.entries[b] = e
		ours = true
	}
	e.used = c.clock
	e.pins++
	return e, ours
}

func (c *cache) release(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.pins--
}

// buffer takes the one of the block that was not used for longest, or a new one below the
// limit.
func (c *cache) buffer() []byte {
	var buf []byte
	for len(c.entries) >= c.limit {
		e := c.oldest()
		if e == nil {
			break // all are pinned: cannot be for long
		}
		delete(c.entries, e.block)
		c.lost.Add(e.block)
		buf = e.buf
	}
	if buf == nil {
		buf = make([]byte, c.size)
	}
	return buf
}

func (c *cache) oldest() (oldest *entry) {
	for _, e := range c.entries {
		if e.pins == 0 && (oldest == nil || e.used < oldest.used) {
			oldest = e
		}
	}
	return oldest
}

// load reads a block; the source has checked it against its digest.
func (c *cache) load(e *entry) {
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

// sweep asks for the blocks after b if reading goes upwards.
func (c *cache) sweep(b protocol.BlockNumber) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b > c.swept+aheadWithin || b+readAhead <= c.swept {
		if b < c.swept {
			return // a repair behind the sweep
		}
		c.swept = b
	}
	for next := c.swept + 1; next <= b+readAhead; next++ {
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
		c.swept = next
	}
}

// wipe frees everything; the cache is done with.
func (c *cache) wipe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
}
