// Package listed is the list of a transfer's files as they were found: beside the skeleton, which says what is
// promised, it says what a file must still be when it is read. Of a million files only a few are in memory.
package listed

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// The file of a list:
//
//	magic 4 │ entries 4 │ groups of 64 entries │ offset of each group 8 │ offset of the first of these 8
//	entry   0: no file │ 1 │ shared v │ rest v + bytes │ size v │ mtime 8 │ inode 8
//
// A path begins with the first `shared` bytes of that of the file before in its group.
const (
	listedMagic = "GCF2"
	listedHead  = len(listedMagic) + 4
	groupOf     = 64 // entries
	groupsHeld  = 32 // decoded groups in memory
)

// File is a file as it was found; without a path: the entry is none.
type File struct {
	Path string
	ID   Identity
}

// Writer writes such a list.
type Writer struct {
	w       *bufio.Writer
	at      uint64
	entries int
	last    string
	offsets []uint64
	buf     []byte
}

// NewWriter begins a list. It begins with an empty head: once the writer is closed, Head takes its place.
func NewWriter(w io.Writer) *Writer {
	l := &Writer{w: bufio.NewWriter(w)}
	l.put(make([]byte, listedHead))
	return l
}

// Head is what a list begins with.
func (l *Writer) Head() []byte {
	return binary.BigEndian.AppendUint32([]byte(listedMagic), uint32(l.entries))
}

// put writes bytes; the error comes with Close.
func (l *Writer) put(b []byte) {
	_, _ = l.w.Write(b)
	l.at += uint64(len(b))
}

// Add takes the next entry.
func (l *Writer) Add(f File) {
	if l.entries%groupOf == 0 {
		l.offsets, l.last = append(l.offsets, l.at), ""
	}
	l.entries++
	if f.Path == "" {
		l.put([]byte{0})
		return
	}
	n := shared(l.last, f.Path)
	b := binary.AppendUvarint(append(l.buf[:0], 1), uint64(n))
	b = binary.AppendUvarint(b, uint64(len(f.Path)-n))
	b = append(b, f.Path[n:]...)
	b = binary.AppendUvarint(b, f.ID.Size)
	b = binary.BigEndian.AppendUint64(b, uint64(f.ID.MTime))
	b = binary.BigEndian.AppendUint64(b, f.ID.Inode)
	l.put(b)
	l.buf, l.last = b, f.Path
}

// Close ends the list, and says whether all of it was written.
func (l *Writer) Close() error {
	table := l.at
	for _, at := range l.offsets {
		l.put(binary.BigEndian.AppendUint64(l.buf[:0], at))
	}
	l.put(binary.BigEndian.AppendUint64(l.buf[:0], table))
	return l.w.Flush()
}

func shared(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// ErrDamaged says that a list is not what was written.
var ErrDamaged = errors.New("the list of the files is damaged")

// List reads such a list, a group at a time. It is safe for concurrent use.
type List struct {
	f       *os.File
	entries int
	offsets []uint64 // of the groups, and where the last one ends

	mu     sync.Mutex
	groups [groupsHeld]group
}

type group struct {
	number int // from 1 on
	files  []File
}

// Open opens a list; Close closes the file.
func Open(f *os.File) (*List, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	head, tail := make([]byte, listedHead), make([]byte, 8)
	if info.Size() < int64(listedHead+8) {
		return nil, ErrDamaged
	}
	if err := errors.Join(readAt(f, head, 0), readAt(f, tail, info.Size()-8)); err != nil {
		return nil, err
	}
	l := &List{f: f, entries: int(binary.BigEndian.Uint32(head[len(listedMagic):]))}
	table := binary.BigEndian.Uint64(tail)
	n := (l.entries + groupOf - 1) / groupOf
	if string(head[:len(listedMagic)]) != listedMagic || uint64(info.Size()) != table+8*uint64(n+1) {
		return nil, ErrDamaged
	}
	raw := make([]byte, 8*(n+1))
	if err := readAt(f, raw, int64(table)); err != nil {
		return nil, err
	}
	l.offsets = make([]uint64, n+1)
	for i := range l.offsets {
		l.offsets[i] = binary.BigEndian.Uint64(raw[8*i:])
		if i > 0 && l.offsets[i] < l.offsets[i-1] || l.offsets[i] > table {
			return nil, ErrDamaged
		}
	}
	return l, nil
}

func readAt(f *os.File, b []byte, off int64) error {
	_, err := f.ReadAt(b, off)
	return err
}

// Entries is how many there are.
func (l *List) Entries() int { return l.entries }

// Close closes the file.
func (l *List) Close() error { return l.f.Close() }

// File gives an entry as it was found.
func (l *List) File(entry uint32) (File, error) {
	if int(entry) >= l.entries {
		return File{}, fmt.Errorf("there is no entry %d", entry)
	}
	n := int(entry) / groupOf
	l.mu.Lock()
	defer l.mu.Unlock()
	g := &l.groups[n%groupsHeld]
	if g.number != n+1 {
		files, err := l.decode(n, g.files[:0])
		if err != nil {
			g.number = 0
			return File{}, err
		}
		g.number, g.files = n+1, files
	}
	return g.files[entry%groupOf], nil
}

func (l *List) decode(n int, files []File) ([]File, error) {
	raw := make([]byte, l.offsets[n+1]-l.offsets[n])
	if err := readAt(l.f, raw, int64(l.offsets[n])); err != nil {
		return nil, err
	}
	d := listDecoder{rest: raw}
	var last string
	for range min(groupOf, l.entries-n*groupOf) {
		f := d.entry(last)
		if d.bad {
			return nil, ErrDamaged
		}
		if f.Path != "" {
			last = f.Path
		}
		files = append(files, f)
	}
	if len(d.rest) > 0 {
		return nil, ErrDamaged
	}
	return files, nil
}

// listDecoder takes entries off some bytes; bad: they are none.
type listDecoder struct {
	rest []byte
	bad  bool
}

func (d *listDecoder) entry(last string) (f File) {
	kind := d.take(1)
	if d.bad || kind[0] == 0 {
		return f
	}
	n := d.number()
	rest := d.take(d.number())
	if d.bad || n > uint64(len(last)) {
		d.bad = true
		return f
	}
	f.Path = last[:n] + string(rest)
	f.ID.Size = d.number()
	if b := d.take(16); !d.bad {
		f.ID.MTime, f.ID.Inode = int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:])
	}
	return f
}

func (d *listDecoder) number() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *listDecoder) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}
