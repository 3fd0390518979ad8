package sender

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Bounds of a sender's memory.
const (
	cacheBytes = 40 << 20 // blocks in memory, at most, of all sessions of an interface together
	cacheFirst = 6 << 20  // blocks in memory at first: touching new memory is slow
	soonBlocks = 24       // blocks that are kept and read because they are sent soon …
	fewest     = 28       // … and blocks for which there is room in any case
	readAhead  = 12       // blocks that are being read at once
	maxReaders = 4
)

// readers is how many goroutines read and compare blocks with their digests. A disk that turns is read in order by
// one; where there are several cores one would be what everything waits for.
func readers() int { return min(max(1, runtime.GOMAXPROCS(0)/2), maxReaders) }

// noBlock stands in an entry that was evicted.
const noBlock = ^protocol.BlockNumber(0)

// blockCache keeps blocks of the source and the parity rows computed of them so far. The session's loop owns it: it
// orders what is to be read and takes what was read, and only it evicts. Readers fill entries that nobody uses yet; one
// that hangs in a read holds nothing up but its block.
type blockCache struct {
	source BlockSource
	symbol int          // bytes
	size   int          // of a buffer: the longest block, rounded up to whole symbols
	most   atomic.Int64 // bytes of blocks that it may grow to
	wake   func()       // called when a block was read

	limit   int                // blocks
	evicted *protocol.BlockSet // read before, and evicted since
	entries map[protocol.BlockNumber]*entry
	clock   uint64      // counts what is called fill
	reading int         // entries that were ordered and not taken
	orders  chan *entry // to be read
	read    chan *entry
}

// entry is one block. Its reader sets data and err; rows is the packetizer's.
type entry struct {
	block  protocol.BlockNumber
	buf    []byte // as data, and zeros to the end of its last symbol
	data   []byte
	err    error
	loaded bool
	used   uint64 // the clock when it was last wanted
	rows   rows
}

func newBlockCache(source BlockSource, blocks, size, symbol int, wake func()) *blockCache {
	c := &blockCache{
		source: source, size: size, symbol: symbol, wake: wake, evicted: protocol.NewBlockSet(blocks),
		entries: make(map[protocol.BlockNumber]*entry),
		orders:  make(chan *entry, readAhead), read: make(chan *entry, readAhead),
	}
	c.limit = c.room(cacheFirst)
	c.setMost(cacheBytes)
	return c
}

// room is how many blocks fit into so many bytes, but no fewer than have to.
func (c *blockCache) room(bytes int) int { return max(bytes/c.size, fewest) }

// setMost sets how many bytes of blocks the cache may grow to. It is safe for concurrent use.
func (c *blockCache) setMost(bytes int) { c.most.Store(int64(bytes)) }

// run reads what is ordered until ctx ends.
func (c *blockCache) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-c.orders:
			if ctx.Err() != nil {
				return
			}
			c.load(e)
			c.read <- e // there is room for all that are ordered
			c.wake()
		}
	}
}

// load reads a block; the source checks it against its digest.
func (c *blockCache) load(e *entry) {
	n, err := c.source.ReadBlock(e.block, e.data)
	switch {
	case err != nil:
		e.err = err
	case n != len(e.data):
		e.err = fmt.Errorf("block %d: %d bytes instead of %d", e.block, n, len(e.data))
	default:
		clear(e.buf[n : protocol.SourceSymbols(n, c.symbol)*c.symbol])
	}
}

// take gives a block that was read since it was called last; false: there is none.
func (c *blockCache) take() (*entry, bool) {
	select {
	case e := <-c.read:
		c.reading--
		e.loaded = true
		return e, true
	default:
		return nil, false
	}
}

// keep notes that a block is wanted soon. It is false if the block is not there, and not ordered.
func (c *blockCache) keep(b protocol.BlockNumber) bool {
	e := c.entries[b]
	if e != nil {
		e.used = c.clock
	}
	return e != nil
}

// order has a block of so many bytes read, which keep did not find. A block that has to go for it is given to gone. It
// is false if there is no room now.
func (c *blockCache) order(b protocol.BlockNumber, length int, gone func(protocol.BlockNumber)) bool {
	if c.reading == readAhead || length > c.size {
		return false
	}
	c.grow(b)
	buf, ok := c.buffer(gone)
	if !ok {
		return false
	}
	e := &entry{block: b, buf: buf, data: buf[:length], used: c.clock}
	c.entries[b] = e
	c.reading++
	c.orders <- e // there is room for all that are ordered
	return true
}

// grow makes the cache larger if a block that was evicted has to be read again: repair reaches back further than the
// cache does.
func (c *blockCache) grow(b protocol.BlockNumber) {
	if c.evicted.Remove(b) {
		c.limit += c.limit / 4
	}
	c.limit = min(c.limit, c.room(int(c.most.Load())))
}

// buffer gives a new buffer while the cache is below its limit, else that of the block that was wanted least recently,
// which is evicted. It is false if all are wanted now, or are being read.
func (c *blockCache) buffer(gone func(protocol.BlockNumber)) ([]byte, bool) {
	var buf []byte
	for len(c.entries) >= c.limit {
		e := c.oldest()
		if e == nil {
			return buf, buf != nil
		}
		delete(c.entries, e.block)
		c.evicted.Add(e.block)
		gone(e.block)
		e.block, buf = noBlock, e.buf
	}
	if buf == nil {
		buf = make([]byte, c.size)
	}
	return buf, true
}

// oldest is the block that was wanted least recently, and not now.
func (c *blockCache) oldest() (oldest *entry) {
	for _, e := range c.entries {
		if e.loaded && e.used < c.clock && (oldest == nil || e.used < oldest.used) {
			oldest = e
		}
	}
	return oldest
}

// forget drops a block that is not to be sent.
func (c *blockCache) forget(e *entry) { delete(c.entries, e.block) }

// get gives a block that is in memory.
func (c *blockCache) get(b protocol.BlockNumber) (*entry, error) {
	e := c.entries[b]
	if e == nil || !e.loaded {
		return nil, fmt.Errorf("block %d is to be sent and was not read", b)
	}
	return e, nil
}

// wipe drops every block; the cache is not used any more.
func (c *blockCache) wipe() { clear(c.entries) }
