package manifest

import (
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Blocks of zeros of big files are found by their digests; those that small files share are not,
// and what looks like one but has another digest is none.
func TestZeros(t *testing.T) {
	files := []File{
		{Path: "a", Size: 1000}, {Path: "b", Size: 2*BigFile + 5}, {Path: "c", Size: 500}, {Path: "d", Size: BigFile},
	}
	blocks, err := Cut(files)
	if err != nil {
		t.Fatal(err)
	}
	for i := range blocks {
		blocks[i].Digest = LeafDigest(make([]byte, blocks[i].Length))
	}
	blocks[3].Digest[0] ^= 1
	l, e := LayoutOf(&Manifest{Files: files, Blocks: blocks})
	zeros := l.Zeros()
	for b := range l.Blocks() {
		shared := false
		for _, x := range l.Extents(nil, protocol.BlockNumber(b)) {
			shared = shared || files[x.File].Size < BigFile
		}
		want := b >= int(l.FirstStream()) && !shared && b != int(l.FirstStream())+3
		if zeros.Has(protocol.BlockNumber(b)) != want {
			t.Errorf("block %d: %v", b, !want)
		}
	}
	o := Layout{root: e.Root, raw: len(e.Manifest), bounds: l.bounds}
	again, err := o.WithManifest(e.Manifest)
	if err != nil || again.Zeros().Count() != zeros.Count() {
		t.Errorf("the receiver finds others: %v", err)
	}
	for i := range blocks {
		blocks[i].Digest = protocol.Digest{1}
	}
	if l, _ := LayoutOf(&Manifest{Files: files, Blocks: blocks}); l.Zeros() != nil {
		t.Error("zeros where there are none")
	}
}
