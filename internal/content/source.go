package content

import (
	"errors"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// ErrSourceChanged says that a file is no longer what its manifest says; the *groupcast.Error
// around it names the file.
var ErrSourceChanged = errors.New("the source changed")

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
	rest := buf
	for _, x := range extents {
		if err := s.readExtent(x, rest[:x.Length]); err != nil {
			return 0, err
		}
		rest = rest[x.Length:]
	}
	if !s.layout.Verify(n, buf) {
		return 0, s.changed(s.suspect(extents), nil)
	}
	return length, nil
}

func (s *Source) readExtent(x manifest.Extent, buf []byte) error {
	h, err := s.open.take(x.File)
	if err != nil {
		return s.changed(x.File, err)
	}
	_, err = h.ReadAt(buf, int64(x.Offset))
	s.open.release(h)
	if err != nil {
		s.open.forget(x.File)
		return s.changed(x.File, err)
	}
	return nil
}

// suspect finds the file that made a block fail: one whose size or time is not what the
// manifest says, else the first one.
func (s *Source) suspect(extents []manifest.Extent) int {
	for _, x := range extents {
		f := &s.layout.Manifest().Files[x.File]
		h, err := s.open.take(x.File)
		if err != nil {
			return x.File
		}
		info, err := h.Stat()
		s.open.release(h)
		if err != nil || uint64(info.Size()) != f.Size || protocol.FileTime(info.ModTime()) != f.MTime {
			return x.File
		}
	}
	return extents[0].File
}

func (s *Source) changed(i int, err error) error {
	return groupcast.Errorf(groupcast.EConflict, "%s changed since it was added", s.layout.Manifest().Files[i].Path).
		WithHint("add it again; what was delivered is intact").Wrap(errors.Join(ErrSourceChanged, err))
}

// Close closes the files.
func (s *Source) Close() error { return s.open.close() }
