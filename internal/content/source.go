package content

import (
	"errors"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Source gives the blocks of a session out of files, each checked against its digest. It is
// safe for concurrent use.
type Source struct {
	layout  *manifest.Layout
	encoded *manifest.Encoded
	open    *opened
}

// NewSource opens nothing yet: files are opened when a block of them is read. The layout has
// its manifest.
func NewSource(l *manifest.Layout, p Place) (*Source, error) {
	m := l.Manifest()
	if m == nil {
		return nil, errors.New("a source without a manifest")
	}
	e := manifest.Encode(m)
	if e.Root != l.Root() {
		return nil, errors.New("the manifest does not encode to what its layout says")
	}
	return &Source{layout: l, encoded: e, open: newOpened(m.Files, p)}, nil
}

// Layout is the layout of the blocks.
func (s *Source) Layout() *manifest.Layout { return s.layout }

// ReadBlock reads block n (0 the index, then the manifest, then the stream) into buf and
// gives its length.
func (s *Source) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	length, ok := s.layout.Length(n)
	if !ok || length > len(buf) {
		return 0, fmt.Errorf("block %d into %d bytes: no such block or too little room", n, len(buf))
	}
	buf = buf[:length]
	switch {
	case n == 0:
		return copy(buf, s.encoded.Index), nil
	case n < s.layout.FirstStream():
		return copy(buf, s.encoded.Manifest[int(n-1)*protocol.BlockSize:]), nil
	}
	extents := s.layout.Extents(nil, n)
	for range 2 {
		if err := s.readExtents(extents, buf); err != nil {
			return 0, err
		}
		if s.layout.Verify(n, buf) {
			return length, nil
		}
		if err := s.suspects(extents); err != nil {
			return 0, err
		}
	}
	return 0, s.open.fault(extents[0].File, errUnsteady)
}

func (s *Source) readExtents(extents []manifest.Extent, buf []byte) error {
	for _, x := range extents {
		if err := s.readExtent(x, buf[:x.Length]); err != nil {
			return err
		}
		buf = buf[x.Length:]
	}
	return nil
}

func (s *Source) readExtent(x manifest.Extent, buf []byte) error {
	h, err := s.open.take(x.File)
	if err != nil {
		return s.open.fault(x.File, err)
	}
	_, err = h.ReadAt(buf, int64(x.Offset))
	s.open.release(h)
	if err != nil {
		s.open.forget(x.File)
		return s.open.fault(x.File, err)
	}
	return nil
}

// suspects finds the files that made a block fail. One that is alone in it is it; of
// small ones that share the block each is looked at whole.
func (s *Source) suspects(extents []manifest.Extent) error {
	if f := &s.layout.Manifest().Files[extents[0].File]; len(extents) == 1 {
		s.open.forget(extents[0].File)
		return &LostError{Lost: []Lost{{f.Path, groupcast.WhyChanged}}}
	}
	var lost LostError
	for _, x := range extents {
		err := s.open.intact(x.File)
		var one *LostError
		switch {
		case errors.As(err, &one):
			lost.Lost, lost.Err = append(lost.Lost, one.Lost...), one.Err
		case err != nil:
			return err
		}
	}
	if len(lost.Lost) == 0 {
		return nil
	}
	return &lost
}

// Close closes the files.
func (s *Source) Close() error { return s.open.close() }
