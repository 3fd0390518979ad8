// Package layout says where in a staging the bytes of a transfer's blocks lie, and of which entries they are: for a
// manifest, and for a skeleton with the pages so far.
package layout

import (
	"iter"
	"slices"
	"strings"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/digest"
)

// Layout is what a transfer promises, as a staging needs it: its entries, and where the bytes of its blocks lie.
type Layout interface {
	// Root is what the journal is of.
	Root() protocol.Digest
	// FirstStream is the first block of the stream, blocks the number of all blocks.
	FirstStream() protocol.BlockNumber
	Blocks() int
	Length(b protocol.BlockNumber) (int, bool)
	Longest() int
	// Place gives where a block of the stream begins: in a large file, or in the pack if file is negative.
	Place(b protocol.BlockNumber) (file int, at uint64, ok bool)
	// FilesOf goes through the files that a block has bytes of; FileBlocks gives the blocks that a file has bytes in.
	FilesOf(b protocol.BlockNumber) iter.Seq[int]
	FileBlocks(i int) protocol.Range
	Verify(b protocol.BlockNumber, data []byte) bool
	// Vouched says whether the digest of a block is known.
	Vouched(b protocol.BlockNumber) bool
	// Hole says whether a block of a large file is known to be zeros, which are never written.
	Hole(b protocol.BlockNumber) bool
	// Hollow is how many bytes of a large file are such blocks from the beginning; sparse says whether there may be any.
	Hollow(i int) uint64
	Sparse(i int) bool

	Entries() int
	Kind(i int) manifest.Kind
	Stored(i int) uint64 // bytes of the stream
	Packed(i int) uint64 // where a small file begins in the pack
	// Load makes sure that entry answers for these until the next load.
	Load(files []int) error
	Entry(i int) *manifest.File
	Find(path string) (int, bool, error)
	// Finished says whether a file is whole at its source, with the digest that its entry has.
	Finished(i int) bool
	By() digest.Kind // how content is known
	Closed() bool    // everything is known that will be: folders and links may follow
	// Durable makes durable what says which blocks are right, before the journal vouches for them.
	Durable() error
}

// Listed is the layout of a manifest.
type Listed struct {
	*manifest.Layout
	files []manifest.File
	at    []uint64
	holes map[int]uint64 // bytes of large files that are blocks of zeros
}

// Of is the layout of a manifest, which is known.
func Of(l *manifest.Layout) *Listed {
	out := &Listed{Layout: l, files: l.Manifest().Files, holes: map[int]uint64{}}
	out.at = make([]uint64, len(out.files))
	var at uint64
	for i, f := range out.files {
		out.at[i] = at
		if f.Size < manifest.BigFile && f.Kind == manifest.KindFile {
			at += f.Size
		}
	}
	if zeros := l.Zeros(); zeros != nil {
		var some [1]manifest.Extent
		for b, ok := zeros.Next(0); ok; b, ok = zeros.Next(b + 1) {
			for _, e := range l.Extents(some[:0], b) {
				out.holes[e.File] += uint64(e.Length)
			}
		}
	}
	return out
}

// Sparse says whether a large file has blocks of zeros.
func (l *Listed) Sparse(i int) bool { return l.holes[i] > 0 }

// Hollow is how many bytes of a large file are blocks of zeros.
func (l *Listed) Hollow(i int) uint64 { return l.holes[i] }

// Entries is how many entries there are.
func (l *Listed) Entries() int { return len(l.files) }

// Kind says what an entry is.
func (l *Listed) Kind(i int) manifest.Kind { return l.files[i].Kind }

// Stored is how many bytes of the stream an entry has.
func (l *Listed) Stored(i int) uint64 { return l.files[i].Stored() }

// Packed is where a small file begins in the pack.
func (l *Listed) Packed(i int) uint64 { return l.at[i] }

// Load does nothing: all entries are in memory.
func (l *Listed) Load([]int) error { return nil }

// Entry gives an entry.
func (l *Listed) Entry(i int) *manifest.File { return &l.files[i] }

// Finished is true: a manifest is of files that are whole.
func (l *Listed) Finished(int) bool { return true }

// By is the hash of a manifest's files.
func (l *Listed) By() digest.Kind { return digest.SHA256 }

// Vouched is true: all digests are known.
func (l *Listed) Vouched(protocol.BlockNumber) bool { return true }

// Closed is true: everything is known.
func (l *Listed) Closed() bool { return true }

// Durable does nothing: the manifest is durable.
func (l *Listed) Durable() error { return nil }

// Place gives where a block of the stream begins.
func (l *Listed) Place(b protocol.BlockNumber) (file int, at uint64, ok bool) {
	var some [1]manifest.Extent
	extents := l.Extents(some[:0], b)
	if len(extents) == 0 {
		return 0, 0, false
	}
	e := extents[0]
	if l.files[e.File].Size >= manifest.BigFile {
		return e.File, e.Offset, true
	}
	return -1, l.at[e.File] + e.Offset, true
}

// FilesOf goes through the files that a block has bytes of.
func (l *Listed) FilesOf(b protocol.BlockNumber) iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, e := range l.Extents(nil, b) {
			if !yield(e.File) {
				return
			}
		}
	}
}

// Hole says whether a block is one of zeros.
func (l *Listed) Hole(b protocol.BlockNumber) bool {
	zeros := l.Zeros()
	return zeros != nil && zeros.Has(b)
}

// Find finds an entry by its path.
func (l *Listed) Find(name string) (int, bool, error) {
	i, ok := slices.BinarySearchFunc(l.files, name,
		func(f manifest.File, p string) int { return strings.Compare(f.Path, p) })
	return i, ok, nil
}
