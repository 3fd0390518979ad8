package format2

import (
	"fmt"

	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	pageLabel = "groupcast/2 page\x00"
	pageHead  = len(pageLabel) + 32 + 16 + 8 + 16 + 32 + 4 + 4 + 1 + 32 + 4 + 8 + 4 + 4 + 8
)

// VoidReason says why a file is not delivered. Others than these mean just that.
type VoidReason uint8

// The reasons.
const (
	VoidChanged    VoidReason = 1 // it changed while it was read
	VoidUnreadable VoidReason = 2
	VoidGone       VoidReason = 3
)

// PageTerms are what all pages of one edition of a transfer say alike.
type PageTerms struct {
	Server     protocol.ServerID
	Group      protocol.GroupID
	Transfer   protocol.TransferNo
	TransferID protocol.TransferID
	Skeleton   protocol.Digest
	Edition    protocol.Edition
}

// Terms are those of the pages that belong to an offer.
func (o *Offer) Terms() PageTerms {
	return PageTerms{o.Server, o.Group, o.Transfer, o.TransferID, o.Skeleton, o.Edition}
}

// FinishedFile is a file that is whole, with the BLAKE3 digest of its content; Entry is its place in the skeleton.
type FinishedFile struct {
	Entry  uint32
	Digest protocol.Digest
}

// VoidFile is a file that is not delivered.
type VoidFile struct {
	Entry  uint32
	Reason VoidReason
}

// Page has the digests of a stretch of blocks, and says which files are finished or void (docs/format-2.md §3).
type Page struct {
	PageTerms
	Number   protocol.PageNo
	Final    bool
	Previous protocol.Digest

	FirstBlock  uint32 // of the stream
	FirstOffset uint64
	Files       uint32 // listed so far, with this page …
	Blocks      uint32 // … and leaves …
	Bytes       uint64 // … and the bytes of their blocks

	Leaves   []protocol.Digest
	Finished []FinishedFile
	Void     []VoidFile
}

// ParsePage reads what is signed of a page: its bytes without the signature. It checks what a page alone can
// break; whether it fits into its chain is for package pages to say.
func ParsePage(b []byte) (Page, error) {
	if len(b) < MinPageBytes-signatureBytes || len(b) > MaxPageBytes-signatureBytes {
		return Page{}, ErrLength
	}
	r := reader{b: b}
	if string(r.take(len(pageLabel))) != pageLabel {
		return Page{}, ErrLabel
	}
	var p Page
	if err := p.parseHead(&r); err != nil {
		return Page{}, err
	}
	if err := p.parseLists(&r); err != nil {
		return Page{}, err
	}
	return p, p.check()
}

func (p *Page) parseHead(r *reader) error {
	p.Server = protocol.ServerID(r.take(32))
	p.Group = protocol.GroupID(r.take(16))
	p.Transfer = protocol.TransferNo(r.u64())
	p.TransferID = protocol.TransferID(r.take(16))
	p.Skeleton = protocol.Digest(r.take(32))
	p.Edition = protocol.Edition(r.u32())
	p.Number = protocol.PageNo(r.u32())
	flags := r.u8()
	if flags > 1 {
		return ErrNewer
	}
	p.Final = flags == 1
	p.Previous = protocol.Digest(r.take(32))
	p.FirstBlock = r.u32()
	p.FirstOffset = r.u64()
	p.Files = r.u32()
	p.Blocks = r.u32()
	p.Bytes = r.u64()
	return nil
}

func (p *Page) parseLists(r *reader) error {
	n, err := r.count(r.u32(), MaxLeaves, 32)
	if err != nil {
		return err
	}
	for range n {
		p.Leaves = append(p.Leaves, protocol.Digest(r.take(32)))
	}
	if n, err = r.count(r.u32(), MaxFinished, 36); err != nil {
		return err
	}
	for range n {
		p.Finished = append(p.Finished, FinishedFile{r.u32(), protocol.Digest(r.take(32))})
	}
	if n, err = r.count(r.u32(), MaxVoid, 5); err != nil {
		return err
	}
	for range n {
		p.Void = append(p.Void, VoidFile{r.u32(), VoidReason(r.u8())})
	}
	return r.end()
}

func (p *Page) check() error {
	switch {
	case p.Edition < 1:
		return errField("edition", p.Edition)
	case p.Number >= MaxPages:
		return errField("number of a page", p.Number)
	case (p.Number == 0) != (p.Previous == protocol.Digest{}):
		return fmt.Errorf("%w: page %d with the page before", ErrEncoding, p.Number)
	}
	for i, f := range p.Finished {
		if i > 0 && f.Entry <= p.Finished[i-1].Entry {
			return fmt.Errorf("%w: finished files out of order", ErrEncoding)
		}
	}
	for i, f := range p.Void {
		if f.Reason == 0 || i > 0 && f.Entry <= p.Void[i-1].Entry {
			return fmt.Errorf("%w: void files out of order, or without a reason", ErrEncoding)
		}
	}
	return nil
}

// AppendPage writes what is signed of a page.
func AppendPage(dst []byte, p Page) []byte {
	dst = append(dst, pageLabel...)
	dst = append(dst, p.Server[:]...)
	dst = append(dst, p.Group[:]...)
	dst = be.AppendUint64(dst, uint64(p.Transfer))
	dst = append(dst, p.TransferID[:]...)
	dst = append(dst, p.Skeleton[:]...)
	dst = be.AppendUint32(dst, uint32(p.Edition))
	dst = be.AppendUint32(dst, uint32(p.Number))
	dst = append(dst, boolByte(p.Final))
	dst = append(dst, p.Previous[:]...)
	dst = be.AppendUint32(dst, p.FirstBlock)
	dst = be.AppendUint64(dst, p.FirstOffset)
	dst = be.AppendUint32(dst, p.Files)
	dst = be.AppendUint32(dst, p.Blocks)
	dst = be.AppendUint64(dst, p.Bytes)
	dst = be.AppendUint32(dst, uint32(len(p.Leaves)))
	for _, d := range p.Leaves {
		dst = append(dst, d[:]...)
	}
	dst = be.AppendUint32(dst, uint32(len(p.Finished)))
	for _, f := range p.Finished {
		dst = append(be.AppendUint32(dst, f.Entry), f.Digest[:]...)
	}
	dst = be.AppendUint32(dst, uint32(len(p.Void)))
	for _, f := range p.Void {
		dst = append(be.AppendUint32(dst, f.Entry), byte(f.Reason))
	}
	return dst
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}
