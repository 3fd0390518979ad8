package reuse

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/spool/record"
)

// most bounds the delivered files that are looked at for one content, or as of one size.
const most = 3

// found are the paths of delivered files that may hold what is wanted: by content, and for large files by size, for
// what another format delivered is known by another hash. It has some tens of bytes for each that is found, and ten
// for each that is wanted.
type found struct {
	digests, sizes index
	paths          []byte // one after another
}

// index are keys, sorted, and where the paths are that were found for them.
type index struct {
	keys  []uint64
	count []uint8 // found so far
	at    []place
}

type place struct {
	key uint32 // which
	len uint32
	off uint64
}

// find reads all that was delivered once.
func find(ctx context.Context, l record.Ledger, s *Staging) (*found, error) {
	f := &found{}
	if err := f.want(s); err != nil {
		return nil, err
	}
	f.digests.begin()
	f.sizes.begin()
	if len(f.digests.keys) == 0 {
		return f, nil
	}
	err := l.Each(ctx, func(path string, d record.Delivered) error {
		by, key := &f.digests, keyOf(d.Size, d.Digest)
		if !d.BLAKE3 {
			by, key = &f.sizes, d.Size
		}
		if d.Size > 0 && by.note(key, len(f.paths), len(path)) {
			f.paths = append(f.paths, path...)
		}
		return nil
	})
	f.digests.end()
	f.sizes.end()
	return f, err
}

// keyOf is what a content is looked up by. That of another content may be the same: then its blocks are others.
func keyOf(size uint64, d protocol.Digest) uint64 { return binary.BigEndian.Uint64(d[:8]) ^ size }

// want notes the files that have blocks which are wanted.
func (f *found) want(s *Staging) error {
	cut, last := s.Cut, int64(-1)
	var some []skeleton.Extent
	for b := range uint32(cut.Blocks()) {
		if !s.Wants(b) {
			continue
		}
		some = cut.Extents(some[:0], b)
		for _, x := range some {
			if int64(x.Entry) == last {
				continue
			}
			last = int64(x.Entry)
			_, size, digest, err := s.Promised(x.Entry)
			if err != nil {
				return err
			}
			f.digests.keys = append(f.digests.keys, keyOf(size, digest))
			if size >= manifest.BigFile {
				f.sizes.keys = append(f.sizes.keys, size)
			}
		}
	}
	return nil
}

// of gives the paths that were found for a content.
func (f *found) of(size uint64, d protocol.Digest) (paths []string) {
	for _, p := range f.digests.places(keyOf(size, d)) {
		paths = append(paths, string(f.paths[p.off:][:p.len]))
	}
	if len(paths) > 0 || size < manifest.BigFile {
		return paths
	}
	for _, p := range f.sizes.places(size) {
		paths = append(paths, string(f.paths[p.off:][:p.len]))
	}
	return paths
}

func (x *index) begin() {
	slices.Sort(x.keys)
	x.keys = slices.Compact(x.keys)
	x.count = make([]uint8, len(x.keys))
}

// note says whether a path is wanted, and notes where it lies.
func (x *index) note(key uint64, off, length int) bool {
	i, ok := slices.BinarySearch(x.keys, key)
	if !ok || x.count[i] == most {
		return false
	}
	x.count[i]++
	x.at = append(x.at, place{key: uint32(i), len: uint32(length), off: uint64(off)})
	return true
}

func (x *index) end() {
	slices.SortStableFunc(x.at, func(a, b place) int { return cmp.Compare(a.key, b.key) })
}

func (x *index) places(key uint64) []place {
	i, ok := slices.BinarySearch(x.keys, key)
	if !ok {
		return nil
	}
	from, _ := slices.BinarySearchFunc(x.at, uint32(i), func(p place, k uint32) int { return cmp.Compare(p.key, k) })
	to := from
	for to < len(x.at) && x.at[to].key == uint32(i) {
		to++
	}
	return x.at[from:to]
}
