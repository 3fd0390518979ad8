package recv

import (
	"math/bits"
	"time"

	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/protocol"
)

// settledAfter is how long a block is safe from eviction after its latest symbol: a group of
// blocks that just began would otherwise evict itself.
const settledAfter = 250 * time.Millisecond

// usualParity is how many parity symbols a block has room to note at first.
const usualParity = 32

// pool is the partly received blocks: a bounded number of slabs of k symbols each, made when
// first needed and reused for ever.
type pool struct {
	size   int // bytes of a symbol
	maxK   int
	limit  int // slabs
	blocks map[protocol.BlockNumber]*block
	order  []*block // the same, in no order that matters but a reproducible one
	free   []*block
	lists  [][]Symbol // of blocks that were ready
	made   int
}

// block is a partly received block and its slab. A source symbol is stored in the slab at its place
// in the block, so that the complete slab is the block. Parity symbols take the places of missing
// source symbols.
type block struct {
	// Fields that every symbol needs are together, for the cache.
	ready   bool // handed to the driver, or waiting for its page
	k       int
	n       int // symbols held
	high    int // highest parity index seen, -1: none
	cover   int // symbols still to come, by the newest SYNC
	tries   int // asks without an answer
	have    fec.Set
	taken   [4]uint64 // places in slab
	touched time.Time
	slab    []byte

	number  protocol.BlockNumber
	length  int
	place   int // in pool.order
	parity  []parityPlace
	symbols []Symbol // of slab, once ready
	pleas   int      // asks since its digest was wrong
	wrong   int      // symbols that may be wrong since the digest was: 0 none
	basis   fec.Set  // what the slab was made of, then
	more    []Symbol // what came since, in extra
	extra   []byte
	again   time.Time
	asked   time.Time
}

// parityPlace is a parity symbol in the place of a source symbol.
type parityPlace struct {
	index protocol.SymbolIndex
	place uint8
}

func newPool(size, maxK, bytes int) pool {
	return pool{size: size, maxK: maxK, limit: max(bytes/(size*maxK), 4), blocks: make(map[protocol.BlockNumber]*block)}
}

func (b *block) holds(i protocol.SymbolIndex) bool { return b.have.Has(int(i)) }

// needs is how many symbols the block takes: k, and two more for each that may be wrong.
func (b *block) needs() int { return b.k + 2*b.wrong }

func (b *block) deficit() int { return b.needs() - b.n }

// add copies a symbol into the slab; the caller has checked that it is new and fits.
func (b *block) add(i protocol.SymbolIndex, data []byte) {
	if b.wrong > 0 {
		b.addMore(i, data)
		return
	}
	at := int(i)
	if at >= b.k {
		at = b.spare()
		b.parity = append(b.parity, parityPlace{i, uint8(at)})
	} else if b.taken[at/64]&(1<<(at%64)) != 0 {
		b.moveAway(at, len(data))
	}
	b.have.Add(int(i))
	b.put(at, data)
	b.n++
}

// addMore keeps a symbol beside the slab, which holds what the symbols before it gave.
func (b *block) addMore(i protocol.SymbolIndex, data []byte) {
	if b.extra == nil {
		b.extra = make([]byte, 2*fec.MaxWrong*len(data))
	}
	at := len(b.more) * len(data)
	copy(b.extra[at:], data)
	b.more = append(b.more, Symbol{Index: i, Data: b.extra[at : at+len(data)]})
	b.have.Add(int(i))
	b.n++
}

// whole is the event of a block that has all it needs.
func (b *block) whole(size int) Event {
	e := Event{Kind: BlockReady, Block: b.number, Length: b.length, Symbols: b.symbols, Memory: b.slab[:b.k*size]}
	if b.wrong > 0 {
		e.Symbols, e.Suspect, e.Held = b.more, true, b.basis
	}
	return e
}

// suspect returns a block with a wrong digest to the pool: the slab has what its k symbols gave. Two
// more symbols locate one wrong symbol, four two, and so on (docs/protocol.md).
func (p *pool) suspect(b *block) {
	if b.wrong == 0 {
		b.basis = b.have
		p.lists = append(p.lists, b.symbols[:0])
	}
	b.symbols, b.ready = nil, false
	b.wrong = max(1, 2*b.wrong)
}

// put copies a symbol to a place of the slab.
func (b *block) put(at int, data []byte) {
	b.taken[at/64] |= 1 << (at % 64)
	copy(b.slab[at*len(data):], data)
}

// spare is the first free place. There is one as long as the block is not complete.
func (b *block) spare() int {
	for w := range b.taken {
		if free := ^b.taken[w]; free != 0 {
			return w*64 + bits.TrailingZeros64(free)
		}
	}
	return 0 // cannot be
}

// moveAway moves a parity symbol out of the place of a source symbol.
func (b *block) moveAway(at, size int) {
	for i := range b.parity {
		if x := &b.parity[i]; int(x.place) == at {
			to := b.spare()
			b.put(to, b.slab[at*size:(at+1)*size])
			x.place = uint8(to)
			return
		}
	}
}

// list appends the symbols held.
func (b *block) list(out []Symbol, size int) []Symbol {
	add := func(i protocol.SymbolIndex, at int) {
		out = append(out, Symbol{Index: i, Data: b.slab[at*size : (at+1)*size]})
	}
	for j := range b.k {
		if b.holds(protocol.SymbolIndex(j)) {
			add(protocol.SymbolIndex(j), j)
		}
	}
	for _, x := range b.parity {
		add(x.index, int(x.place))
	}
	return out
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
	*b = block{
		number: number, length: length, k: k, slab: b.slab, parity: b.parity[:0], more: b.more[:0], extra: b.extra,
		high: -1, place: len(p.order),
	}
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
	return &block{slab: make([]byte, p.size*p.maxK), parity: make([]parityPlace, 0, usualParity)}
}

// complete marks a block as handed to the driver, with its symbols.
func (p *pool) complete(b *block) {
	if b.wrong > 0 {
		b.ready = true
		return
	}
	var list []Symbol
	if n := len(p.lists); n > 0 {
		list, p.lists = p.lists[n-1], p.lists[:n-1]
	} else {
		list = make([]Symbol, 0, p.maxK)
	}
	b.ready, b.symbols = true, b.list(list, p.size)
}

// release gives a block's slab back.
func (p *pool) release(b *block) {
	last := len(p.order) - 1
	p.order[b.place] = p.order[last]
	p.order[b.place].place = b.place
	p.order[last] = nil
	p.order = p.order[:last]
	delete(p.blocks, b.number)
	if b.symbols != nil {
		p.lists, b.symbols = append(p.lists, b.symbols[:0]), nil
	}
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
