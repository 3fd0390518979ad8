// Package skeleton is what a transfer of format 2 promises before anything of it was read: its entries, and how
// their content is cut into blocks (docs/format-2.md §2). Entries are written and read as a stream; of a million
// of them a Cut keeps twelve bytes each.
package skeleton

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	magic     = "GCS2"
	headBytes = len(magic) + 4 + 8 + 8
	// MaxBytes is the longest skeleton.
	MaxBytes = format2.MaxSkeletonBytes
)

// What is wrong with bytes that are no skeleton.
var (
	ErrEncoding = errors.New("the skeleton is not encoded as it must be")
	ErrLarge    = errors.New("the skeleton is larger than it may be")
	ErrTotals   = errors.New("the skeleton's entries are not what it says of them")
)

// Entry is a file, a folder or a symbolic link. A file's digest is not known yet, and zero.
type Entry = manifest.File

// Totals are what stands in front of the entries.
type Totals struct {
	Entries int
	Small   uint64 // bytes of the files below manifest.BigFile …
	Big     uint64 // … and of the others
}

// Add counts an entry.
func (t *Totals) Add(e *Entry) {
	t.Entries++
	if n := e.Stored(); n < manifest.BigFile {
		t.Small += n
	} else {
		t.Big += n
	}
}

func (t Totals) append(dst []byte) []byte {
	dst = append(dst, magic...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(t.Entries))
	dst = binary.BigEndian.AppendUint64(dst, t.Small)
	return binary.BigEndian.AppendUint64(dst, t.Big)
}

func parseTotals(b []byte) (Totals, error) {
	if string(b[:len(magic)]) != magic {
		return Totals{}, ErrEncoding
	}
	t := Totals{
		Entries: int(binary.BigEndian.Uint32(b[4:])),
		Small:   binary.BigEndian.Uint64(b[8:]), Big: binary.BigEndian.Uint64(b[16:]),
	}
	return t, t.check()
}

const mostBytes = 1<<63 - 1

func (t Totals) check() error {
	if t.Entries > protocol.MaxEntries || t.Small > mostBytes || t.Big > mostBytes-t.Small {
		return fmt.Errorf("%w: %d entries", ErrLarge, t.Entries)
	}
	return nil
}

// shared is how many bytes two paths begin with alike.
func shared(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
