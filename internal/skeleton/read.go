package skeleton

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Reader reads the entries of a skeleton one after another: only a window of it is in memory. What it gives was
// checked by all rules but one: that the whole is the skeleton of the offer, which its blocks' digests say.
type Reader struct {
	in    *bufio.Reader
	left  int // bytes
	sum   Totals
	says  Totals
	check manifest.Checker
	last  []byte
	err   error
}

// window is how much of a skeleton is in memory while it is read.
const window = 64 << 10

// NewReader begins to read a skeleton of so many bytes.
func NewReader(r io.Reader, bytes int) (*Reader, error) {
	if bytes > MaxBytes {
		return nil, ErrLarge
	}
	s := &Reader{in: bufio.NewReaderSize(r, window), left: bytes}
	b, err := s.take(headBytes)
	if err != nil {
		return nil, err
	}
	s.says, err = parseTotals(b)
	return s, err
}

// Totals are what the skeleton says of its entries.
func (s *Reader) Totals() Totals { return s.says }

// Next gives the next entry; false after the last one, or if Err says why there is no more.
func (s *Reader) Next() (Entry, bool) {
	if s.err != nil {
		return Entry{}, false
	}
	if s.sum.Entries == s.says.Entries {
		s.err = s.end()
		return Entry{}, false
	}
	e, err := s.entry()
	if err != nil {
		s.err = fmt.Errorf("skeleton, entry %d: %w", s.sum.Entries, err)
		return Entry{}, false
	}
	s.sum.Add(&e)
	return e, true
}

// Err is why the entries could not be read to their end; nil if they could.
func (s *Reader) Err() error {
	if errors.Is(s.err, io.EOF) {
		return nil
	}
	return s.err
}

// end looks at what is behind the last entry: io.EOF if all is well.
func (s *Reader) end() error {
	switch {
	case s.left != 0:
		return ErrEncoding
	case s.sum != s.says:
		return ErrTotals
	}
	return io.EOF
}

func (s *Reader) entry() (e Entry, err error) {
	b, err := s.take(11)
	if err != nil {
		return e, err
	}
	e.Kind, e.Mode = manifest.Kind(b[0]), binary.BigEndian.Uint16(b[1:])
	e.MTime = int64(binary.BigEndian.Uint64(b[3:]))
	if e.Path, err = s.path(); err != nil {
		return e, err
	}
	switch e.Kind {
	case manifest.KindFile:
		e.Size, err = s.number(math.MaxInt64)
	case manifest.KindSymlink:
		var target []byte
		target, err = s.text()
		e.Target, e.Size = string(target), uint64(len(target))
	case manifest.KindFolder:
	default:
		return e, fmt.Errorf("%w: kind %d", ErrEncoding, e.Kind)
	}
	if err != nil {
		return e, err
	}
	return e, s.check.Add(&e)
}

// path reads a path, of which the beginning is that of the one before.
func (s *Reader) path() (string, error) {
	keep, err := s.number(uint64(len(s.last)))
	if err != nil {
		return "", err
	}
	rest, err := s.text()
	if err != nil {
		return "", err
	}
	if int(keep) < len(s.last) && len(rest) > 0 && rest[0] == s.last[keep] {
		return "", fmt.Errorf("%w: a path shares more with the one before", ErrEncoding)
	}
	s.last = append(s.last[:keep], rest...)
	return string(s.last), nil
}

// text reads v + bytes, good until the next call.
func (s *Reader) text() ([]byte, error) {
	n, err := s.number(protocol.MaxPathBytes)
	if err != nil {
		return nil, err
	}
	return s.take(int(n))
}

// number reads a number of its shortest form, at most most.
func (s *Reader) number(most uint64) (v uint64, err error) {
	for shift := 0; shift < 63; shift += 7 {
		b, err := s.take(1)
		if err != nil {
			return 0, err
		}
		v |= uint64(b[0]&0x7F) << shift
		if b[0] < 0x80 {
			if b[0] == 0 && shift > 0 || v > most {
				return 0, ErrEncoding
			}
			return v, nil
		}
	}
	return 0, ErrEncoding
}

func (s *Reader) take(n int) ([]byte, error) {
	if n > s.left {
		return nil, fmt.Errorf("%w: it ends too early", ErrEncoding)
	}
	b, err := s.in.Peek(n)
	if err != nil {
		return nil, fmt.Errorf("read the skeleton: %w", err)
	}
	_, _ = s.in.Discard(n) // it is in the buffer
	s.left -= n
	return b, nil
}
