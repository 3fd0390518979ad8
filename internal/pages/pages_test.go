package pages

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
)

const testBlock = 32

var terms = format2.PageTerms{
	Server: protocol.ServerID{1}, Group: protocol.GroupID{2}, Transfer: 3, TransferID: protocol.TransferID{4},
	Skeleton: protocol.Digest{5}, Edition: 6,
}

func testKey(seed byte) seal.SigningKey {
	k, err := seal.SigningKeyFromSeed(bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		panic(err)
	}
	return k
}

// source is a tree of files, of which some change while they are read.
type source struct {
	sizes []uint64
	cut   *skeleton.Cut
	void  map[uint32]uint32 // entry: the block before which it turns out to be void
}

func newSource(t testing.TB, sizes ...uint64) *source {
	t.Helper()
	s := &source{sizes: sizes, cut: skeleton.NewCutOf(testBlock, 100), void: map[uint32]uint32{}}
	for i, n := range sizes {
		s.cut.Add(i, &skeleton.Entry{Path: fmt.Sprintf("%04d", i), Size: n})
	}
	if err := s.cut.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// block is what a block holds: every third one of large files is zeros.
func (s *source) block(b uint32) []byte {
	_, n := s.cut.Block(b)
	out := make([]byte, n)
	if s.cut.Shared(b) || b%3 != 0 {
		for i := range out {
			out[i] = byte(uint32(i)*5 + b + 1)
		}
	}
	return out
}

func content(entry uint32) protocol.Digest { return format2.ContentDigest([]byte{byte(entry)}) }

func (s *source) writer(most uint32) *Writer {
	return NewWriter(terms, most, len(s.sizes), testKey(1), s.cut)
}

func (s *source) book(most uint32) *Book {
	return NewBook(terms, most, len(s.sizes), testKey(1).Public(), s.cut)
}

// read goes through the whole source as a server does, and gives the pages. hurry says how often a page is closed
// early.
func (s *source) read(t fataler, w *Writer, hurry func() bool) (all [][]byte) {
	sign := func(h bool) {
		for {
			raw, _, ok, err := w.Sign(h)
			if err != nil {
				t.Fatalf("%v", err)
			}
			if !ok {
				return
			}
			all = append(all, raw)
		}
	}
	tell := func(f func() error) {
		if w.Full() {
			sign(false)
		}
		if err := f(); err != nil {
			t.Fatalf("%v", err)
		}
	}
	done := map[uint32]bool{}
	told := func(e uint32) bool { return w.told.Has(protocol.BlockNumber(e)) }
	s.cut.InOrder(func(e uint32) {
		if _, end, _ := s.cut.File(e); end == 0 && !told(e) {
			tell(func() error { return w.Finish(e, content(e)) })
		}
	})
	for {
		sign(hurry())
		b, ok := w.Next()
		if !ok {
			sign(true)
			if b, ok = w.Next(); !ok {
				break
			}
		}
		for e, at := range s.void {
			if at <= b && !done[e] && !told(e) {
				done[e] = true
				tell(func() error { return w.Void(e, format2.VoidChanged) })
			}
		}
		if again, ok := w.Next(); !ok || again != b {
			continue
		}
		if err := w.Hashed(b, format2.LeafDigest(s.block(b))); err != nil {
			t.Fatalf("block %d: %v", b, err)
		}
		for _, x := range s.cut.Extents(nil, b) {
			if _, end, _ := s.cut.File(x.Entry); end == b+1 && !told(x.Entry) {
				tell(func() error { return w.Finish(x.Entry, content(x.Entry)) })
			}
		}
	}
	return all
}

type fataler interface{ Fatalf(string, ...any) }

func never() bool { return false }

// Whatever the tree, however slow the source, whatever changes in it, and in whatever order pages come: they
// say of every file whether it is finished or void, of every block that is wanted what its digest is, and both
// ends agree.
func TestChainsOfAnyTree(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		class := rapid.SampledFrom([]uint64{0, 9, 99, 100, 700})
		sizes := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) uint64 {
			return rapid.Uint64Range(0, class.Draw(r, "class")).Draw(r, "size")
		}), 0, 40).Draw(r, "sizes")
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		s := newSource(t, sizes...)
		for e := range s.sizes {
			if first, end, _ := s.cut.File(uint32(e)); rnd.IntN(4) == 0 && end > first {
				s.void[uint32(e)] = first + uint32(rnd.IntN(int(end-first)))
			}
		}
		most := PagesFor(s.cut)
		if rnd.IntN(3) == 0 {
			most = uint32(leastPages(s.cut.Blocks(), s.cut.Files())) // as few numbers as can be
		}
		share := rnd.IntN(4)
		w := s.writer(most)
		pages := s.read(r, w, func() bool { return rnd.IntN(4) < share })
		if !w.Book().Final() || len(pages) > int(most) {
			r.Fatalf("%d pages, final: %v", len(pages), w.Book().Final())
		}
		if len(pages) > 60 {
			return
		}
		b := s.book(most)
		var all Change
		for _, i := range rnd.Perm(len(pages)) {
			c, err := b.Add(pages[i])
			if err != nil {
				r.Fatalf("page %d: %v", i, err)
			}
			all.add(c)
		}
		s.agrees(r, b, w.Book(), all, pages)
	})
}

// agrees holds what a receiver knows against the source.
func (s *source) agrees(r fataler, b, server *Book, all Change, pages [][]byte) {
	if !b.Final() || !all.Final || b.Root() != server.Root() || len(all.Pages) != len(pages) {
		r.Fatalf("%d pages of %d are verified", b.Verified(), len(pages))
	}
	for i, raw := range all.Pages {
		if !bytes.Equal(raw, pages[i]) {
			r.Fatalf("page %d comes out as another", i)
		}
	}
	for e := range s.sizes {
		if _, void := s.void[uint32(e)]; b.Finished(uint32(e)) == void || b.Void(uint32(e)) != void {
			r.Fatalf("entry %d: finished %v, void %v", e, b.Finished(uint32(e)), b.Void(uint32(e)))
		}
	}
	ready, held := protocol.NewBlockSet(s.cut.Blocks()), protocol.NewBlockSet(s.cut.Blocks())
	for _, x := range all.Ready {
		ready.AddRange(x)
	}
	for _, x := range all.Held {
		held.AddRange(x)
	}
	for n := range uint32(s.cut.Blocks()) {
		needed := false
		for _, x := range s.cut.Extents(nil, n) {
			needed = needed || b.Finished(x.Entry)
		}
		if !needed && !held.Has(protocol.BlockNumber(n)) {
			r.Fatalf("block %d is of void files only and has to come", n)
		}
		zeros := !s.cut.Shared(n) && n%3 == 0
		switch {
		case !ready.Has(protocol.BlockNumber(n)) && !held.Has(protocol.BlockNumber(n)):
			r.Fatalf("block %d neither has to come nor is held by everybody", n)
		case needed && !zeros && !ready.Has(protocol.BlockNumber(n)):
			r.Fatalf("block %d is of a finished file and has no digest", n)
		case needed && zeros && !held.Has(protocol.BlockNumber(n)):
			r.Fatalf("block %d is zeros and has to come", n)
		case ready.Has(protocol.BlockNumber(n)) && !b.Verify(n, s.block(n)):
			r.Fatalf("block %d does not verify", n)
		}
		if wrong := s.block(n); needed {
			if wrong[0]++; b.Verify(n, wrong) {
				r.Fatalf("block %d verifies with a byte changed", n)
			}
		}
	}
}

// The pages of the second implementation make a chain, and are signed here to the same bytes.
func TestVectorOfAChain(t *testing.T) {
	var v struct {
		Pages []struct{ Signed, Signature string }
		Root  string
	}
	b, err := os.ReadFile("../../test/interop/testdata/format2.json")
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	cut := skeleton.NewCut()
	for i, n := range []uint64{0, 0, 1_400_000, 300_001, 0, 1_048_576, 7} {
		e := skeleton.Entry{Size: n}
		if i == 0 {
			e.Kind = 1
		} else if i == 4 {
			e.Kind = 2
		}
		cut.Add(i, &e)
	}
	if err := cut.Close(); err != nil {
		t.Fatal(err)
	}
	raw, _ := hex.DecodeString(v.Pages[0].Signed)
	p, err := format2.ParsePage(raw)
	if err != nil {
		t.Fatal(err)
	}
	book := NewBook(p.PageTerms, 8, 7, testKey(1).Public(), cut)
	var all Change
	for _, i := range []int{2, 0, 1} {
		raw, _ := hex.DecodeString(v.Pages[i].Signed + v.Pages[i].Signature)
		c, err := book.Add(raw)
		if err != nil {
			t.Fatalf("page %d: %v", i, err)
		}
		all.add(c)
	}
	if book.Root().String() != v.Root || !book.Void(5) || len(all.Finished) != 4 {
		t.Errorf("root %v, void %v, finished %v", book.Root(), book.Void(5), all.Finished)
	}
}

// What waits is bounded, and what comes again is nothing new.
func TestPagesThatWait(t *testing.T) {
	s := newSource(t, make([]uint64, 0)...)
	s = newSource(t, append(s.sizes, 40*testBlock*3)...)
	pages := s.read(t, s.writer(500), func() bool { return true })
	if len(pages) < MaxHeld+2 {
		t.Fatalf("%d pages", len(pages))
	}
	b := s.book(500)
	for i := len(pages) - 1; i > 0; i-- {
		c, err := b.Add(pages[i])
		if len(c.Pages) > 0 || (i >= MaxHeld) != errors.Is(err, ErrAhead) || b.Waiting(protocol.PageNo(i)) == (i >= MaxHeld) {
			t.Fatalf("page %d: %v", i, err)
		}
	}
	if c, err := b.Add(pages[0]); err != nil || len(c.Pages) != MaxHeld {
		t.Errorf("with the first page %d are verified, %v", len(c.Pages), err)
	}
	if c, err := b.Add(pages[0]); err != nil || len(c.Pages) != 0 {
		t.Errorf("the first page again: %+v, %v", c, err)
	}
}

// A server that is killed after any page goes on with the next, and no page of another kind comes of it.
func TestResumeAfterEveryPage(t *testing.T) {
	s, pages := chain(t)
	for n := range len(pages) {
		w := s.writer(100)
		c, err := w.Resume(pages[:n])
		if err != nil || len(c.Pages) != n {
			t.Fatalf("after %d pages: %v", n, err)
		}
		rest := s.read(t, w, func() bool { return true })
		b := s.book(100)
		for i, raw := range slices.Concat(pages[:n], rest) {
			if _, err := b.Add(raw); err != nil {
				t.Fatalf("after %d pages, page %d: %v", n, i, err)
			}
		}
		if !b.Final() || !b.Finished(2) || !b.Void(3) {
			t.Errorf("after %d pages the chain is not whole", n)
		}
	}
	if _, err := s.writer(100).Resume(pages[1:]); err == nil {
		t.Error("a chain without its beginning goes on")
	}
}

// The first page waits for one block; a source that is fast has few pages.
func TestPagesDouble(t *testing.T) {
	s := newSource(t, 5000*testBlock)
	pages := s.read(t, s.writer(PagesFor(s.cut)), never)
	var lengths []int
	for _, raw := range pages {
		signed, _, _ := seal.SplitPage(raw)
		p, err := format2.ParsePage(signed)
		if err != nil {
			t.Fatal(err)
		}
		lengths = append(lengths, len(p.Leaves))
	}
	if want := []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024, 905}; !slices.Equal(lengths, want) {
		t.Errorf("pages of %v blocks", lengths)
	}
}

// 100,000 files of a byte are in a few blocks, and more lists than leaves.
func TestManyFilesInFewBlocks(t *testing.T) {
	sizes := make([]uint64, 10_000)
	for i := range sizes {
		sizes[i] = 1
	}
	s := newSource(t, sizes...)
	w := s.writer(PagesFor(s.cut))
	pages := s.read(t, w, never)
	b := s.book(PagesFor(s.cut))
	for i, raw := range pages {
		if _, err := b.Add(raw); err != nil {
			t.Fatalf("page %d: %v", i, err)
		}
	}
	if !b.Final() || b.finished.Count() != len(sizes) {
		t.Errorf("%d files are finished after %d pages", b.finished.Count(), len(pages))
	}
}

// What does not come in the order of the stream is refused.
func TestTheWriterKeepsTheOrder(t *testing.T) {
	s := newSource(t, 20, 200)
	w := s.writer(100)
	for name, err := range map[string]error{
		"the second block first":    w.Hashed(1, protocol.Digest{}),
		"finished before it is":     w.Finish(0, protocol.Digest{}),
		"an entry that is no file":  w.Finish(9, protocol.Digest{}),
		"void without a reason":     w.Void(0, 0),
		"void that is no file":      w.Void(9, 1),
		"the large file, too early": w.Finish(1, protocol.Digest{}),
	} {
		if !errors.Is(err, ErrOrder) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.Hashed(0, protocol.Digest{1}); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(0, protocol.Digest{1}); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(0, protocol.Digest{1}); !errors.Is(err, ErrOrder) {
		t.Errorf("finished twice: %v", err)
	}
	if err := w.Void(0, 1); !errors.Is(err, ErrOrder) {
		t.Errorf("void after it was finished: %v", err)
	}
}

// Pages are a small part of what they vouch for, parity included, however the source stalls.
func TestPagesAreSmall(t *testing.T) {
	for name, c := range map[string]struct {
		sizes []uint64
		most  float64 // percent
	}{
		"one file of 64 GiB":        {[]uint64{64 << 30}, 0.05},
		"64 files of a GiB":         {slices.Repeat([]uint64{1 << 30}, 64), 0.05},
		"20,000 files of 1 MiB":     {slices.Repeat([]uint64{1 << 20}, 20_000), 0.05},
		"200,000 files of 64 KiB":   {slices.Repeat([]uint64{64 << 10}, 200_000), 0.15}, // a digest each
		"1,000,000 files of 10 KiB": {slices.Repeat([]uint64{10 << 10}, 1_000_000), 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			s := &source{sizes: c.sizes, cut: skeleton.NewCut(), void: map[uint32]uint32{}}
			for i, n := range c.sizes {
				s.cut.Add(i, &skeleton.Entry{Size: n})
			}
			if err := s.cut.Close(); err != nil {
				t.Fatal(err)
			}
			w, bytes, pages := s.writer(PagesFor(s.cut)), 0, 0
			s.quick(t, w, func(raw []byte) { bytes, pages = bytes+len(raw), pages+1 })
			share := 125 * float64(bytes) / float64(s.cut.Bytes())
			t.Logf("%d pages of %d numbers, %.4f %% with parity", pages, PagesFor(s.cut), share)
			if share > c.most {
				t.Errorf("pages and their parity are %.4f %% of the bytes", share)
			}
		})
	}
}

// quick goes through a source without content.
func (s *source) quick(t *testing.T, w *Writer, page func([]byte)) {
	var extents []skeleton.Extent
	sign := func() {
		for raw, _, ok, err := w.Sign(false); ok || err != nil; raw, _, ok, err = w.Sign(false) {
			if err != nil {
				t.Fatal(err)
			}
			page(raw)
		}
	}
	for b, ok := w.Next(); ok; b, ok = w.Next() {
		if err := w.Hashed(b, protocol.Digest{byte(b), byte(b >> 8), 1}); err != nil {
			t.Fatal(err)
		}
		extents = s.cut.Extents(extents[:0], b)
		for _, x := range extents {
			if _, end, _ := s.cut.File(x.Entry); end == b+1 && x.Offset+uint64(x.Length) == s.sizes[x.Entry] {
				if w.Full() {
					sign()
				}
				if err := w.Finish(x.Entry, protocol.Digest{1}); err != nil {
					t.Fatal(err)
				}
			}
		}
		sign()
	}
	if !w.Book().Final() {
		t.Error("the chain has no end")
	}
}
