package skeleton

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Writer writes a skeleton entry by entry, and the digests of its blocks.
type Writer struct {
	w       io.Writer
	promise Totals
	open    bool   // nothing is promised: the head says what was added, and is written last
	first   []byte // then: the first block
	done    Totals
	check   manifest.Checker
	last    string
	buf     []byte
	index   Indexer
	bytes   int
}

// NewWriter begins a skeleton of so many entries and bytes.
func NewWriter(w io.Writer, t Totals) (*Writer, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	s := &Writer{w: w, promise: t}
	return s, s.put(t.append(nil))
}

// NewOpenWriter begins a skeleton of which nobody knows yet how many entries there will be. It begins with an empty
// head: once the writer is closed, Head takes its place.
func NewOpenWriter(w io.Writer) (*Writer, error) {
	s := &Writer{w: w, open: true}
	return s, s.put(make([]byte, headBytes))
}

// Head is what a skeleton begins with.
func (s *Writer) Head() []byte { return s.done.append(nil) }

// Add writes the next entry; paths come in their order.
func (s *Writer) Add(e *Entry) error {
	if e.Digest != (protocol.Digest{}) {
		return fmt.Errorf("%w: %q has a digest", ErrEncoding, e.Path)
	}
	if err := s.check.Add(e); err != nil {
		return fmt.Errorf("skeleton: %w", err)
	}
	s.done.Add(e)
	if s.open {
		if err := s.done.check(); err != nil {
			return err
		}
	}
	s.buf = appendEntry(s.buf[:0], s.last, e)
	s.last = e.Path
	return s.put(s.buf)
}

// appendEntry writes kind 1 │ mode 2 │ mtime 8 │ shared v │ rest v + bytes │ file: size v, link: target v +
// bytes.
func appendEntry(dst []byte, last string, e *Entry) []byte {
	dst = append(dst, byte(e.Kind))
	dst = binary.BigEndian.AppendUint16(dst, e.Mode)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.MTime))
	n := shared(last, e.Path)
	dst = binary.AppendUvarint(dst, uint64(n))
	dst = appendText(dst, e.Path[n:])
	switch e.Kind {
	case manifest.KindFile:
		dst = binary.AppendUvarint(dst, e.Size)
	case manifest.KindSymlink:
		dst = appendText(dst, e.Target)
	case manifest.KindFolder:
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func (s *Writer) put(b []byte) error {
	if s.bytes += len(b); s.bytes > MaxBytes {
		return ErrLarge
	}
	if s.open && len(s.first) < protocol.BlockSize {
		s.first = append(s.first, b[:min(len(b), protocol.BlockSize-len(s.first))]...)
	}
	_, _ = s.index.Write(b) // never fails
	_, err := s.w.Write(b)
	return err
}

// Close ends a skeleton and gives its index, block 0 of a session, and its length. The entries must be those that
// were promised, if any were.
func (s *Writer) Close() (index []byte, bytes int, err error) {
	index = s.index.Index()
	if s.open {
		copy(s.first, s.Head())
		first := format2.LeafDigest(s.first)
		copy(index, first[:])
	} else if s.done != s.promise {
		return nil, 0, ErrTotals
	}
	return index, s.bytes, nil
}
