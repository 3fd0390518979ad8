package pages

import (
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// extend takes the next page of the chain, whose signature is good.
func (b *Book) extend(p *format2.Page) (Change, *Fault) {
	if err := b.follows(p); err != nil {
		return Change{}, err
	}
	if err := b.listVoid(p); err != nil {
		return Change{}, err
	}
	if !skips(b.cut, b.void, b.end, p.FirstBlock) {
		return Change{}, fault(FaultChain, p.Number, "it leaves out blocks of files that are not void")
	}
	end := p.FirstBlock + uint32(len(p.Leaves))
	length := b.bytes
	for i := p.FirstBlock; i < end; i++ {
		_, n := b.cut.Block(i)
		length += uint64(n)
	}
	if err := b.listFinished(p, end); err != nil {
		return Change{}, err
	}
	blocks, files := b.blocks+uint32(len(p.Leaves)), b.files+uint32(len(p.Finished)+len(p.Void))
	switch {
	case p.Blocks != blocks || p.Bytes != length || p.Files != files:
		return Change{}, fault(FaultChain, p.Number, "its sums are not those of the pages so far")
	case p.Final != (int(files) == b.cut.Files()):
		return Change{}, fault(FaultChain, p.Number, "it should be the final page, or should not")
	}
	c := Change{Finished: p.Finished, Void: p.Void}
	b.end, b.blocks, b.bytes, b.files = end, blocks, length, files
	if len(p.Leaves) > 0 {
		b.leaves = append(b.leaves, stretch{p.FirstBlock, p.Leaves})
	}
	b.sort(&c, p)
	return c, nil
}

// follows compares a page with the one before it.
func (b *Book) follows(p *format2.Page) *Fault {
	var before protocol.Digest
	if n := len(b.digests); n > 0 {
		before = b.digests[n-1]
	}
	end := uint64(p.FirstBlock) + uint64(len(p.Leaves))
	switch {
	case b.Final():
		return fault(FaultChain, p.Number, "it comes after the final page")
	case p.Previous != before:
		return fault(FaultChain, p.Number, "it follows another page than the one before it")
	case p.FirstBlock < b.end || len(p.Leaves) == 0 && p.FirstBlock != b.end || end > uint64(b.cut.Blocks()):
		return fault(FaultChain, p.Number, "it covers blocks %d to %d after those below %d", p.FirstBlock, end, b.end)
	case len(p.Leaves)+len(p.Finished)+len(p.Void) == 0 && !p.Final:
		return fault(FaultChain, p.Number, "it says nothing")
	}
	if offset, _ := b.cut.Block(p.FirstBlock); offset != p.FirstOffset {
		return fault(FaultChain, p.Number, "its blocks are cut otherwise")
	}
	return nil
}

func (b *Book) listVoid(p *format2.Page) *Fault {
	for _, f := range p.Void {
		if _, _, ok := b.cut.File(f.Entry); !ok || b.finished.Has(protocol.BlockNumber(f.Entry)) ||
			!b.void.Add(protocol.BlockNumber(f.Entry)) {
			return fault(FaultChain, p.Number, "entry %d is no file, or was listed before", f.Entry)
		}
	}
	return nil
}

// listFinished takes the files that are finished once the blocks below end are covered.
func (b *Book) listFinished(p *format2.Page, end uint32) *Fault {
	for _, f := range p.Finished {
		switch _, last, ok := b.cut.File(f.Entry); {
		case !ok || b.void.Has(protocol.BlockNumber(f.Entry)) || !b.finished.Add(protocol.BlockNumber(f.Entry)):
			return fault(FaultChain, p.Number, "entry %d is no file, or was listed before", f.Entry)
		case last > end:
			return fault(FaultChain, p.Number, "entry %d is finished before its last block", f.Entry)
		}
	}
	return nil
}

// skips says whether the blocks from first to before end have bytes of void files only.
func skips(cut *skeleton.Cut, void *protocol.BlockSet, first, end uint32) bool {
	for first < end {
		at := first
		first++
		for x := range cut.Runs(at) {
			if !void.Has(protocol.BlockNumber(x.Entry)) {
				return false
			}
			if !cut.Shared(at) {
				_, first, _ = cut.File(x.Entry) // a large file is void as a whole
			}
		}
	}
	return true
}

// sort says which of a page's blocks have to come, and which everybody holds: all of large void files, and zeros.
func (b *Book) sort(c *Change, p *format2.Page) {
	next := uint32(0)
	for _, f := range p.Void {
		first, end, _ := b.cut.File(f.Entry)
		if first < end && !b.cut.Shared(first) {
			c.Held = addRange(c.Held, first, end)
			continue
		}
		for next = max(next, first); next < end; next++ {
			if skips(b.cut, b.void, next, next+1) {
				c.Held = addRange(c.Held, next, next+1)
			}
		}
	}
	for i, leaf := range p.Leaves {
		block := p.FirstBlock + uint32(i)
		if b.holds(block, leaf) {
			c.Held = addRange(c.Held, block, block+1)
		} else {
			c.Ready = addRange(c.Ready, block, block+1)
		}
	}
}

// holds says whether everybody holds a block: it has bytes of void files only, or zeros of a large one.
func (b *Book) holds(block uint32, leaf protocol.Digest) bool {
	if b.void.Count() > 0 && skips(b.cut, b.void, block, block+1) {
		return true
	}
	if b.cut.Shared(block) {
		return false
	}
	_, n := b.cut.Block(block)
	return b.zeros.is(n, leaf)
}

// zeroBudget bounds the bytes that are hashed to know what blocks of zeros look like.
const zeroBudget = 4 << 20

// zeroDigests are the digests of blocks of zeros, by length. They are computed until the budget is used up: that
// of whole blocks first, which nearly all are.
type zeroDigests struct {
	known map[int]protocol.Digest
	spent int
}

func (z *zeroDigests) is(n int, leaf protocol.Digest) bool {
	zero, ok := z.known[n]
	if !ok {
		if z.spent+n > zeroBudget {
			return false
		}
		z.spent += n
		zero = format2.LeafDigest(make([]byte, n))
		if z.known == nil {
			z.known = make(map[int]protocol.Digest)
		}
		z.known[n] = zero
	}
	return zero == leaf
}
