package skeleton

import (
	"fmt"
	"iter"
	"slices"
	"sort"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Extent is a run of bytes of one file.
type Extent struct {
	Entry  uint32
	Offset uint64
	Length int
}

// Cut is how the content of a skeleton's files is cut into blocks of the stream: the small files one after
// another, then each large one from a block of its own. It never changes once it is whole.
type Cut struct {
	size       int // of a block
	bigFrom    uint64
	small, big class
	firstBig   []uint32 // block of each large file, and one more, their end
	files      int      // that have to be finished, empty ones included
	empty      []uint32 // entries without a byte
}

// class is the files of one kind, in the order of the stream.
type class struct {
	entry []uint32
	end   []uint64 // offset in the stream at which each ends
}

// NewCut begins a cut by the rules of cutter 1; add the entries in their order, then Close.
func NewCut() *Cut { return NewCutOf(protocol.BlockSize, manifest.BigFile) }

// NewCutOf begins a cut with blocks of another size, for tests that cannot afford the real ones.
func NewCutOf(block int, bigFrom uint64) *Cut { return &Cut{size: block, bigFrom: bigFrom} }

// Add takes entry number i.
func (c *Cut) Add(i int, e *Entry) {
	if e.Kind != manifest.KindFile {
		return
	}
	c.files++
	k := &c.small
	switch n := e.Stored(); {
	case n == 0:
		c.empty = append(c.empty, uint32(i))
		return
	case n >= c.bigFrom:
		k = &c.big
	}
	k.entry = append(k.entry, uint32(i))
	k.end = append(k.end, k.bytes()+e.Stored())
}

func (k *class) bytes() uint64 {
	if len(k.end) == 0 {
		return 0
	}
	return k.end[len(k.end)-1]
}

// start is where a file begins.
func (k *class) start(i int) uint64 {
	if i == 0 {
		return 0
	}
	return k.end[i-1]
}

// Close ends the cut. It fails if there are more blocks than a transfer may have.
func (c *Cut) Close() error {
	n := c.blocksOf(c.small.bytes())
	for i := range c.big.entry {
		if n > protocol.MaxBlocks {
			break
		}
		c.firstBig = append(c.firstBig, uint32(n))
		n += c.blocksOf(c.big.end[i] - c.big.start(i))
	}
	if n > protocol.MaxBlocks {
		return fmt.Errorf("the files are more than the %d blocks that one transfer can have", protocol.MaxBlocks)
	}
	c.firstBig = append(c.firstBig, uint32(n))
	return nil
}

func (c *Cut) blocksOf(bytes uint64) uint64 { return (bytes + uint64(c.size) - 1) / uint64(c.size) }

// Blocks is the number of blocks, Bytes the length of the stream, Files how many files there are, empty ones
// included.
func (c *Cut) Blocks() int { return int(c.firstBig[len(c.firstBig)-1]) }

// Bytes is the length of the stream.
func (c *Cut) Bytes() uint64 { return c.small.bytes() + c.big.bytes() }

// Files is how many files there are.
func (c *Cut) Files() int { return c.files }

// Block gives a block's offset in the stream and its length; one behind the last block begins at the end.
func (c *Cut) Block(b uint32) (offset uint64, length int) {
	size, small := uint64(c.size), c.small.bytes()
	if b >= uint32(c.Blocks()) {
		return c.Bytes(), 0
	}
	if b < c.firstBig[0] {
		at := uint64(b) * size
		return at, int(min(size, small-at))
	}
	i := c.bigOf(b)
	at := c.big.start(i) + uint64(b-c.firstBig[i])*size
	return small + at, int(min(size, c.big.end[i]-at))
}

// bigOf is the large file that a block holds bytes of.
func (c *Cut) bigOf(b uint32) int {
	return sort.Search(len(c.big.entry), func(i int) bool { return c.firstBig[i+1] > b })
}

// File gives the blocks that hold an entry's content, from first to before end; none of a file without bytes.
// false: it is no file.
func (c *Cut) File(entry uint32) (first, end uint32, ok bool) {
	if i, found := slices.BinarySearch(c.small.entry, entry); found {
		size := uint64(c.size)
		return uint32(c.small.start(i) / size), uint32((c.small.end[i]-1)/size) + 1, true
	}
	if i, found := slices.BinarySearch(c.big.entry, entry); found {
		return c.firstBig[i], c.firstBig[i+1], true
	}
	_, found := slices.BinarySearch(c.empty, entry)
	return 0, 0, found
}

// Span gives where in the stream an entry's content begins, and how long it is. false: it is no file.
func (c *Cut) Span(entry uint32) (offset, length uint64, ok bool) {
	if i, found := slices.BinarySearch(c.small.entry, entry); found {
		return c.small.start(i), c.small.end[i] - c.small.start(i), true
	}
	if i, found := slices.BinarySearch(c.big.entry, entry); found {
		return c.small.bytes() + c.big.start(i), c.big.end[i] - c.big.start(i), true
	}
	_, found := slices.BinarySearch(c.empty, entry)
	return 0, 0, found
}

// Shared says whether a block may hold bytes of several files.
func (c *Cut) Shared(b uint32) bool { return b < c.firstBig[0] }

// Runs goes through the runs of bytes that a block holds. Of files of a byte there are 230,400.
func (c *Cut) Runs(b uint32) iter.Seq[Extent] {
	return func(yield func(Extent) bool) {
		if b >= uint32(c.Blocks()) {
			return
		}
		at, length := c.Block(b)
		if !c.Shared(b) {
			i := c.bigOf(b)
			yield(Extent{c.big.entry[i], at - c.small.bytes() - c.big.start(i), length})
			return
		}
		i := sort.Search(len(c.small.entry), func(i int) bool { return c.small.end[i] > at })
		for end := at + uint64(length); at < end; i++ {
			n := min(end, c.small.end[i]) - at
			if !yield(Extent{c.small.entry[i], at - c.small.start(i), int(n)}) {
				return
			}
			at += n
		}
	}
}

// Extents appends the runs of bytes that a block holds.
func (c *Cut) Extents(dst []Extent, b uint32) []Extent { return slices.AppendSeq(dst, c.Runs(b)) }

// InOrder calls f for every file in the order in which the stream holds their last bytes: empty ones first.
func (c *Cut) InOrder(f func(entry uint32)) {
	for _, list := range [][]uint32{c.empty, c.small.entry, c.big.entry} {
		for _, e := range list {
			f(e)
		}
	}
}

// Place gives where a file's content begins in the stream, and its length; false: it is no file.
func (c *Cut) Place(entry uint32) (offset, size uint64, ok bool) {
	if i, found := slices.BinarySearch(c.small.entry, entry); found {
		return c.small.start(i), c.small.end[i] - c.small.start(i), true
	}
	if i, found := slices.BinarySearch(c.big.entry, entry); found {
		return c.small.bytes() + c.big.start(i), c.big.end[i] - c.big.start(i), true
	}
	_, found := slices.BinarySearch(c.empty, entry)
	return 0, 0, found
}

// Small is how many bytes of the stream are of small files: its beginning.
func (c *Cut) Small() uint64 { return c.small.bytes() }
