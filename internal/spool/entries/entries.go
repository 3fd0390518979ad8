// Package entries gives the entries of a skeleton that lies in a file: of each a byte is in memory, and of some the
// place in the file, from which the others are read when they are asked for.
package entries

import (
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/skeleton"
)

const (
	every = 256 // entries from one mark to the next
	most  = 32  // stretches between marks that are in memory at once
)

// List is the entries of one skeleton. It is safe for concurrent use.
type List struct {
	file  io.ReaderAt
	bytes int
	kinds []manifest.Kind
	marks []skeleton.Mark

	mu     sync.Mutex
	recent []stretch // the one that was used last is the last
}

// stretch is the entries from one mark to the next.
type stretch struct {
	mark    int
	entries []skeleton.Entry
}

// Read reads a skeleton of so many bytes to its end, checks it by all rules and shows each entry.
func Read(f io.ReaderAt, bytes int, show func(i int, e *skeleton.Entry)) (*List, error) {
	r, err := skeleton.NewReader(io.NewSectionReader(f, 0, int64(bytes)), bytes)
	if err != nil {
		return nil, err
	}
	l := &List{file: f, bytes: bytes, kinds: make([]manifest.Kind, 0, min(r.Totals().Entries, bytes))}
	for {
		if len(l.kinds)%every == 0 {
			l.marks = append(l.marks, r.Mark())
		}
		e, ok := r.Next()
		if !ok {
			return l, r.Err()
		}
		show(len(l.kinds), &e)
		l.kinds = append(l.kinds, e.Kind)
	}
}

// Len is how many entries there are; Kind says what one of them is.
func (l *List) Len() int { return len(l.kinds) }

// Kind says what an entry is.
func (l *List) Kind(i int) manifest.Kind { return l.kinds[i] }

// At gives entry number i, without a digest.
func (l *List) At(i int) (skeleton.Entry, error) {
	s, err := l.stretch(i / every)
	if err != nil {
		return skeleton.Entry{}, err
	}
	return s[i%every], nil
}

// stretch gives the entries behind a mark.
func (l *List) stretch(mark int) ([]skeleton.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := slices.IndexFunc(l.recent, func(s stretch) bool { return s.mark == mark }); at >= 0 {
		s := l.recent[at]
		l.recent = append(slices.Delete(l.recent, at, at+1), s)
		return s.entries, nil
	}
	want := min(every, len(l.kinds)-mark*every)
	s := stretch{mark, make([]skeleton.Entry, 0, want)}
	r := skeleton.ReadFrom(l.file, l.bytes, l.marks[mark])
	for len(s.entries) < want {
		e, ok := r.Next()
		if !ok {
			return nil, fmt.Errorf("the list of entries that is kept cannot be read again: %w", r.Err())
		}
		s.entries = append(s.entries, e)
	}
	if len(l.recent) >= most {
		l.recent = slices.Delete(l.recent, 0, 1)
	}
	l.recent = append(l.recent, s)
	return s.entries, nil
}

// Find gives the number of the entry with a path.
func (l *List) Find(path string) (int, bool, error) {
	// The last mark with a path before it that is smaller: the first mark has none.
	mark := sort.Search(len(l.marks)-1, func(n int) bool { return l.marks[n+1].Path() >= path })
	if mark*every >= len(l.kinds) {
		return 0, false, nil
	}
	s, err := l.stretch(mark)
	if err != nil {
		return 0, false, err
	}
	i, found := slices.BinarySearchFunc(s, path,
		func(e skeleton.Entry, p string) int { return strings.Compare(e.Path, p) })
	return mark*every + i, found, nil
}
