package recv

import (
	"math/bits"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// settledAfter is how long a block is safe from eviction after its latest symbol: a group of
// blocks that just began would otherwise evict itself.
const settledAfter = 250 * time.Millisecond

// pool is the half-received blocks: a bounded number of slabs of k symbols each, made when
// first needed and reused for ever.
type pool struct {
	size   int // bytes of a symbol
	maxK   int
	limit  int // slabs
	blocks map[protocol.BlockNumber]*block
	order  []*block // the same, in no order that matters but a reproducible one
	free   []*block
	made   int
}

// block is a half-received block and its slab, in which a source symbol lies where it lies in
// the block: once all are there the slab is the block. Parity symbols take the places of
// source symbols that are missing.
type block struct {
	number  protocol.BlockNumber
	length  int
	k       int
	n       int // symbols held
	have    [4]uint64
	taken   [4]uint64 // places in slab
	symbols []Symbol  // of slab, in the order of arrival
	slab    []byte
	place   int // in pool.order
	high    int // highest parity index seen, -1: none
	cover   int // symbols still to come, by the newest SYNC
	tries   int // asks without an answer
	again   time.Time
	asked   time.Time
	touched time.Time
	ready   bool // handed to the driver
}

func newPool(size, maxK, bytes int) pool {
	return pool{size: size, maxK: maxK, limit: max(bytes/(size*maxK), 4), blocks: make(map[protocol.BlockNumber]*block)}
}

func (b *block) holds(i protocol.SymbolIndex) bool { return b.have[i/64]&(1<<(i%64)) != 0 }

func (b *block) deficit() int { return b.k - b.n }

// add copies a symbol into the slab; the caller has checked that it is new and fits.
func (b *block) add(i protocol.SymbolIndex, data []byte) {
	at := int(i)
	if at >= b.k {
		at = b.spare()
	} else if b.taken[at/64]&(1<<(at%64)) != 0 {
		b.moveAway(at, len(data))
	}
	b.have[i/64] |= 1 << (i % 64)
	b.symbols = append(b.symbols, Symbol{Index: i, Data: b.put(at, data)})
	b.n++
}

// put copies a symbol to a place of the slab.
func (b *block) put(at int, data []byte) []byte {
	b.taken[at/64] |= 1 << (at % 64)
	dst := b.slab[at*len(data) : (at+1)*len(data)]
	copy(dst, data)
	return dst
}

// spare is the first place that nothing lies in. There is one as long as the block is not
// complete: of k places n are taken.
func (b *block) spare() int {
	for w := range b.taken {
		if free := ^b.taken[w]; free != 0 {
			return w*64 + bits.TrailingZeros64(free)
		}
	}
	return 0 // cannot be
}

// moveAway makes room for a source symbol where parity lies.
func (b *block) moveAway(at, size int) {
	for s := range b.symbols {
		if x := &b.symbols[s]; &x.Data[0] == &b.slab[at*size] {
			x.Data = b.put(b.spare(), x.Data)
			return
		}
	}
}

// missing marks the source symbols that are not held, lowest bit first.
func (b *block) missing() (m [25]byte) {
	for j := 0; j < b.k; j++ {
		if !b.holds(protocol.SymbolIndex(j)) {
			m[j/8] |= 1 << (j % 8)
		}
	}
	return m
}

// begin takes a slab for a block, or nil: no room. It never evicts; see victim.
func (p *pool) begin(number protocol.BlockNumber, length, k int) *block {
	b := p.take()
	if b == nil {
		return nil
	}
	slab, symbols := b.slab, b.symbols[:0]
	*b = block{number: number, length: length, k: k, slab: slab, symbols: symbols, high: -1, place: len(p.order)}
	p.blocks[number] = b
	p.order = append(p.order, b)
	return b
}

func (p *pool) take() *block {
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	}
	if p.made == p.limit {
		return nil
	}
	p.made++
	return &block{slab: make([]byte, p.size*p.maxK), symbols: make([]Symbol, 0, p.maxK)}
}

// release gives a block's slab back.
func (p *pool) release(b *block) {
	last := len(p.order) - 1
	p.order[b.place] = p.order[last]
	p.order[b.place].place = b.place
	p.order[last] = nil
	p.order = p.order[:last]
	delete(p.blocks, b.number)
	p.free = append(p.free, b)
}

// waiting says whether most of the pool is whole blocks that wait for the disk.
func (p *pool) waiting() bool {
	n := 0
	for _, b := range p.order {
		if b.ready {
			n++
		}
	}
	return 2*n > p.limit
}

// victim is the block with the fewest symbols that may be evicted (security.md I8).
func (p *pool) victim(now time.Time) *block {
	var v *block
	for _, b := range p.order {
		if b.ready || now.Sub(b.touched) < settledAfter {
			continue
		}
		if v == nil || b.n < v.n || b.n == v.n && b.number < v.number {
			v = b
		}
	}
	return v
}
