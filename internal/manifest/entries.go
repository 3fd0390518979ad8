package manifest

import (
	"bufio"
	"fmt"
	"io"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Entries are the entries of an encoded manifest, one after another: only a window of it is in memory.
type Entries struct {
	in   *streamInput
	left int
	read int
	last entryCheck
	err  error
}

// ReadEntries begins to read the entries of a manifest of so many bytes.
func ReadEntries(r io.Reader, size int64) (*Entries, error) {
	if size > protocol.MaxManifestBytes {
		return nil, fault(FaultLarge, "manifest of %d bytes: more than %d", size, protocol.MaxManifestBytes)
	}
	in := &streamInput{r: bufio.NewReaderSize(r, streamWindow), rest: int(size)}
	head, err := readHead(in)
	if in.err != nil {
		return nil, fmt.Errorf("read the manifest: %w", in.err)
	}
	if err != nil {
		return nil, err
	}
	return &Entries{in: in, left: head.files}, nil
}

// Next gives the next entry; false after the last one, or if Err says why there is no more.
func (e *Entries) Next() (f File, ok bool) {
	if e.left == 0 || e.err != nil {
		return f, false
	}
	e.left, e.read = e.left-1, e.read+1
	if !f.read(e.in) {
		e.err = fault(FaultEnds, "manifest ends within its files")
		if e.in.err != nil {
			e.err = fmt.Errorf("read the manifest: %w", e.in.err)
		}
		return File{}, false
	}
	if err := e.last.add(&f); err != nil {
		e.err = faulty(FaultEntry, err)
		return File{}, false
	}
	return f, true
}

// Read is how many entries were read so far.
func (e *Entries) Read() int { return e.read }

// Total is how many entries there are.
func (e *Entries) Total() int { return e.read + e.left }

// Err is why the entries could not be read to their end; nil if they could.
func (e *Entries) Err() error { return e.err }

// List is entries in the order of their paths, one after another.
type List interface {
	Next() (f File, ok bool) // false after the last one, or if Err says why there is no more
	Err() error
}

// Covers says whether every path of one list is a path of another, which may have more. It reads on until
// it knows.
func Covers(newer, older List) (bool, error) {
	have, more := newer.Next()
	for {
		want, ok := older.Next()
		if !ok {
			return older.Err() == nil, older.Err()
		}
		for more && have.Path < want.Path {
			have, more = newer.Next()
		}
		if err := newer.Err(); err != nil {
			return false, err
		}
		if !more || have.Path != want.Path {
			return false, nil
		}
	}
}
