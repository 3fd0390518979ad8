package content

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/groupcast/groupcast/internal/lists"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// Covers says whether every path of older content is a path of newer content, too. The lists are compared as
// they are read, and no further than to the first path that is missing; read is how many entries that were.
func (l *Library) Covers(ctx context.Context, newer, older string) (covers bool, read int, err error) {
	if err := ctx.Err(); err != nil {
		return false, 0, err
	}
	a, closeA, err := l.entries(newer)
	if err != nil {
		return false, 0, err
	}
	defer closeA()
	b, closeB, err := l.entries(older)
	if err != nil {
		return false, 0, err
	}
	defer closeB()
	covers, err = manifest.Covers(a, b)
	return covers, a.Read() + b.Read(), err
}

// CoversPaths is Covers for paths, which are sorted, that nothing was made of yet.
func (l *Library) CoversPaths(ctx context.Context, newer []string, older string) (covers bool, read int, err error) {
	if err := ctx.Err(); err != nil {
		return false, 0, err
	}
	e, done, err := l.entries(older)
	if err != nil {
		return false, 0, err
	}
	defer done()
	for {
		f, more := e.Next()
		if !more {
			return e.Err() == nil, e.Read(), e.Err()
		}
		at, found := slices.BinarySearch(newer, f.Path)
		if !found {
			return false, e.Read(), nil
		}
		newer = newer[at+1:] // both are in order
	}
}

// entryList is the entries of some content, one after another.
type entryList interface {
	manifest.List
	Read() int  // so many so far
	Total() int // of so many
}

// skeletonEntries are those of a skeleton.
type skeletonEntries struct {
	*skeleton.Reader
	read int
}

// Next gives the next entry.
func (s *skeletonEntries) Next() (manifest.File, bool) {
	f, ok := s.Reader.Next()
	if ok {
		s.read++
	}
	return f, ok
}

// Read is how many entries were read.
func (s *skeletonEntries) Read() int { return s.read }

// Total is how many there are.
func (s *skeletonEntries) Total() int { return s.Totals().Entries }

// entries opens the list of some content's entries.
func (l *Library) entries(id string) (entryList, func(), error) {
	f, err := os.Open(filepath.Join(l.folder(id), lists.Skeleton))
	if errors.Is(err, fs.ErrNotExist) {
		return l.manifestEntries(id)
	}
	if err != nil {
		return nil, nil, contentGone(err)
	}
	done := func() { f.Close() } // read only: nothing can be lost
	s, _, err := readSkeleton(f, f)
	if err != nil {
		done()
		return nil, nil, contentGone(err)
	}
	return &skeletonEntries{Reader: s}, done, nil
}

// readSkeleton begins to read the skeleton that a file has, by way of r.
func readSkeleton(f *os.File, r io.Reader) (s *skeleton.Reader, bytes int, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if info.Size() > skeleton.MaxBytes {
		return nil, 0, skeleton.ErrLarge
	}
	s, err = skeleton.NewReader(r, int(info.Size()))
	return s, int(info.Size()), err
}

func (l *Library) manifestEntries(id string) (entryList, func(), error) {
	f, err := os.Open(filepath.Join(l.folder(id), "manifest"))
	if err != nil {
		return nil, nil, contentGone(err)
	}
	done := func() { f.Close() } // read only: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		done()
		return nil, nil, fmt.Errorf("reading the list of some content: %w", err)
	}
	e, err := manifest.ReadEntries(f, info.Size())
	if err != nil {
		done()
		return nil, nil, contentGone(err)
	}
	return e, done, nil
}
