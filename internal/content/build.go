package content

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Progress hears how many bytes of the tree are hashed, from one goroutine.
type Progress func(hashed uint64)

// buildBuffers are the blocks in memory while a tree is hashed.
const buildBuffers = 6

// Build reads every byte once and gives the whole manifest: one goroutine reads, one hashes
// blocks, one hashes files. A file that changes meanwhile is a *LostError, one that cannot be
// read an *UnavailableError.
func Build(ctx context.Context, t *Tree, progress Progress) (*manifest.Manifest, error) {
	files := append([]manifest.File(nil), t.Files...)
	blocks, err := manifest.Cut(files)
	if err != nil {
		return nil, groupcast.Errorf(groupcast.EInvalid, "%s", err)
	}
	m := &manifest.Manifest{Files: files, Blocks: blocks}
	if err := hashTree(ctx, m, t.Place, progress); err != nil {
		return nil, err
	}
	if err := m.Check(); err != nil {
		return nil, groupcast.Errorf(groupcast.EInvalid, "these files cannot be sent: %s", err)
	}
	return m, nil
}

// piece is a block that is being hashed: which runs of which files it has.
type piece struct {
	block   int
	data    []byte
	extents []manifest.Extent
	users   *sync.WaitGroup
}

// hashTree fills in all digests of m.
func hashTree(ctx context.Context, m *manifest.Manifest, p Place, progress Progress) error {
	var hashers sync.WaitGroup
	toBlocks, toFiles := make(chan piece, buildBuffers), make(chan piece, buildBuffers)
	hashers.Go(func() {
		for x := range toBlocks {
			m.Blocks[x.block].Digest = manifest.LeafDigest(x.data)
			x.users.Done()
		}
	})
	hashers.Go(func() { hashFiles(m, toFiles) })
	err := readTree(ctx, m, p, progress, toBlocks, toFiles)
	close(toBlocks)
	close(toFiles)
	hashers.Wait()
	return err
}

// hashFiles computes the digests of files out of the runs of bytes, which come in order.
func hashFiles(m *manifest.Manifest, in <-chan piece) {
	h := sha256.New()
	next := 0
	finish := func(to int) { // files before to are whole
		for ; next < to; next++ {
			if f := &m.Files[next]; f.Kind == manifest.KindFile {
				sum(h, f)
			}
		}
	}
	for x := range in {
		data := x.data
		for _, e := range x.extents {
			finish(e.File)
			h.Write(data[:e.Length])
			data = data[e.Length:]
		}
		x.users.Done()
	}
	finish(len(m.Files))
}

func sum(h hash.Hash, f *manifest.File) {
	h.Sum(f.Digest[:0])
	h.Reset()
}

// readTree reads the blocks one after another and hands each to both hashers.
func readTree(ctx context.Context, m *manifest.Manifest, p Place, progress Progress, out ...chan<- piece) error {
	stream := newStream(m.Files, p)
	defer stream.close()
	var buffers [buildBuffers]struct {
		data    []byte
		extents []manifest.Extent
		users   sync.WaitGroup
	}
	var done uint64
	for i := range m.Blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := &buffers[i%buildBuffers]
		b.users.Wait()
		b.data = grown(b.data, int(m.Blocks[i].Length))
		var err error
		if b.extents, err = stream.read(b.data, b.extents[:0]); err != nil {
			return err
		}
		b.users.Add(len(out))
		for _, c := range out {
			c <- piece{i, b.data, b.extents, &b.users}
		}
		if done += uint64(len(b.data)); progress != nil {
			progress(done)
		}
	}
	return stream.finish()
}

func grown(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n, max(n, protocol.BlockSize))
	}
	return b[:n]
}

var errEnd = errors.New("there are no more files")

// stream reads the files of a tree one after another and sees whether one changes meanwhile.
type stream struct {
	files []manifest.File
	open  *opened
	at    int // file
	held  *handle
	off   uint64
}

func newStream(files []manifest.File, p Place) *stream {
	return &stream{files: files, open: newOpened(files, p)}
}

// read fills buf with what comes next and lists the runs of files it is made of.
func (s *stream) read(buf []byte, extents []manifest.Extent) ([]manifest.Extent, error) {
	for len(buf) > 0 {
		if err := s.advance(); err != nil {
			return nil, err
		}
		n := int(min(uint64(len(buf)), s.files[s.at].Size-s.off))
		if _, err := s.held.ReadAt(buf[:n], int64(s.off)); err != nil {
			return nil, s.fault(err)
		}
		extents = append(extents, manifest.Extent{File: s.at, Offset: s.off, Length: n})
		s.off += uint64(n)
		buf = buf[n:]
	}
	return extents, nil
}

// advance goes to the next file with bytes left.
func (s *stream) advance() error {
	for s.at < len(s.files) {
		f := &s.files[s.at]
		if f.Kind == manifest.KindFile {
			if s.held == nil {
				h, err := s.open.take(s.at)
				if err != nil {
					return s.fault(err)
				}
				s.held = h
			}
			if s.off < f.Size {
				return nil
			}
			if err := s.leave(); err != nil {
				return err
			}
		}
		s.at++
	}
	return errEnd
}

// leave checks that a file that was read to its end is still what it was.
func (s *stream) leave() error {
	info, err := s.held.Stat()
	if err == nil && (info.Size() != int64(s.files[s.at].Size) || !info.ModTime().Equal(s.held.info.ModTime())) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return s.fault(err)
	}
	s.open.release(s.held)
	s.open.forget(s.at)
	s.held, s.off = nil, 0
	return nil
}

// finish goes over what is left, which has no bytes.
func (s *stream) finish() error {
	switch err := s.advance(); {
	case errors.Is(err, errEnd):
		return nil
	case err == nil:
		return fmt.Errorf("%s is left after the last block", s.files[s.at].Path)
	default:
		return err
	}
}

func (s *stream) fault(err error) error { return s.open.fault(s.at, err) }

func (s *stream) close() {
	if s.held != nil {
		s.open.release(s.held)
	}
	s.open.close() // read only: nothing can be lost
}
