package download

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Paged is what can be fetched of a paged transfer.
type Paged interface {
	Skeleton() (io.ReadCloser, error)
	// SignedFrom lists the pages there are from a number on; changed is closed when there is one more, or at an end.
	SignedFrom(n protocol.PageNo) (list []pages.Signed, changed <-chan struct{})
	Page(n protocol.PageNo) ([]byte, error)
	// ReadBlock reads a block by its number in sessions. pages.ErrVoid: it is of void files only; pages.ErrNotYet: it
	// has no page yet.
	ReadBlock(n protocol.BlockNumber, buf []byte) (int, error)
	Close() error
}

// Skeleton gives a transfer's skeleton.
func Skeleton(p Paged) (Source, error) {
	raw, err := p.Skeleton()
	if err != nil {
		return nil, err
	}
	return &wholeSkeleton{p, raw}, nil
}

type wholeSkeleton struct {
	Paged
	raw io.ReadCloser
}

// Next reads as much as a block.
func (s *wholeSkeleton) Next(buf []byte) (int, error) {
	n, err := io.ReadFull(s.raw, buf[:protocol.BlockSize])
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// Close gives the skeleton and the transfer back.
func (s *wholeSkeleton) Close() error { return errors.Join(s.raw.Close(), s.Paged.Close()) }

// PagesOf gives pages, each as its length in 3 bytes and its bytes.
func PagesOf(p Paged, list []pages.Signed) Source { return &pageList{p, list} }

type pageList struct {
	Paged
	left []pages.Signed
}

// Next reads a page.
func (s *pageList) Next(buf []byte) (int, error) {
	if len(s.left) == 0 {
		return 0, io.EOF
	}
	raw, err := s.Page(s.left[0].Number)
	if err != nil {
		return 0, err
	}
	s.left = s.left[1:]
	buf[0], buf[1], buf[2] = byte(len(raw)>>16), byte(len(raw)>>8), byte(len(raw))
	return 3 + copy(buf[3:], raw), nil
}

// BlocksOf gives blocks of the stream, each as its number there in 4 bytes and its bytes; those of void files only
// are left out. first is the number of the stream's block 0 in sessions.
func BlocksOf(p Paged, first protocol.BlockNumber, asked protocol.Range) Source {
	return &streamBlocks{p, first, asked}
}

type streamBlocks struct {
	Paged
	first protocol.BlockNumber
	left  protocol.Range
}

// Next reads a block.
func (s *streamBlocks) Next(buf []byte) (int, error) {
	for s.left.Count > 0 {
		at := s.left.First
		n, err := s.ReadBlock(s.first+at, buf[4:])
		if err != nil && !errors.Is(err, pages.ErrVoid) {
			return 0, err
		}
		s.left = protocol.Range{First: at + 1, Count: s.left.Count - 1}
		if err == nil {
			binary.BigEndian.PutUint32(buf, uint32(at))
			return 4 + n, nil
		}
	}
	return 0, io.EOF
}
