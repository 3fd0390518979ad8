package source

import (
	"errors"
	"fmt"
	"iter"

	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// skeletonBlocks is how many session blocks the skeleton has.
func (s *Source) skeletonBlocks() uint32 {
	return uint32((s.cfg.Files.SkeletonBytes() + protocol.BlockSize - 1) / protocol.BlockSize)
}

// HeadLength gives the length of a session block before those of the stream, as far as it is there: the skeleton's
// index, the skeleton, the pages that may leave.
func (s *Source) HeadLength(b protocol.BlockNumber) (int, bool) {
	m := s.skeletonBlocks()
	switch n := uint32(b); {
	case n == 0:
		return len(s.cfg.Files.Index()), true
	case n <= m:
		return min(protocol.BlockSize, s.cfg.Files.SkeletonBytes()-int(n-1)*protocol.BlockSize), true
	case n <= m+s.cfg.Most:
		s.mu.Lock()
		defer s.mu.Unlock()
		if page := int(n - m - 1); page < len(s.signed) {
			return s.signed[page].Length, true
		}
	}
	return 0, false
}

// ReadBlock reads a session block into buf and gives its length. pages.ErrNotYet: its page is not durable;
// pages.ErrVoid: nobody needs it; a *ChangedError: it cannot be delivered any more; a *content.UnavailableError: it
// cannot be read now.
func (s *Source) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	m := s.skeletonBlocks()
	if uint32(n) > m+s.cfg.Most {
		return s.readStream(uint32(n)-m-s.cfg.Most-1, buf)
	}
	length, ok := s.HeadLength(n)
	switch {
	case !ok:
		return 0, pages.ErrNotYet
	case length > len(buf):
		return 0, fmt.Errorf("block %d has %d bytes and the buffer %d", n, length, len(buf))
	case n == 0:
		return copy(buf, s.cfg.Files.Index()), nil
	case uint32(n) <= m:
		return s.cfg.Files.Skeleton().ReadAt(buf[:length], int64(n-1)*protocol.BlockSize)
	}
	raw, err := s.Page(protocol.PageNo(uint32(n) - m - 1))
	return copy(buf, raw), err
}

// wanted is a block of the stream that is to be read: what it must be, and which of its files are void.
type wanted struct {
	leaf protocol.Digest
	runs iter.Seq[skeleton.Extent]
	void map[uint32]bool
}

func (s *Source) want(b uint32) (w wanted, err error) {
	w.runs = s.cut.Runs(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	all := true // void
	for x := range w.runs {
		if !s.writer.Lost(x.Entry) {
			all = false
			continue
		}
		if w.void == nil {
			w.void = map[uint32]bool{}
		}
		w.void[x.Entry] = true
	}
	known := false
	w.leaf, known = s.writer.Book().Digest(b)
	switch {
	case all:
		return w, pages.ErrVoid
	case b >= s.covered || !known:
		return w, pages.ErrNotYet
	}
	return w, nil
}

// readStream reads a block of the stream. Void files are zeros in it, unless they were good when it was hashed.
func (s *Source) readStream(b uint32, buf []byte) (int, error) {
	if int(b) >= s.cut.Blocks() {
		return 0, fmt.Errorf("the stream has %d blocks and no block %d", s.cut.Blocks(), b)
	}
	_, n := s.cut.Block(b)
	if n > len(buf) {
		return 0, fmt.Errorf("block %d of the stream has %d bytes and the buffer %d", b, n, len(buf))
	}
	w, err := s.want(b)
	if err != nil {
		return 0, err
	}
	buf = buf[:n]
	if w.leaf == s.zeros.leaf(n) {
		clear(buf)
		return n, nil
	}
	r := s.reader()
	defer s.release(r)
	var failed error
	for _, blank := range []bool{true, false} {
		if failed = s.readRuns(r, w, buf, blank); failed == nil && format2.LeafDigest(buf) == w.leaf {
			return n, nil
		}
		r.forget() // files are found by their names the second time
	}
	return 0, s.suspects(r, w, failed)
}

// readRuns reads the runs of a block. Those of void files are zeros if blank, or if they cannot be read.
func (s *Source) readRuns(r *reader, w wanted, buf []byte, blank bool) error {
	for x := range w.runs {
		part := buf[:x.Length]
		buf = buf[x.Length:]
		if w.void[x.Entry] && blank {
			clear(part)
			continue
		}
		switch err := r.any(x.Entry, x.Offset, part); {
		case err != nil && w.void[x.Entry]:
			clear(part)
		case err != nil:
			return err
		}
	}
	return nil
}

// suspects finds the files because of which a block is not what its page says.
func (s *Source) suspects(r *reader, w wanted, failed error) error {
	var changed ChangedError
	for x := range w.runs {
		if w.void[x.Entry] {
			continue
		}
		if _, err := r.check(x.Entry); err != nil {
			if err := changed.add(r, x.Entry, err); err != nil {
				return err
			}
		}
	}
	if len(changed.Entries) > 0 {
		return &changed
	}
	var away *content.UnavailableError
	if errors.As(failed, &away) {
		return failed
	}
	for x := range w.runs { // all of them look as they were, and one is not
		if w.void[x.Entry] {
			continue
		}
		f, err := s.cfg.Files.File(x.Entry)
		if err != nil {
			return err
		}
		changed.Lost = append(changed.Lost, content.Lost{Path: f.Path, Why: whyOf(format2.VoidChanged)})
		changed.Entries = append(changed.Entries, x.Entry)
	}
	return &changed
}
