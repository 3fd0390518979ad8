package skeleton

import (
	"io"
	"sort"
)

// Finder looks paths up in a skeleton that was written before. In memory is of every so many entries a mark; what lies
// between is read when it is asked for.
type Finder struct {
	r     io.ReaderAt
	bytes int
	marks []Mark

	in     *Reader
	next   int    // number of the entry that in gives next
	before string // path of the entry before cur
	cur    Entry  // the entry that was read last …
	ended  bool   // … or there is none
}

// marked is how many entries there are from one mark to the next.
const marked = 128

// NewFinder goes through a skeleton of so many bytes once.
func NewFinder(r io.ReaderAt, bytes int) (*Finder, error) {
	s, err := NewReader(io.NewSectionReader(r, 0, int64(bytes)), bytes)
	if err != nil {
		return nil, err
	}
	f := &Finder{r: r, bytes: bytes}
	for i := 0; ; i++ {
		if i%marked == 0 {
			f.marks = append(f.marks, s.Mark())
		}
		if _, ok := s.Next(); !ok {
			break
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	f.goTo(f.marks[0])
	return f, nil
}

// goTo goes on reading at a mark.
func (f *Finder) goTo(m Mark) {
	f.in, f.next, f.before = ReadFrom(f.r, f.bytes, m), m.Entry(), m.Path()
	f.read()
}

func (f *Finder) read() {
	var more bool
	f.cur, more = f.in.Next()
	f.ended = !more
	f.next++
}

// From gives the first entry whose path is not before some path; false: there is none. Paths that come in their order
// cost no more than reading the skeleton once.
func (f *Finder) From(path string) (e Entry, ok bool, err error) {
	if f.before >= path || !f.ended && f.cur.Path < path {
		// The last mark with only paths before this one in front of it.
		m := f.marks[max(0, sort.Search(len(f.marks), func(i int) bool { return f.marks[i].Path() >= path })-1)]
		if f.before >= path || m.Entry() > f.next {
			f.goTo(m)
		}
		for !f.ended && f.cur.Path < path {
			f.before = f.cur.Path
			f.read()
		}
	}
	if f.ended {
		return e, false, f.in.Err()
	}
	return f.cur, true, nil
}
