package sim

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// content is a transfer's files and their manifest.
type content struct {
	stream   []byte
	files    map[string][]byte // path → bytes
	manifest *manifest.Manifest
	layout   *manifest.Layout
	encoded  *manifest.Encoded
	at       []int // where each block of the stream begins
}

// makeContent draws files whose paths are few, so that transfers write the same ones.
func makeContent(r *rand.Rand, t transferPlan, symbol int) *content {
	c := &content{files: map[string][]byte{}}
	lengths := blockLengths(r, t, symbol)
	total := 0
	for _, l := range lengths {
		total += l
	}
	c.stream = make([]byte, total)
	for i := 0; i < len(c.stream); i += 8 {
		v := r.Uint64()
		for j := i; j < min(i+8, len(c.stream)); j++ {
			c.stream[j], v = byte(v), v>>8
		}
	}
	c.punch(r, lengths)
	m := &manifest.Manifest{Files: c.cutFiles(r, t.files, t.kinds)}
	at := 0
	for _, l := range lengths {
		m.Blocks = append(m.Blocks, manifest.Block{Length: uint32(l), Digest: manifest.LeafDigest(c.stream[at : at+l])})
		c.at = append(c.at, at)
		at += l
	}
	if err := m.Check(); err != nil {
		panic(fmt.Sprintf("the simulation made a manifest that is none: %v", err))
	}
	c.manifest = m
	c.layout, c.encoded = manifest.LayoutOf(m)
	return c
}

// punch makes blocks of zeros of some, in some contents of all.
func (c *content) punch(r *rand.Rand, lengths []int) {
	if !chance(r, 0.5) {
		return
	}
	share := r.Float64()
	if chance(r, 0.1) {
		share = 1
	}
	at := 0
	for _, l := range lengths {
		if chance(r, share) {
			clear(c.stream[at : at+l])
		}
		at += l
	}
}

func blockLengths(r *rand.Rand, t transferPlan, symbol int) []int {
	out := make([]int, t.blocks)
	total := 0
	for i := range out {
		out[i] = 1 + r.IntN(t.k*symbol)
		if chance(r, 0.2) {
			out[i] = t.k * symbol
		}
		total += out[i]
	}
	return out
}

// cutFiles parts the stream into files; small ones, so that no border matters, except that
// one file past 1 MiB takes the whole stream.
func (c *content) cutFiles(r *rand.Rand, n int, kinds bool) []manifest.File {
	if len(c.stream) >= manifest.BigFile {
		n = 1
	}
	var paths []string
	for _, i := range r.Perm(40)[:min(n, 40)] {
		path := fmt.Sprintf("f%02d", i)
		if i%3 == 0 {
			path = fmt.Sprintf("d%d/f%02d", i%2, i)
		}
		paths = append(paths, path)
	}
	if kinds || c.stream[0]%4 == 0 {
		paths = otherKinds(paths)
	}
	slices.Sort(paths)
	cuts := []int{0, len(c.stream)}
	for range len(paths) - 1 {
		cuts = append(cuts, r.IntN(len(c.stream)+1))
	}
	slices.Sort(cuts)
	var out []manifest.File
	for i, path := range paths {
		b := c.stream[cuts[i]:cuts[i+1]]
		c.files[path] = b
		out = append(out, manifest.File{
			Path: path, Mode: 0o640, MTime: 1e18 + r.Int64N(1e12), Size: uint64(len(b)), Digest: sha256.Sum256(b),
		})
	}
	if chance(r, 0.3) {
		out = append(out, manifest.File{Path: "z-empty", Kind: manifest.KindFolder, Mode: 0o755})
	}
	slices.SortFunc(out, func(a, b manifest.File) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// otherKinds makes a file of a folder, and folders of some files: what other transfers have there
// is of another kind.
func otherKinds(paths []string) []string {
	out := make([]string, 0, len(paths))
	for n, p := range paths {
		if folder, base, in := strings.Cut(p, "/"); in {
			p = "e" + folder + base
			if !slices.Contains(out, folder) {
				p = folder
			}
		} else if n%2 == 0 {
			p += "/in"
		}
		out = append(out, p)
	}
	return out
}

// block gives the bytes of a session block.
func (c *content) block(b protocol.BlockNumber) []byte {
	first := c.layout.FirstStream()
	switch {
	case b == 0:
		return c.encoded.Index
	case b < first:
		from := int(b-1) * protocol.BlockSize
		return c.encoded.Manifest[from:min(len(c.encoded.Manifest), from+protocol.BlockSize)]
	}
	i := int(b - first)
	return c.stream[c.at[i] : c.at[i]+int(c.manifest.Blocks[i].Length)]
}

// maxK is the most symbols that a block of the session has.
func (c *content) maxK(symbol int) int {
	return max(1, protocol.SourceSymbols(c.layout.Longest(), symbol))
}
