package skeleton

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// tree is that of the vectors (test/interop/format2.py).
var tree = []Entry{
	{Kind: manifest.KindFolder, Mode: 0o755, MTime: 1700000000000000000, Path: "a"},
	{Mode: 0o644, MTime: 1700000000000000001, Path: "a/empty"},
	{Mode: 0o600, MTime: -5, Path: "a/large", Size: 1_400_000},
	{Mode: 0o644, MTime: 3, Path: "a/largest", Size: 300_001},
	{Kind: manifest.KindSymlink, Mode: 0o777, MTime: 4, Path: "a/link", Target: "large", Size: 5},
	{Mode: 0o755, MTime: 5, Path: "b.bin", Size: 1_048_576},
	{Mode: 0o444, MTime: 9_218_868_437_000_000_007, Path: "ü/ä.txt", Size: 7},
}

func write(t testing.TB, entries []Entry) (raw, index []byte, err error) {
	t.Helper()
	var sum Totals
	for i := range entries {
		sum.Add(&entries[i])
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, sum)
	if err != nil {
		return nil, nil, err
	}
	for i := range entries {
		if err := w.Add(&entries[i]); err != nil {
			return nil, nil, err
		}
	}
	index, n, err := w.Close()
	if n != out.Len() {
		t.Errorf("%d bytes are said to be %d", out.Len(), n)
	}
	return out.Bytes(), index, err
}

func read(raw []byte) (entries []Entry, err error) {
	r, err := NewReader(bytes.NewReader(raw), len(raw))
	if err != nil {
		return nil, err
	}
	for e, ok := r.Next(); ok; e, ok = r.Next() {
		entries = append(entries, e)
	}
	return entries, r.Err()
}

func TestVectorOfASkeleton(t *testing.T) {
	var v struct {
		Skeleton struct {
			Bytes, Index, Digest string
			Cut, Order           [][2]int
		}
	}
	b, err := os.ReadFile("../../test/interop/testdata/format2.json")
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	raw, index, err := write(t, tree)
	if err != nil || hex.EncodeToString(raw) != v.Skeleton.Bytes {
		t.Errorf("written as %x, %v", raw, err)
	}
	d := format2.SkeletonDigest(index)
	if hex.EncodeToString(index) != v.Skeleton.Index || d.String() != v.Skeleton.Digest {
		t.Errorf("its index is %x, its digest %v", index, d)
	}
	if back, err := read(raw); err != nil || !slices.Equal(back, tree) {
		t.Errorf("read as %+v, %v", back, err)
	}
	c := cutOf(t, NewCut(), tree)
	if c.Blocks() != len(v.Skeleton.Cut) {
		t.Fatalf("%d blocks, not %d", c.Blocks(), len(v.Skeleton.Cut))
	}
	for i, want := range v.Skeleton.Cut {
		if offset, n := c.Block(uint32(i)); offset != uint64(want[0]) || n != want[1] {
			t.Errorf("block %d has %d bytes at %d, not %v", i, n, offset, want)
		}
	}
	order, want := []int{}, []int{1} // the empty file comes first
	c.InOrder(func(e uint32) { order = append(order, int(e)) })
	for _, f := range v.Skeleton.Order {
		want = append(want, f[0])
	}
	if !slices.Equal(order, want) {
		t.Errorf("the files come as %v, not %v", order, want)
	}
}

func cutOf(t testing.TB, c *Cut, entries []Entry) *Cut {
	t.Helper()
	for i := range entries {
		c.Add(i, &entries[i])
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return c
}

func FuzzRead(f *testing.F) {
	raw, _, err := write(f, tree)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("GCS2" + string(make([]byte, 20))))
	f.Fuzz(func(t *testing.T, in []byte) {
		entries, err := read(in)
		if err != nil {
			return
		}
		if again, _, err := write(t, entries); err != nil || !bytes.Equal(again, in) {
			t.Errorf("% x is written otherwise: %v", in, err)
		}
	})
}

// What does not have its one encoding, or promises what it does not hold, is refused.
func TestHostileSkeletons(t *testing.T) {
	raw, _, err := write(t, tree)
	if err != nil {
		t.Fatal(err)
	}
	folder := []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	head := func(n byte) []byte { return append([]byte("GCS2\x00\x00\x00"+string(n)), make([]byte, 16)...) }
	for name, b := range map[string][]byte{
		"cut off":             raw[:len(raw)-1],
		"a byte more":         append(bytes.Clone(raw), 0),
		"another magic":       append([]byte("GCS1"), raw[4:]...),
		"other sums":          append(append(bytes.Clone(raw[:15]), raw[15]+1), raw[16:]...),
		"too many entries":    append([]byte("GCS2\xff\xff\xff\xff"), raw[8:]...),
		"too few entries":     append([]byte("GCS2\x00\x00\x00\x06"), raw[8:]...),
		"a sum too large":     append([]byte("GCS2\x00\x00\x00\x00\xff"), make([]byte, 15)...),
		"an unknown kind":     slices.Concat(head(1), []byte{3}, folder[1:], []byte{0, 1, 'a'}),
		"more than is shared": slices.Concat(head(1), folder, []byte{1, 1, 'a'}),
		"less than is shared": slices.Concat(head(2), folder, []byte{0, 1, 'a'}, folder, []byte{0, 2, 'a', 'b'}),
		"out of order":        slices.Concat(head(2), folder, []byte{0, 1, 'b'}, folder, []byte{0, 1, 'a'}),
		"a path out of it":    slices.Concat(head(1), folder, []byte{0, 2, '.', '.'}),
		"a long number":       slices.Concat(head(1), folder, []byte{0x80, 0, 1, 'a'}),
		"an endless number":   slices.Concat(head(1), folder, bytes.Repeat([]byte{0x80}, 12)),
		"a path below a file": slices.Concat(head(2), []byte{0}, folder[1:], []byte{0, 1, 'a', 0},
			folder, []byte{1, 2, '/', 'b'}),
		"more than is allowed": slices.Concat(head(1), []byte{1, 0xff, 0xff}, folder[3:], []byte{0, 1, 'a'}),
	} {
		t.Run(name, func(t *testing.T) {
			if entries, err := read(b); err == nil {
				t.Errorf("read as %+v", entries)
			}
		})
	}
	if _, err := NewReader(bytes.NewReader(nil), MaxBytes+1); !errors.Is(err, ErrLarge) {
		t.Errorf("a skeleton that is too large: %v", err)
	}
}

// An entry that was not promised, or one with a digest, is not written.
func TestTheWriterKeepsItsPromise(t *testing.T) {
	w, err := NewWriter(io.Discard, Totals{Entries: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(&Entry{Path: "a", Digest: protocol.Digest{1}}); err == nil {
		t.Error("an entry with a digest is written")
	}
	if err := w.Add(&tree[0]); err != nil {
		t.Error(err)
	}
	if _, _, err := w.Close(); !errors.Is(err, ErrTotals) {
		t.Errorf("with one entry too few: %v", err)
	}
}

// Every byte of every file lies in one place of the stream, in blocks that follow from the sizes.
func TestCutsCoverTheStream(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		sizes := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) uint64 {
			return rapid.Uint64Range(0, rapid.SampledFrom([]uint64{0, 9, 70, 400}).Draw(r, "class")).Draw(r, "size")
		}), 0, 30).Draw(r, "sizes")
		var entries []Entry
		for i, n := range sizes {
			entries = append(entries, Entry{Path: fmt.Sprintf("%04d", i), Size: n})
		}
		c := cutOf(t, NewCutOf(32, 100), entries)
		at, seen := uint64(0), make([]uint64, len(entries))
		for b := range uint32(c.Blocks()) {
			offset, n := c.Block(b)
			if offset != at || n < 1 || n > 32 {
				r.Fatalf("block %d: %d bytes at %d, not at %d", b, n, offset, at)
			}
			at += uint64(n)
			for _, x := range c.Extents(nil, b) {
				if x.Offset != seen[x.Entry] || sizes[x.Entry] >= 100 && (c.Shared(b) || len(c.Extents(nil, b)) != 1) {
					r.Fatalf("block %d: %+v", b, x)
				}
				seen[x.Entry] += uint64(x.Length)
				n -= x.Length
				if first, end, ok := c.File(x.Entry); !ok || b < first || b >= end {
					r.Fatalf("block %d is not of %d…%d", b, first, end)
				}
			}
			if n != 0 {
				r.Fatalf("block %d has %d bytes of no file", b, n)
			}
		}
		if at != c.Bytes() || !slices.Equal(seen, sizes) || c.Files() != len(sizes) {
			r.Fatalf("%d of %d bytes, %v of %v", at, c.Bytes(), seen, sizes)
		}
	})
}

// A million entries pass through a window of memory, at both ends.
func TestAMillionEntriesAreAStream(t *testing.T) {
	if testing.Short() {
		t.Skip("a million entries")
	}
	const n = 1_000_000
	entry := func(i int) Entry {
		path := fmt.Sprintf("srv/data/set-%03d/item-%06d.bin", i/1000, i)
		return Entry{Mode: 0o644, MTime: int64(i), Path: path, Size: 1000}
	}
	r, w := io.Pipe()
	bytes := make(chan int, 1)
	go func() {
		sum := Totals{Entries: n, Small: n * 1000}
		s, err := NewWriter(w, sum)
		for i := 0; i < n && err == nil; i++ {
			e := entry(i)
			err = s.Add(&e)
		}
		_, size, _ := s.Close()
		w.CloseWithError(err)
		bytes <- size
	}()
	before := heap()
	in, err := NewReader(r, MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	c, most, i := NewCut(), uint64(0), 0
	for ; i < n; i++ {
		e, ok := in.Next()
		if !ok || e != entry(i) {
			t.Fatalf("entry %d is %+v, %v", i, e, in.Err())
		}
		c.Add(i, &e)
		if i%100_000 == 0 {
			most = max(most, heap())
		}
	}
	if err := c.Close(); err != nil || c.Files() != n {
		t.Errorf("%d files, %v", c.Files(), err)
	}
	size := <-bytes
	t.Logf("%d bytes, %.1f an entry; the heap grew by %d KiB", size, float64(size)/n, (most-min(most, before))>>10)
	if most > before+48<<20 {
		t.Errorf("the heap grew by %d MiB", (most-before)>>20)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Reading goes on from any mark with the same entries, and a cut knows where each file lies.
func TestReadingGoesOnFromAMark(t *testing.T) {
	raw, _, err := write(t, tree)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(bytes.NewReader(raw), len(raw))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		m := r.Mark()
		if m.Entry() != i || i > 0 && m.Path() != tree[i-1].Path {
			t.Fatalf("mark %d is before entry %d, behind %q", i, m.Entry(), m.Path())
		}
		again := ReadFrom(bytes.NewReader(raw), len(raw), m)
		var rest []Entry
		for e, ok := again.Next(); ok; e, ok = again.Next() {
			rest = append(rest, e)
		}
		if !slices.Equal(rest, tree[i:]) || again.Err() != nil {
			t.Errorf("from entry %d on: %+v, %v", i, rest, again.Err())
		}
		if _, ok := r.Next(); !ok {
			break
		}
	}
	c, at := cutOf(t, NewCut(), tree), uint64(0)
	c.InOrder(func(e uint32) {
		offset, size, ok := c.Place(e)
		if !ok || size != tree[e].Size || size > 0 && offset != at {
			t.Errorf("entry %d has %d bytes at %d, not %d at %d", e, size, offset, tree[e].Size, at)
		}
		at += size
	})
	if _, _, ok := c.Place(0); ok || c.Small() != 300_008 {
		t.Errorf("a folder is a file, or %d bytes are of small files", c.Small())
	}
}

// A skeleton whose totals are known at the end is the same as one whose totals were promised.
func TestTotalsThatComeLast(t *testing.T) {
	for _, n := range []int{0, 1, 50, 12_000, 40_000} { // of the last two the skeleton has several blocks
		entries := slices.Clone(tree[:min(n, len(tree))])
		for i := len(entries); i < n; i++ {
			entries = append(entries, Entry{Mode: 0o644, Path: fmt.Sprintf("ü/é-%06d-and-more-of-a-name", i), Size: uint64(i)})
		}
		want, index, err := write(t, entries)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		w, err := NewOpenWriter(&out)
		for i := range entries {
			err = errors.Join(err, w.Add(&entries[i]))
		}
		got, size, closed := w.Close()
		if err := errors.Join(err, closed); err != nil {
			t.Fatal(err)
		}
		raw := append(w.Head(), out.Bytes()[headBytes:]...)
		if !bytes.Equal(raw, want) || !bytes.Equal(got, index) || size != len(want) {
			t.Errorf("%d entries: %d bytes of skeleton, want %d", n, size, len(want))
		}
	}
	w, err := NewOpenWriter(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		err = w.Add(&Entry{Path: fmt.Sprint(i), Size: mostBytes})
	}
	if err == nil {
		t.Error("more bytes than can be counted")
	}
}
