package manifest

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// TestLayoutAgainstTheStream compares the layout with a stream laid out byte by byte.
func TestLayoutAgainstTheStream(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		m := random(t, rnd)
		l, e := LayoutOf(m)
		if _, err := Parse(e.Manifest); err != nil {
			t.Fatal(err)
		}
		seen := make([]uint64, len(m.Files))
		blocksOf := make(map[int][]protocol.BlockNumber)
		for b := l.FirstStream(); int(b) < l.Blocks(); b++ {
			sum := 0
			for _, x := range l.Extents(nil, b) {
				if x.Offset != seen[x.File] || x.Length < 1 {
					t.Fatalf("block %d: extent %+v, of that file came %d", b, x, seen[x.File])
				}
				seen[x.File] += uint64(x.Length)
				sum += x.Length
				blocksOf[x.File] = append(blocksOf[x.File], b)
			}
			if n, ok := l.Length(b); !ok || n != sum {
				t.Fatalf("block %d: %d bytes in extents, length %d", b, sum, n)
			}
		}
		for i := range m.Files {
			r := l.FileBlocks(i)
			var want []protocol.BlockNumber
			for b := r.First; b < r.End(); b++ {
				want = append(want, b)
			}
			if seen[i] != m.Files[i].Stored() || !slices.Equal(blocksOf[i], want) {
				t.Fatalf("file %d: %d of %d bytes, blocks %v, want %v", i, seen[i], m.Files[i].Stored(), want, blocksOf[i])
			}
		}
	}
}

func random(t testing.TB, rnd *rand.Rand) *Manifest {
	var files []File
	for i := range rnd.IntN(40) {
		f := File{Path: fmt.Sprintf("%04d", i), Mode: 0o644}
		switch rnd.IntN(6) {
		case 0:
			f.Kind = KindFolder
		case 1:
			f.Size = BigFile + rnd.Uint64N(3*protocol.BlockSize)
		case 2:
		case 3:
			f.Kind, f.Target, f.Size = KindSymlink, "x", 1
		default:
			f.Size = rnd.Uint64N(2 * protocol.BlockSize)
		}
		files = append(files, f)
	}
	return withBlocks(t, files)
}

func offerOf(l *Layout) wire.Offer {
	o := wire.Offer{SymbolSize: protocol.DefaultSymbol, MaxK: protocol.MaxSourceSymbols}
	l.Fill(&o)
	return o
}

func TestLayoutGrowsWithWhatIsKnown(t *testing.T) {
	var files []File
	for i := range 9000 { // some 600 KB of manifest: three blocks
		files = append(files, File{Path: fmt.Sprintf("f%05d", i), Size: 100, Digest: protocol.Digest{1}})
	}
	whole, e := LayoutOf(withBlocks(t, files))
	l, err := NewLayout(offerOf(whole))
	if err != nil {
		t.Fatal(err)
	}
	if l.Blocks() != whole.Blocks() || l.FirstStream() != whole.FirstStream() || l.FirstStream() < 3 {
		t.Fatalf("%d blocks, stream from %d", l.Blocks(), l.FirstStream())
	}
	if _, ok := l.Length(l.FirstStream()); ok {
		t.Error("the length of a block of the stream is known without the manifest")
	}
	if _, ok := l.Digest(1); ok || !l.Verify(0, e.Index) || l.Verify(0, e.Manifest[:len(e.Index)]) || l.Verify(1, nil) {
		t.Error("digests before the index is known")
	}
	if _, err := l.WithIndex(e.Manifest[:len(e.Index)]); err == nil {
		t.Error("a wrong index was accepted")
	}
	withIndex, err := l.WithIndex(e.Index)
	if err != nil {
		t.Fatal(err)
	}
	for b := protocol.BlockNumber(1); b < l.FirstStream(); b++ {
		n, _ := l.Length(b)
		at := int(b-1) * protocol.BlockSize
		if !withIndex.Verify(b, e.Manifest[at:at+n]) {
			t.Errorf("manifest block %d does not verify", b)
		}
	}
	full, err := withIndex.WithManifest(e.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for b := range protocol.BlockNumber(whole.Blocks() + 2) {
		n1, ok1 := full.Length(b)
		n2, ok2 := whole.Length(b)
		d1, known1 := full.Digest(b)
		d2, known2 := whole.Digest(b)
		if n1 != n2 || ok1 != ok2 || d1 != d2 || known1 != known2 || ok1 != (int(b) < whole.Blocks()) {
			t.Fatalf("block %d differs between server and receiver", b)
		}
	}
	bad := bytes.Clone(e.Manifest)
	bad[len(bad)-1] ^= 1
	if _, err := l.WithManifest(bad); err == nil {
		t.Error("a changed manifest was accepted")
	}
}

func TestOffersThatBoundTheManifest(t *testing.T) {
	whole, e := LayoutOf(sample(t))
	for name, spoil := range map[string]func(o *wire.Offer){
		"bytes":           func(o *wire.Offer) { o.TotalBytes-- },
		"files":           func(o *wire.Offer) { o.Files-- },
		"blocks":          func(o *wire.Offer) { o.Blocks-- },
		"manifest bytes":  func(o *wire.Offer) { o.ManifestBytes++ },
		"manifest blocks": func(o *wire.Offer) { o.ManifestBlocks++ },
		"no manifest":     func(o *wire.Offer) { o.ManifestBytes, o.ManifestBlocks = 0, 0 },
		"huge manifest":   func(o *wire.Offer) { o.ManifestBytes = math.MaxUint64 },
		"too many files":  func(o *wire.Offer) { o.Files = protocol.MaxFiles + 1 },
		"symbols":         func(o *wire.Offer) { o.MaxK = 100 },
		"no symbols":      func(o *wire.Offer) { o.SymbolSize = 0 },
		"root":            func(o *wire.Offer) { o.IndexDigest[0] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			o := offerOf(whole)
			spoil(&o)
			l, err := NewLayout(o)
			if err == nil {
				_, err = l.WithManifest(e.Manifest)
			}
			if err == nil {
				t.Errorf("%s: accepted", name)
			}
		})
	}
}

func TestLookingUpAllocatesNothing(t *testing.T) {
	l, _ := LayoutOf(sample(t))
	room := make([]Extent, 0, 16)
	if n := testing.AllocsPerRun(100, func() {
		for b := range protocol.BlockNumber(l.Blocks()) {
			l.Length(b)
			l.Digest(b)
			room = l.Extents(room[:0], b)
		}
		l.FileBlocks(2)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
