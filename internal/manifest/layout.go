package manifest

import (
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
func Encode(m *Manifest) *Encoded { return &Encoded{} }

// Extent is a run of bytes of one file.
type Extent struct {
	File   int // index in Manifest.Files
	Offset uint64
	Length int
}

// Layout says for the blocks of a session (0 the index, then the manifest, then the stream)
// how long they are, what digest they have and which bytes of which file they hold. It never
// changes; all methods are safe for concurrent use and allocate nothing.
type Layout struct{}

// NewLayout is what an offer alone tells: the lengths of the index and manifest blocks, and
// the digest of the index.
func NewLayout(o wire.Offer) (*Layout, error) { return &Layout{}, nil }

// LayoutOf is the whole layout of a manifest, as the server knows it.
func LayoutOf(m *Manifest) (*Layout, *Encoded) { return &Layout{}, &Encoded{} }

// WithIndex adds the digests of the manifest's blocks, once block 0 is there. It checks them.
func (l *Layout) WithIndex(index []byte) (*Layout, error) { return l, nil }

// WithManifest checks the manifest's canonical bytes against the offer's index digest and
// limits, parses them and gives the whole layout.
func (l *Layout) WithManifest(raw []byte) (*Layout, error) { return l, nil }

// Fill sets the fields of an offer that describe the manifest.
func (l *Layout) Fill(o *wire.Offer) {}

// Manifest is the manifest, nil while it is not known.
func (l *Layout) Manifest() *Manifest { return nil }

// Root is the index digest.
func (l *Layout) Root() protocol.Digest { return protocol.Digest{} }

// Blocks is the number of blocks of a session.
func (l *Layout) Blocks() int { return 0 }

// FirstStream is the number of the first block of the packed stream: 1 + manifest blocks.
func (l *Layout) FirstStream() protocol.BlockNumber { return 0 }

// Longest is the length of the longest block known.
func (l *Layout) Longest() int { return 0 }

// Length is a block's length in bytes, false while it is not known.
func (l *Layout) Length(b protocol.BlockNumber) (int, bool) { return 0, false }

// Digest is a block's digest, false while it is not known.
func (l *Layout) Digest(b protocol.BlockNumber) (protocol.Digest, bool) {
	return protocol.Digest{}, false
}

// Verify says whether data is block b.
func (l *Layout) Verify(b protocol.BlockNumber, data []byte) bool { return false }

// Extents appends the runs of bytes that a block of the stream holds; the index and the
// manifest have none.
func (l *Layout) Extents(dst []Extent, b protocol.BlockNumber) []Extent { return dst }

// FileBlocks gives the blocks that hold file i; none for an empty one.
func (l *Layout) FileBlocks(i int) protocol.Range { return protocol.Range{} }
