package pages

import (
	"bytes"
	"sort"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// Book is what is known of a transfer's pages. They come in any order, and count once all before them are there.
type Book struct {
	terms format2.PageTerms
	most  uint32 // numbers that the offer keeps for pages
	key   seal.VerifyKey
	cut   *skeleton.Cut

	held     map[protocol.PageNo]heldPage
	digests  []protocol.Digest // of the pages that are verified
	leaves   []stretch
	finished *protocol.BlockSet // entries
	void     *protocol.BlockSet
	zeros    zeroDigests

	end    uint32 // first block behind what the pages cover
	blocks uint32 // leaves so far …
	bytes  uint64 // … and the bytes of their blocks
	files  uint32 // listed
	root   protocol.Digest
	over   *Fault
}

// heldPage has a good signature and waits for those before it.
type heldPage struct {
	raw    []byte
	page   format2.Page
	digest protocol.Digest
}

// stretch is the digests of the blocks that a page covers.
type stretch struct {
	first  uint32
	leaves []protocol.Digest
}

// NewBook begins the book of an offer's transfer, which has so many entries.
func NewBook(terms format2.PageTerms, most uint32, entries int, key seal.VerifyKey, cut *skeleton.Cut) *Book {
	return &Book{
		terms: terms, most: most, key: key, cut: cut, held: make(map[protocol.PageNo]heldPage),
		finished: protocol.NewBlockSet(entries), void: protocol.NewBlockSet(entries),
	}
}

// Add takes a page as it came. Its error is ErrAhead or a *Fault; after one that is Final no page is taken any more.
func (b *Book) Add(raw []byte) (Change, error) {
	if b.over != nil {
		return Change{}, b.over
	}
	p, signed, err := b.open(raw)
	if err != nil {
		return Change{}, b.note(err)
	}
	digest := format2.PageDigest(signed)
	known, same := b.known(p.Number, digest)
	switch {
	case same:
		return Change{}, nil
	case known != nil || p.Number < b.Verified():
		return Change{}, b.note(b.verifyTwo(p, raw, known))
	case p.Number >= b.Verified()+MaxHeld:
		return Change{}, ErrAhead
	}
	if err := b.verify(p, raw); err != nil {
		return Change{}, b.note(err)
	}
	b.held[p.Number] = heldPage{bytes.Clone(raw), p, digest}
	return b.follow()
}

// note keeps a fault after which nothing is taken any more.
func (b *Book) note(f *Fault) error {
	if f.Final() {
		b.over = f
	}
	return f
}

// open reads a page and says whether it is one of this transfer.
func (b *Book) open(raw []byte) (format2.Page, []byte, *Fault) {
	signed, _, ok := seal.SplitPage(raw)
	if !ok {
		return format2.Page{}, nil, &Fault{Code: FaultBytes, Err: format2.ErrLength}
	}
	p, err := format2.ParsePage(signed)
	switch {
	case err != nil:
		return p, nil, &Fault{Code: FaultBytes, Number: p.Number, Err: err}
	case uint32(p.Number) >= b.most:
		return p, nil, fault(FaultNumber, p.Number, "there are %d numbers for pages", b.most)
	case p.PageTerms != b.terms:
		return p, nil, fault(FaultOther, p.Number, "it belongs to another transfer, or to another edition of it")
	}
	return p, signed, nil
}

func (b *Book) verify(p format2.Page, raw []byte) *Fault {
	signed, signature, _ := seal.SplitPage(raw)
	if err := seal.VerifyPage(b.key, signed, signature); err != nil {
		return &Fault{Code: FaultSignature, Number: p.Number, Err: err}
	}
	return nil
}

// known gives the page of a number that is here already, as far as its bytes are; same: it is this one.
func (b *Book) known(n protocol.PageNo, digest protocol.Digest) (raw []byte, same bool) {
	if n < b.Verified() {
		return nil, b.digests[n] == digest
	}
	h, ok := b.held[n]
	return h.raw, ok && h.digest == digest
}

// verifyTwo judges another page for a number that is taken: if the server signed it, it signed two.
func (b *Book) verifyTwo(p format2.Page, raw, known []byte) *Fault {
	if err := b.verify(p, raw); err != nil {
		return err
	}
	f := fault(FaultTwo, p.Number, "the server signed another page with this number")
	if known != nil {
		f.Proof = append(f.Proof, known)
	}
	f.Proof = append(f.Proof, bytes.Clone(raw))
	return f
}

// follow verifies what is held along the chain.
func (b *Book) follow() (Change, error) {
	var all Change
	for {
		h, ok := b.held[b.Verified()]
		if !ok {
			return all, nil
		}
		delete(b.held, h.page.Number)
		c, err := b.extend(&h.page)
		if err != nil {
			err.Proof = [][]byte{h.raw}
			return all, b.note(err)
		}
		c.Pages = [][]byte{h.raw}
		b.digests = append(b.digests, h.digest)
		if h.page.Final {
			signed, _, _ := seal.SplitPage(h.raw)
			b.root, c.Final = format2.Root(signed), true
		}
		all.add(c)
	}
}

// Verified is how many pages are verified: those of the chain from page 0 on.
func (b *Book) Verified() protocol.PageNo { return protocol.PageNo(len(b.digests)) }

// End is the first block of the stream behind what the pages cover.
func (b *Book) End() uint32 { return b.end }

// Waiting says whether a page is here and waits for others.
func (b *Book) Waiting(n protocol.PageNo) bool { _, ok := b.held[n]; return ok }

// Final says whether all pages are verified.
func (b *Book) Final() bool { return b.root != protocol.Digest{} }

// Root stands for the whole transfer; zero until the final page is verified.
func (b *Book) Root() protocol.Digest { return b.root }

// Fault is the fault of the server that ended the book; nil: there is none.
func (b *Book) Fault() *Fault { return b.over }

// Finished says whether an entry that is a file may be put under its name once its blocks are there; Void, whether
// it is not delivered.
func (b *Book) Finished(entry uint32) bool { return b.finished.Has(protocol.BlockNumber(entry)) }

// Void says whether a file is not delivered.
func (b *Book) Void(entry uint32) bool { return b.void.Has(protocol.BlockNumber(entry)) }

// VoidFiles is how many there are.
func (b *Book) VoidFiles() int { return b.void.Count() }

// Digest is the digest of a block of the stream, once its page is verified.
func (b *Book) Digest(block uint32) (protocol.Digest, bool) {
	i := sort.Search(len(b.leaves), func(i int) bool {
		return b.leaves[i].first+uint32(len(b.leaves[i].leaves)) > block
	})
	if i == len(b.leaves) || block < b.leaves[i].first {
		return protocol.Digest{}, false
	}
	return b.leaves[i].leaves[block-b.leaves[i].first], true
}

// Verify says whether data is a block of the stream.
func (b *Book) Verify(block uint32, data []byte) bool {
	want, known := b.Digest(block)
	_, n := b.cut.Block(block)
	return known && n == len(data) && format2.LeafDigest(data) == want
}
