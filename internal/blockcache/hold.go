package blockcache

import "github.com/groupcast/groupcast/internal/protocol"

// Block is one that is wanted.
type Block struct {
	Number protocol.BlockNumber // in its stream
	Digest protocol.Digest
	Length int
}

// Hold keeps blocks in the cache while they are in use, from before they are there. It is not safe for concurrent use.
type Hold struct {
	space *Space
	names map[name]struct{}
}

// Hold begins one that holds nothing.
func (s *Space) Hold() *Hold { return &Hold{space: s, names: map[name]struct{}{}} }

// Add holds further blocks, all or none of them: a *TooSmallError says that they do not fit beside what else is in use.
func (h *Hold) Add(blocks []Block) error {
	c := h.space.cache
	fresh := make(map[name]uint64, len(blocks))
	for _, b := range blocks {
		n := h.space.name(b.Digest)
		if _, known := h.names[n]; !known {
			fresh[n] = cost(b.Length)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	more := uint64(0)
	for n, cost := range fresh {
		if c.held[n] == nil {
			more += cost
		}
	}
	if c.inUse+more > c.cfg.Quota {
		return &TooSmallError{Needs: c.inUse + more, Quota: c.cfg.Quota}
	}
	for n, cost := range fresh {
		h.names[n] = struct{}{}
		c.take(n, cost)
	}
	return nil
}

func (c *Cache) take(n name, cost uint64) {
	if was := c.held[n]; was != nil {
		was.times++
		return
	}
	c.held[n] = &holding{times: 1, cost: cost}
	c.inUse += cost
	if e := c.blocks[n]; e != nil {
		c.rest(e)
	}
}

// Release lets all of them go: from now on they may be evicted.
func (h *Hold) Release() {
	c := h.space.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := range h.names {
		was := c.held[n]
		if was.times--; was.times > 0 {
			continue
		}
		delete(c.held, n)
		c.inUse -= was.cost
		if e := c.blocks[n]; e != nil && e.busy == nil {
			c.settle(e)
		}
	}
	clear(h.names)
}
