package skeleton

import (
	"bufio"
	"io"
)

// Mark is a place between two entries, from which reading can begin again.
type Mark struct {
	sum, says Totals
	left      int
	last      string
}

// Mark gives the place that a reader has come to.
func (s *Reader) Mark() Mark { return Mark{s.sum, s.says, s.left, string(s.last)} }

// Entry is the number of the entry that follows; Path is that of the entry before it.
func (m Mark) Entry() int { return m.sum.Entries }

// Path is the path of the entry before the place; empty at the beginning.
func (m Mark) Path() string { return m.last }

// markWindow is how much is in memory of a skeleton that is read from a mark on. The longest path and target fit.
const markWindow = 16 << 10

// ReadFrom goes on from a mark in a skeleton of so many bytes, which was read to its end before.
func ReadFrom(r io.ReaderAt, bytes int, m Mark) *Reader {
	at := int64(bytes - m.left)
	in := bufio.NewReaderSize(io.NewSectionReader(r, at, int64(m.left)), markWindow)
	return &Reader{in: in, left: m.left, sum: m.sum, says: m.says, last: []byte(m.last)}
}
