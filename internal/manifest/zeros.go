package manifest

import "github.com/groupcast/groupcast/internal/protocol"

// zeroBudget bounds the bytes that are hashed to know what blocks of zeros look like.
const zeroBudget = 4 << 20

// zeros finds the blocks of big files that are nothing but zeros, by their digests; nil if there
// are none. Blocks that small files share are not looked at. Of each length one digest is
// computed, until the budget is used up: that of a file's first block, which nearly all have, and
// that of one that comes after zeros.
func (l *Layout) zeros() *protocol.BlockSet {
	var out *protocol.BlockSet
	z, b := zeroDigests{left: zeroBudget}, 0
	for i := range l.m.Files {
		first, after := true, false
		for ; b < len(l.m.Blocks) && l.blockAt[b] < l.fileAt[i+1]; b++ {
			if l.m.Files[i].Stored() < BigFile {
				continue
			}
			x := &l.m.Blocks[b]
			after = z.is(x, first || after)
			if first = false; !after {
				continue
			}
			if out == nil {
				out = protocol.NewBlockSet(l.Blocks())
			}
			out.Add(l.FirstStream() + protocol.BlockNumber(b))
		}
	}
	return out
}

// zeroDigests are the digests of blocks of zeros, by length.
type zeroDigests struct {
	known map[uint32]protocol.Digest
	left  int
}

// is says whether a block is one of zeros, if the digest of its length is known or may be
// computed.
func (z *zeroDigests) is(x *Block, compute bool) bool {
	zero, known := z.known[x.Length]
	if !known && compute && z.left >= int(x.Length) {
		z.left -= int(x.Length)
		zero, known = LeafDigest(make([]byte, x.Length)), true
		if z.known == nil {
			z.known = map[uint32]protocol.Digest{}
		}
		z.known[x.Length] = zero
	}
	return known && x.Digest == zero
}

// Zeros are the blocks that need not be sent, because receivers can write them from the manifest: those
// of large files that consist of zeros. Nil: there are none. It must not be changed.
func (l *Layout) Zeros() *protocol.BlockSet { return l.void }
