package manifest

import (
	"errors"
	"fmt"
	"sort"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Encoded is a manifest as it travels: its bytes, the index block and the index digest.
type Encoded struct {
	Manifest []byte
	Index    []byte
	Root     protocol.Digest // index digest: stands in the offer and in receipts
}

// Encode makes the travelling form of a manifest.
func Encode(m *Manifest) *Encoded {
	raw := m.Append(make([]byte, 0, m.encodedBytes()))
	index := indexOf(raw)
	return &Encoded{Manifest: raw, Index: index, Root: IndexDigest(index)}
}

// indexOf gives the digests of the blocks of a manifest's bytes.
func indexOf(raw []byte) []byte {
	index := make([]byte, 0, protocol.SourceSymbols(len(raw), protocol.BlockSize)*digestBytes)
	for at := 0; at < len(raw); at += protocol.BlockSize {
		d := LeafDigest(raw[at:min(len(raw), at+protocol.BlockSize)])
		index = append(index, d[:]...)
	}
	return index
}

// Extent is a run of bytes of one file.
type Extent struct {
	File   int // index in Manifest.Files
	Offset uint64
	Length int
}

// Layout says for the blocks of a session (0 the index, then the manifest, then the stream)
// how long they are, what digest they have and which bytes of which file they hold. It never
// changes; all methods are safe for concurrent use and none but Extents allocates.
type Layout struct {
	bounds
	root  protocol.Digest
	raw   int    // bytes of the manifest
	index []byte // digests of the manifest's blocks; nil: not known
	m     *Manifest

	// With the manifest: where each block and each file begins in the packed stream, and one
	// more, its end.
	blockAt []uint64
	fileAt  []uint64
	longest int
	void    *protocol.BlockSet // blocks of zeros
}

// bounds are what an offer allows its manifest.
type bounds struct {
	total  uint64
	files  uint32
	blocks uint32
	length int // of a block
}

// NewLayout is what is known from an offer alone: the lengths of the index and manifest blocks, and
// the digest of the index.
func NewLayout(o wire.Offer) (*Layout, error) {
	if o.ManifestBytes < uint64(headBytes) || o.ManifestBytes > protocol.MaxManifestBytes {
		return nil, fmt.Errorf("an offer with a manifest of %d bytes", o.ManifestBytes)
	}
	if n := protocol.SourceSymbols(int(o.ManifestBytes), protocol.BlockSize); int(o.ManifestBlocks) != n {
		return nil, fmt.Errorf("an offer with a manifest of %d bytes in %d blocks", o.ManifestBytes, o.ManifestBlocks)
	}
	if o.Blocks > protocol.MaxBlocks || o.Files > protocol.MaxFiles {
		return nil, fmt.Errorf("an offer of %d files in %d blocks: too large", o.Files, o.Blocks)
	}
	l := &Layout{root: o.IndexDigest, raw: int(o.ManifestBytes)}
	l.bounds = bounds{o.TotalBytes, o.Files, o.Blocks, int(o.SymbolSize) * min(int(o.MaxK), protocol.MaxSourceSymbols)}
	l.longest = l.headLongest()
	if l.longest > l.length {
		return nil, fmt.Errorf("an offer with %d symbols of %d bytes: too few for its blocks", o.MaxK, o.SymbolSize)
	}
	return l, nil
}

// LayoutOf is the whole layout of a manifest, as the server knows it. The manifest has been
// checked.
func LayoutOf(m *Manifest) (*Layout, *Encoded) {
	e := Encode(m)
	l := &Layout{root: e.Root, raw: len(e.Manifest), index: e.Index}
	l.bounds = bounds{m.StreamLength(), uint32(len(m.Files)), uint32(len(m.Blocks)), protocol.MaxBlockLength}
	l.take(m)
	return l, e
}

// WithIndex adds the digests of the manifest's blocks, once block 0 is there. It checks them.
func (l *Layout) WithIndex(index []byte) (*Layout, error) {
	if len(index) != l.manifestBlocks()*digestBytes || IndexDigest(index) != l.root {
		return nil, errors.New("this is not the index that the offer names")
	}
	out := *l
	out.index = append([]byte(nil), index...)
	return &out, nil
}

// WithManifest checks the manifest's canonical bytes against the offer's index digest and
// limits, parses them and gives the whole layout.
func (l *Layout) WithManifest(raw []byte) (*Layout, error) {
	index := indexOf(raw)
	if len(raw) != l.raw || IndexDigest(index) != l.root {
		return nil, ErrOther
	}
	m := &Manifest{}
	head, err := decode(&sliceInput{raw}, into(m))
	if err == nil {
		err = l.promised(head)
	}
	if err != nil {
		return nil, err
	}
	return l.with(m, index), nil
}

// with is l with a manifest that was checked.
func (l *Layout) with(m *Manifest, index []byte) *Layout {
	out := *l
	out.index = index
	out.take(m)
	return &out
}

// take sets what is known from a manifest.
func (l *Layout) take(m *Manifest) {
	l.m = m
	l.longest = l.headLongest()
	l.blockAt = make([]uint64, len(m.Blocks)+1)
	for i := range m.Blocks {
		l.blockAt[i+1] = l.blockAt[i] + uint64(m.Blocks[i].Length)
		l.longest = max(l.longest, int(m.Blocks[i].Length))
	}
	l.fileAt = make([]uint64, len(m.Files)+1)
	for i := range m.Files {
		l.fileAt[i+1] = l.fileAt[i] + m.Files[i].Stored()
	}
	l.void = l.zeros()
}

// Fill sets the fields of an offer that describe the manifest.
func (l *Layout) Fill(o *wire.Offer) {
	o.IndexDigest, o.ManifestBytes, o.ManifestBlocks = l.root, uint64(l.raw), uint32(l.manifestBlocks())
	o.TotalBytes, o.Files, o.Blocks = l.total, l.files, l.blocks
}

// Manifest is the manifest, nil while it is not known.
func (l *Layout) Manifest() *Manifest { return l.m }

// Root is the index digest.
func (l *Layout) Root() protocol.Digest { return l.root }

// Total is the length of the packed stream; before the manifest is known, its upper bound.
func (l *Layout) Total() uint64 { return l.total }

// Blocks is the number of blocks of a session.
func (l *Layout) Blocks() int { return int(l.FirstStream()) + int(l.bounds.blocks) }

// FirstStream is the number of the first block of the packed stream: 1 + manifest blocks.
func (l *Layout) FirstStream() protocol.BlockNumber {
	return protocol.BlockNumber(1 + l.manifestBlocks())
}

func (l *Layout) manifestBlocks() int { return protocol.SourceSymbols(l.raw, protocol.BlockSize) }

// Longest is the length of the longest block known.
func (l *Layout) Longest() int { return l.longest }

func (l *Layout) headLongest() int {
	return max(l.manifestBlocks()*digestBytes, min(l.raw, protocol.BlockSize))
}

// Length is a block's length in bytes, false while it is not known.
func (l *Layout) Length(b protocol.BlockNumber) (int, bool) {
	first := l.FirstStream()
	switch {
	case b == 0:
		return l.manifestBlocks() * digestBytes, true
	case b < first:
		return min(protocol.BlockSize, l.raw-int(b-1)*protocol.BlockSize), true
	case l.m != nil && int(b-first) < len(l.m.Blocks):
		return int(l.m.Blocks[b-first].Length), true
	}
	return 0, false
}

// Digest is a block's digest, false while it is not known.
func (l *Layout) Digest(b protocol.BlockNumber) (d protocol.Digest, known bool) {
	first := l.FirstStream()
	switch {
	case b == 0:
		return l.root, true
	case b < first && l.index != nil:
		copy(d[:], l.index[int(b-1)*digestBytes:])
		return d, true
	case b >= first && l.m != nil && int(b-first) < len(l.m.Blocks):
		return l.m.Blocks[b-first].Digest, true
	}
	return d, false
}

// Verify says whether data is block b.
func (l *Layout) Verify(b protocol.BlockNumber, data []byte) bool {
	want, known := l.Digest(b)
	if n, _ := l.Length(b); !known || n != len(data) {
		return false
	}
	if b == 0 {
		return IndexDigest(data) == want
	}
	return LeafDigest(data) == want
}

// Extents appends the runs of bytes that a block of the stream holds; the index and the
// manifest have none.
func (l *Layout) Extents(dst []Extent, b protocol.BlockNumber) []Extent {
	first := l.FirstStream()
	if b < first || l.m == nil || int(b-first) >= len(l.m.Blocks) {
		return dst
	}
	at, end := l.blockAt[b-first], l.blockAt[b-first+1]
	// The last file that begins at or before the block; empty ones at the same place come
	// before it in the order of the stream.
	i := sort.Search(len(l.m.Files), func(i int) bool { return l.fileAt[i+1] > at })
	for ; at < end; i++ {
		if n := min(end, l.fileAt[i+1]) - at; n > 0 {
			dst = append(dst, Extent{i, at - l.fileAt[i], int(n)})
			at += n
		}
	}
	return dst
}

// FileBlocks gives the blocks that hold file i; none for an empty one.
func (l *Layout) FileBlocks(i int) protocol.Range {
	if l.m == nil || i < 0 || i >= len(l.m.Files) || l.fileAt[i] == l.fileAt[i+1] {
		return protocol.Range{First: l.FirstStream()}
	}
	n := len(l.m.Blocks)
	from := sort.Search(n, func(b int) bool { return l.blockAt[b+1] > l.fileAt[i] })
	to := from + sort.Search(n-from, func(b int) bool { return l.blockAt[from+b+1] >= l.fileAt[i+1] })
	return protocol.Range{First: l.FirstStream() + protocol.BlockNumber(from), Count: uint32(to - from + 1)}
}
