package spool

import (
	"slices"
	"strings"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/digest"
)

// layout is what a transfer promises, as a staging needs it: its entries, and where the bytes of its blocks lie.
type layout interface {
	// root is what the journal is of.
	root() protocol.Digest
	// first is the first block of the stream, blocks the number of all blocks.
	first() protocol.BlockNumber
	blocks() int
	length(b protocol.BlockNumber) (int, bool)
	longest() int
	// place gives where a block of the stream begins: in a large file, or in the pack if file is negative.
	place(b protocol.BlockNumber) (file int, at uint64, ok bool)
	// filesOf appends the files that a block has bytes of; blocksOf gives the blocks that a file has bytes in.
	filesOf(dst []int, b protocol.BlockNumber) []int
	blocksOf(i int) protocol.Range
	verify(b protocol.BlockNumber, data []byte) bool
	// zeros says whether a block of a large file is known to be zeros, which are never written.
	zeros(b protocol.BlockNumber) bool
	// hollow is how many bytes of a large file are such blocks from the beginning; sparse says whether there may be any.
	hollow(i int) uint64
	sparse(i int) bool

	entries() int
	kind(i int) manifest.Kind
	stored(i int) uint64 // bytes of the stream
	packed(i int) uint64 // where a small file begins in the pack
	// load makes sure that entry answers for these until the next load.
	load(files []int) error
	entry(i int) *manifest.File
	find(path string) (int, bool, error)
	// finished says whether a file is whole at its source, with the digest that its entry has.
	finished(i int) bool
	by() digest.Kind // how content is known
	// durable makes durable what says which blocks are right, before the journal vouches for them.
	durable() error
}

// listed is the layout of a manifest.
type listed struct {
	*manifest.Layout
	files []manifest.File
	at    []uint64
	holes map[int]uint64 // bytes of large files that are blocks of zeros
}

func layoutOf(l *manifest.Layout) *listed {
	out := &listed{Layout: l, files: l.Manifest().Files, holes: map[int]uint64{}}
	out.at = make([]uint64, len(out.files))
	var at uint64
	for i, f := range out.files {
		out.at[i] = at
		if f.Size < bigFile && f.Kind == manifest.KindFile {
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

func (l *listed) root() protocol.Digest                           { return l.Root() }
func (l *listed) first() protocol.BlockNumber                     { return l.FirstStream() }
func (l *listed) blocks() int                                     { return l.Blocks() }
func (l *listed) length(b protocol.BlockNumber) (int, bool)       { return l.Length(b) }
func (l *listed) longest() int                                    { return l.Longest() }
func (l *listed) blocksOf(i int) protocol.Range                   { return l.FileBlocks(i) }
func (l *listed) verify(b protocol.BlockNumber, data []byte) bool { return l.Verify(b, data) }
func (l *listed) sparse(i int) bool                               { return l.holes[i] > 0 }
func (l *listed) hollow(i int) uint64                             { return l.holes[i] }
func (l *listed) entries() int                                    { return len(l.files) }
func (l *listed) kind(i int) manifest.Kind                        { return l.files[i].Kind }
func (l *listed) stored(i int) uint64                             { return l.files[i].Stored() }
func (l *listed) packed(i int) uint64                             { return l.at[i] }
func (l *listed) load([]int) error                                { return nil }
func (l *listed) entry(i int) *manifest.File                      { return &l.files[i] }
func (l *listed) finished(int) bool                               { return true }
func (l *listed) by() digest.Kind                                 { return digest.SHA256 }
func (l *listed) durable() error                                  { return nil }

func (l *listed) place(b protocol.BlockNumber) (file int, at uint64, ok bool) {
	var some [1]manifest.Extent
	extents := l.Extents(some[:0], b)
	if len(extents) == 0 {
		return 0, 0, false
	}
	e := extents[0]
	if l.files[e.File].Size >= bigFile {
		return e.File, e.Offset, true
	}
	return -1, l.at[e.File] + e.Offset, true
}

func (l *listed) filesOf(dst []int, b protocol.BlockNumber) []int {
	for _, e := range l.Extents(nil, b) {
		dst = append(dst, e.File)
	}
	return dst
}

func (l *listed) zeros(b protocol.BlockNumber) bool {
	zeros := l.Zeros()
	return zeros != nil && zeros.Has(b)
}

func (l *listed) find(name string) (int, bool, error) {
	i, ok := slices.BinarySearchFunc(l.files, name,
		func(f manifest.File, p string) int { return strings.Compare(f.Path, p) })
	return i, ok, nil
}
