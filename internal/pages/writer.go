package pages

import (
	"errors"
	"fmt"
	"slices"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// longestPage is how many blocks a page has that is not hurried on; the first has one, each further one twice as
// many.
const longestPage = 1024

// Writer signs the pages of a transfer while its source is read. It tells which block to hash next, and takes what
// became of the files; every page it signs has passed a Book of its own.
type Writer struct {
	key    seal.SigningKey
	book   *Book
	target int // blocks of the next page

	next     uint32 // block to hash
	first    uint32 // of the leaves below
	leaves   []protocol.Digest
	finished []format2.FinishedFile
	void     []format2.VoidFile
	lost     *protocol.BlockSet // entries that are void, with those of pages still to be signed
	told     *protocol.BlockSet // entries that are finished or void
	left     int                // files of which nothing is known
}

// What a Writer refuses.
var (
	ErrOrder = errors.New("the blocks are not hashed, or the files not told, in the order of the stream")
	ErrOver  = errors.New("the final page is signed")
)

// PagesFor is how many numbers an offer keeps for the pages of a transfer: enough for pages that are closed early
// because the source is slow.
func PagesFor(cut *skeleton.Cut) uint32 {
	return min(uint32(leastPages(cut.Blocks(), cut.Files())+64+cut.Blocks()/64), format2.MaxPages)
}

// leastPages are enough for so many blocks and files.
func leastPages(blocks, files int) int {
	return (blocks+format2.MaxLeaves-1)/format2.MaxLeaves + (files+format2.MaxFinished-1)/format2.MaxFinished + 1
}

// NewWriter begins the chain of a transfer with so many entries.
func NewWriter(
	terms format2.PageTerms, most uint32, entries int, key seal.SigningKey, cut *skeleton.Cut,
) *Writer {
	return &Writer{
		key: key, book: NewBook(terms, most, entries, key.Public(), cut), target: 1,
		lost: protocol.NewBlockSet(entries), told: protocol.NewBlockSet(entries), left: cut.Files(),
	}
}

// Book is what the pages say that are signed.
func (w *Writer) Book() *Book { return w.book }

// Resume takes the pages that an earlier process signed and kept, of a source that did not change, and gives what
// they say. Files that were begun have to be read again for their digest; Next says from which block on leaves are
// wanted.
func (w *Writer) Resume(pages [][]byte) (Change, error) {
	var all Change
	for _, raw := range pages {
		c, err := w.Take(raw)
		if err != nil {
			return all, err
		}
		all.add(c)
	}
	return all, nil
}

// Take is Resume for the next one of these pages.
func (w *Writer) Take(raw []byte) (Change, error) {
	before := w.book.Verified()
	c, err := w.book.Add(raw)
	if err != nil {
		return c, err
	}
	if w.book.Verified() != before+1 {
		return c, fmt.Errorf("the page after the first %d is another one", before)
	}
	for _, f := range c.Finished {
		w.told.Add(protocol.BlockNumber(f.Entry))
	}
	for _, f := range c.Void {
		w.told.Add(protocol.BlockNumber(f.Entry))
		w.lost.Add(protocol.BlockNumber(f.Entry))
	}
	w.left -= len(c.Finished) + len(c.Void)
	w.next, w.target = w.book.end, min(longestPage, 1<<min(int(before)+1, 20))
	w.begin()
	return c, nil
}

// begin starts a page where the blocks go on.
func (w *Writer) begin() {
	w.first, w.leaves, w.finished, w.void = w.next, nil, nil, nil
}

// Next is the block to hash next; blocks of void files only are left out. false: there is none, or pages have to
// be signed before.
func (w *Writer) Next() (uint32, bool) {
	if w.book.Final() || w.full() {
		return 0, false
	}
	at := w.skip(w.next)
	if at != w.next && len(w.leaves) > 0 && !w.afford() {
		w.fill(at)
	}
	if int(at) >= w.book.cut.Blocks() || at != w.next && len(w.leaves) > 0 {
		return 0, false
	}
	return at, true
}

// fill lists blocks that could be left out, without digests: there are too few numbers left for a page that begins
// behind them.
func (w *Writer) fill(end uint32) {
	for ; w.next < end && !w.full(); w.next++ {
		w.leaves = append(w.leaves, protocol.Digest{})
	}
}

// skip is the first block from at on that has bytes of a file that is not void.
func (w *Writer) skip(at uint32) uint32 {
	if w.lost.Count() == 0 {
		return at
	}
	cut := w.book.cut
	for int(at) < cut.Blocks() && skips(cut, w.lost, at, at+1) {
		if cut.Shared(at) {
			at++
		} else {
			_, at, _ = cut.File(cut.Extents(nil, at)[0].Entry)
		}
	}
	return at
}

// full says that the page takes nothing more: each block may finish many files, so that there is room for all of
// a block's only if the next page begins with it.
func (w *Writer) full() bool {
	return len(w.leaves) == format2.MaxLeaves || len(w.finished) == format2.MaxFinished || len(w.void) == format2.MaxVoid
}

// Hashed takes the digest of the block that Next gave.
func (w *Writer) Hashed(block uint32, leaf protocol.Digest) error {
	at, ok := w.Next()
	if !ok || at != block {
		return ErrOrder
	}
	if len(w.leaves) == 0 {
		w.first = at
	}
	w.leaves, w.next = append(w.leaves, leaf), at+1
	return nil
}

// Finish says that a file was read to its end and is what was listed. All its blocks were hashed.
func (w *Writer) Finish(entry uint32, content protocol.Digest) error {
	_, end, ok := w.book.cut.File(entry)
	if !ok || end > w.next || w.full() || !w.told.Add(protocol.BlockNumber(entry)) {
		return ErrOrder
	}
	w.finished = append(w.finished, format2.FinishedFile{Entry: entry, Digest: content})
	w.left--
	return nil
}

// Void says that a file is not delivered.
func (w *Writer) Void(entry uint32, reason format2.VoidReason) error {
	_, _, ok := w.book.cut.File(entry)
	if !ok || reason == 0 || w.full() || !w.told.Add(protocol.BlockNumber(entry)) {
		return ErrOrder
	}
	w.void = append(w.void, format2.VoidFile{Entry: entry, Reason: reason})
	w.lost.Add(protocol.BlockNumber(entry))
	w.left--
	return nil
}

// Told says whether it is known what became of a file.
func (w *Writer) Told(entry uint32) bool { return w.told.Has(protocol.BlockNumber(entry)) }

// Lost says whether a file is void, on pages that are signed or on the next one.
func (w *Writer) Lost(entry uint32) bool { return w.lost.Has(protocol.BlockNumber(entry)) }

// End is the first block that no page covers and that was not hashed.
func (w *Writer) End() uint32 { return w.next }

// Pending is how many blocks are hashed that no page covers.
func (w *Writer) Pending() int { return len(w.leaves) }

// Full says whether a page has to be signed before anything more is taken.
func (w *Writer) Full() bool { return w.full() }

// Sign gives the next page, if one is due: it has as many blocks as it should, nothing more may come, or hurry: the
// session has nothing left to send. The page must be durable before it leaves this machine, and before its blocks do.
func (w *Writer) Sign(hurry bool) (raw []byte, c Change, ok bool, err error) {
	if w.book.Final() || !w.due(hurry) {
		return nil, Change{}, false, nil
	}
	raw = seal.SignPage(w.key, w.page())
	if c, err = w.book.Add(raw); err != nil {
		return nil, Change{}, false, fmt.Errorf("sign a page: %w", err)
	}
	if len(w.leaves) >= w.target {
		w.target = min(2*w.target, longestPage)
	}
	w.begin()
	return raw, c, true, nil
}

func (w *Writer) due(hurry bool) bool {
	switch {
	case w.left == 0 || w.full():
		return true
	case len(w.leaves)+len(w.finished)+len(w.void) == 0, !w.afford():
		return false
	case len(w.leaves) > 0 && w.skip(w.next) != w.next && int(w.next) < w.book.cut.Blocks():
		return true // the next block is behind ones that are left out
	}
	return hurry || len(w.leaves) >= w.target
}

// afford says whether a page may be closed early: those that are left can hold all the rest.
func (w *Writer) afford() bool {
	after := int(w.book.most) - int(w.book.Verified()) - 1
	return leastPages(w.book.cut.Blocks()-int(w.next), w.left) <= after
}

func (w *Writer) page() format2.Page {
	b := w.book
	p := format2.Page{
		PageTerms: b.terms, Number: b.Verified(), Final: w.left == 0, FirstBlock: w.first,
		Files: b.files + uint32(len(w.finished)+len(w.void)), Blocks: b.blocks + uint32(len(w.leaves)), Bytes: b.bytes,
		Leaves: w.leaves, Finished: w.finished, Void: w.void,
	}
	if n := len(b.digests); n > 0 {
		p.Previous = b.digests[n-1]
	}
	if len(w.leaves) == 0 {
		p.FirstBlock = b.end
	}
	p.FirstOffset, _ = b.cut.Block(p.FirstBlock)
	for i := range w.leaves {
		_, n := b.cut.Block(w.first + uint32(i))
		p.Bytes += uint64(n)
	}
	slices.SortFunc(p.Finished, func(x, y format2.FinishedFile) int { return int(int64(x.Entry) - int64(y.Entry)) })
	slices.SortFunc(p.Void, func(x, y format2.VoidFile) int { return int(int64(x.Entry) - int64(y.Entry)) })
	return p
}
