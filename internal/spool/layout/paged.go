package layout

import (
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/spool/digest"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/entries"
	"github.com/groupcast/groupcast/internal/spool/pagefile"
)

// Paged is the layout of a skeleton and of the pages so far. The blocks of its staging are those of the stream.
type Paged struct {
	Key  pagefile.Key
	Cut  *skeleton.Cut
	list *entries.List
	File *pagefile.File // of the pages; nil: it is only looked at

	mu      sync.RWMutex // of what follows: whoever holds it takes no other lock
	book    *pages.Book
	digests []protocol.Digest  // of finished files
	holes   *protocol.BlockSet // blocks of zeros, never written

	loaded map[int]*manifest.File
}

// NewPaged is the layout of a skeleton; no page is known yet, and none is taken before Begin.
func NewPaged(key pagefile.Key, cut *skeleton.Cut, list *entries.List) *Paged {
	return &Paged{
		Key: key, Cut: cut, list: list, digests: make([]protocol.Digest, list.Len()),
		holes: protocol.NewBlockSet(cut.Blocks()),
	}
}

// Root is what the journal is of.
func (l *Paged) Root() protocol.Digest { return l.Key.Digest() }

// FirstStream is 0: the blocks of a staging are those of the stream.
func (l *Paged) FirstStream() protocol.BlockNumber { return 0 }

// Blocks is how many blocks the stream has.
func (l *Paged) Blocks() int { return l.Cut.Blocks() }

// Longest is the length of the longest block.
func (l *Paged) Longest() int { return protocol.BlockSize }

// Hollow is 0: what is zeros is known only as pages come.
func (l *Paged) Hollow(int) uint64 { return 0 }

// Sparse is true: a large file may have holes that are not known yet.
func (l *Paged) Sparse(int) bool { return true }

// Entries is how many entries there are.
func (l *Paged) Entries() int { return l.list.Len() }

// Kind says what an entry is.
func (l *Paged) Kind(i int) manifest.Kind { return l.list.Kind(i) }

// By is the hash of finished files.
func (l *Paged) By() digest.Kind { return digest.BLAKE3 }

// Durable makes the pages durable.
func (l *Paged) Durable() error { return l.File.Sync() }

// Length is the length of a block.
func (l *Paged) Length(b protocol.BlockNumber) (int, bool) {
	_, n := l.Cut.Block(uint32(b))
	return n, n > 0
}

// Place gives where a block of the stream begins.
func (l *Paged) Place(b protocol.BlockNumber) (file int, at uint64, ok bool) {
	offset, n := l.Cut.Block(uint32(b))
	if n == 0 || l.Cut.Shared(uint32(b)) {
		return -1, offset, n > 0 // the small files are the beginning of the stream
	}
	var some [1]skeleton.Extent
	x := l.Cut.Extents(some[:0], uint32(b))[0]
	return int(x.Entry), x.Offset, true
}

// FilesOf goes through the files that a block has bytes of.
func (l *Paged) FilesOf(b protocol.BlockNumber) iter.Seq[int] {
	return func(yield func(int) bool) {
		for x := range l.Cut.Runs(uint32(b)) {
			if !yield(int(x.Entry)) {
				return
			}
		}
	}
}

// FileBlocks gives the blocks that a file has bytes in.
func (l *Paged) FileBlocks(i int) protocol.Range {
	first, end, _ := l.Cut.File(uint32(i))
	return protocol.Range{First: protocol.BlockNumber(first), Count: end - first}
}

// Stored is how many bytes of the stream an entry has.
func (l *Paged) Stored(i int) uint64 {
	_, size, _ := l.Cut.Place(uint32(i))
	return size
}

// Packed is where a small file begins in the pack.
func (l *Paged) Packed(i int) uint64 {
	at, _, _ := l.Cut.Place(uint32(i))
	return at
}

// Begin takes the book that pages are added to.
func (l *Paged) Begin(book *pages.Book) { l.book = book }

// Verified is how many pages of the chain are here.
func (l *Paged) Verified() protocol.PageNo {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.book.Verified()
}

// Final is what stands for the whole transfer; zero until the final page is here.
func (l *Paged) Final() protocol.Digest {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.book.Root()
}

// VoidFiles is how many files are not delivered.
func (l *Paged) VoidFiles() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.book.VoidFiles()
}

// Leaf is the digest of a block, if its page is here.
func (l *Paged) Leaf(b uint32) (protocol.Digest, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.book.Digest(b)
}

// Vouched says whether the page of a block is here.
func (l *Paged) Vouched(b protocol.BlockNumber) bool {
	_, known := l.Leaf(uint32(b))
	return known
}

// Verify says whether data is a block, as its page says.
func (l *Paged) Verify(b protocol.BlockNumber, data []byte) bool {
	want, known := l.Leaf(uint32(b))
	_, n := l.Cut.Block(uint32(b))
	return known && n == len(data) && format2.LeafDigest(data) == want
}

// Hole says whether a block is one of zeros.
func (l *Paged) Hole(b protocol.BlockNumber) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.holes.Has(b)
}

// AddHole notes a block of zeros that is not written.
func (l *Paged) AddHole(b uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holes.Add(protocol.BlockNumber(b))
}

// Finished says whether a page lists a file as finished.
func (l *Paged) Finished(i int) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.book.Finished(uint32(i))
}

// Closed says whether the final page is here.
func (l *Paged) Closed() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.book.Final()
}

// Void says whether a file is not delivered.
func (l *Paged) Void(i uint32) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.book.Void(i)
}

// Add takes a page.
func (l *Paged) Add(raw []byte) (pages.Change, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, err := l.book.Add(raw)
	l.Note(c.Finished)
	return c, err
}

// Keep is Add for a page that came: it is in its file before any of its blocks can be verified.
func (l *Paged) Keep(raw []byte) (c pages.Change, fault, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, fault = l.book.Add(raw)
	l.Note(c.Finished)
	for _, page := range c.Pages {
		err = errors.Join(err, l.File.Append(page))
	}
	return c, fault, err
}

// Note takes the digests of finished files.
func (l *Paged) Note(finished []format2.FinishedFile) {
	for _, f := range finished {
		if int(f.Entry) < len(l.digests) {
			l.digests[f.Entry] = f.Digest
		}
	}
}

// Load has the entries of one batch in memory; one caller at a time works on one.
func (l *Paged) Load(files []int) error {
	loaded := make(map[int]*manifest.File, len(files))
	for _, i := range files {
		e, err := l.list.At(i)
		if err != nil {
			return err
		}
		l.mu.RLock()
		e.Digest = l.digests[i]
		l.mu.RUnlock()
		loaded[i] = &e
	}
	l.loaded = loaded
	return nil
}

// Entry gives one of the entries that were loaded.
func (l *Paged) Entry(i int) *manifest.File {
	f := l.loaded[i]
	if f == nil { // not a state that a disk or a peer can bring about
		panic(fmt.Sprintf("entry %d is used and was not loaded", i))
	}
	return f
}

// Promised is what is promised of a file; its digest is zero before a page lists it as finished. It needs no load.
func (l *Paged) Promised(entry uint32) (path string, size uint64, digest protocol.Digest, err error) {
	e, err := l.list.At(int(entry))
	l.mu.RLock()
	defer l.mu.RUnlock()
	return e.Path, e.Size, l.digests[entry], err
}

// Files is how many entries are not folders.
func (l *Paged) Files() (n int) {
	for i := range l.Entries() {
		if l.Kind(i) != manifest.KindFolder {
			n++
		}
	}
	return n
}

// Wanted are those of some blocks that a page vouches for, in so many runs at most.
func (l *Paged) Wanted(missing []protocol.Range, runs int) (out []protocol.Range) {
	for _, r := range missing {
		for b := r.First; b < r.End(); b++ {
			switch last := len(out) - 1; {
			case !l.Vouched(b):
			case last >= 0 && out[last].End() == b:
				out[last].Count++
			case len(out) == runs:
				return out
			default:
				out = append(out, protocol.Range{First: b, Count: 1})
			}
		}
	}
	return out
}

// Find finds an entry by its path.
func (l *Paged) Find(path string) (int, bool, error) { return l.list.Find(path) }

// Read reads a skeleton that is not compared with any offer.
func Read(f diskfs.File, key pagefile.Key) (*Paged, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	cut := skeleton.NewCut()
	list, err := entries.Read(f, int(min(fi.Size(), skeleton.MaxBytes)), cut.Add)
	if err == nil {
		err = cut.Close()
	}
	if err != nil {
		return nil, err
	}
	return NewPaged(key, cut, list), nil
}

// VoidWords say why a file is not delivered.
func VoidWords(r format2.VoidReason) string {
	switch r {
	case format2.VoidChanged:
		return "changed at the server"
	case format2.VoidUnreadable:
		return "not readable any more at the server"
	case format2.VoidGone:
		return "gone at the server"
	default:
		return fmt.Sprintf("reason %d", r)
	}
}
