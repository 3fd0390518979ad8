package manifest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/groupcast/groupcast/internal/protocol"
)

// input gives the bytes of an encoding one after another; what take gives is good until the next call.
type input interface {
	take(n int) ([]byte, bool) // false: so many are not left
	left() int
}

type sliceInput struct{ b []byte }

func (s *sliceInput) left() int { return len(s.b) }

func (s *sliceInput) take(n int) ([]byte, bool) {
	if n > len(s.b) {
		return nil, false
	}
	out := s.b[:n]
	s.b = s.b[n:]
	return out, true
}

// streamInput reads from r, of which only a window is in memory.
type streamInput struct {
	r    *bufio.Reader
	rest int
	err  error // of r
}

func (s *streamInput) left() int { return s.rest }

func (s *streamInput) take(n int) ([]byte, bool) {
	if n > s.rest {
		return nil, false
	}
	b, err := s.r.Peek(n)
	if err != nil {
		s.err = err
		return nil, false
	}
	_, _ = s.r.Discard(n) // it is in the buffer
	s.rest -= n
	return b, true
}

// keeper takes what is decoded, once it is checked; nil: it was looked at only.
type keeper struct {
	begin func(files, blocks int)
	file  func(i int, f *File)
	block func(i int, b Block)
}

// decode reads the canonical encoding and checks everything a receiver must know before it writes the
// first byte (security.md O7, R1, R3), entry by entry: of what it has read it holds the sizes of the
// files. Its errors are faults.
func decode(in input, keep keeper) (head header, err error) {
	all := in.left()
	if head, err = readHead(in); err != nil {
		return head, err
	}
	keep.begin(head.files, head.blocks)
	var entries entryCheck
	sizes := make([]uint64, 0, min(head.files, all/fileBytes))
	for i := range head.files {
		var f File
		if !f.read(in) {
			return head, fault(FaultEnds, "manifest ends within file %d of %d", i, head.files)
		}
		if err := entries.add(&f); err != nil {
			return head, faulty(FaultEntry, fmt.Errorf("manifest: %w", err))
		}
		sizes = append(sizes, f.Stored())
		keep.file(i, &f)
	}
	if in.left() != head.blocks*blockBytes {
		return head, fault(FaultEncoding, "manifest: its length is not what it says")
	}
	if entries.total != head.length {
		return head, fault(FaultSize, "manifest: the stream does not have the length it says")
	}
	err = decodeBlocks(in, &head, sizes, keep)
	return head, err
}

func decodeBlocks(in input, head *header, sizes []uint64, keep keeper) error {
	blocks := head.blocks
	c := cover{size: func(i int) uint64 { return sizes[i] }, files: len(sizes)}
	for i := range blocks {
		b, ok := in.take(blockBytes)
		if !ok {
			return fault(FaultEnds, "manifest ends within block %d of %d", i, blocks)
		}
		var t Block
		t.parse(b)
		if err := c.add(uint64(t.Length)); err != nil {
			return fault(FaultBlocks, "manifest: block %d: %w", i, err)
		}
		head.longest = max(head.longest, int(t.Length))
		keep.block(i, t)
	}
	if err := c.end(); err != nil {
		return fault(FaultBlocks, "manifest: %w", err)
	}
	return nil
}

type header struct {
	files, blocks int
	length        uint64 // of the packed stream
	longest       int    // block
}

func readHead(in input) (h header, err error) {
	all := in.left()
	if all > protocol.MaxManifestBytes {
		return h, fault(FaultLarge, "manifest of %d bytes: more than %d", all, protocol.MaxManifestBytes)
	}
	b, ok := in.take(headBytes)
	if !ok || string(b[:len(magic)]) != magic {
		return h, fault(FaultEncoding, "this is no manifest")
	}
	files, blocks := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	if files > protocol.MaxFiles || blocks > protocol.MaxBlocks ||
		uint64(files)*uint64(fileBytes)+uint64(blocks)*uint64(blockBytes) > uint64(in.left()) {
		return h, fault(FaultLarge, "manifest of %d bytes cannot have %d files and %d blocks", all, files, blocks)
	}
	return header{files: int(files), blocks: int(blocks), length: binary.BigEndian.Uint64(b[12:])}, nil
}

// read reads one entry:
//
//	kind 1 │ mode 2 │ mtime 8 │ size 8 │ digest 32 │ path 2 + bytes │ symlink: target 2 + bytes
func (f *File) read(in input) bool {
	b, ok := in.take(fileBytes - 2)
	if !ok {
		return false
	}
	f.Kind = Kind(b[0])
	f.Mode = binary.BigEndian.Uint16(b[1:])
	f.MTime = int64(binary.BigEndian.Uint64(b[3:]))
	f.Size = binary.BigEndian.Uint64(b[11:])
	copy(f.Digest[:], b[19:])
	if f.Path, ok = readString(in); ok && f.Kind == KindSymlink {
		f.Target, ok = readString(in)
	}
	return ok
}

// readString reads u16 length and bytes.
func readString(in input) (string, bool) {
	b, ok := in.take(2)
	if !ok {
		return "", false
	}
	b, ok = in.take(int(binary.BigEndian.Uint16(b)))
	return string(b), ok
}

// looking keeps nothing.
func looking() keeper {
	return keeper{begin: func(int, int) {}, file: func(int, *File) {}, block: func(int, Block) {}}
}

// into fills a manifest.
func into(m *Manifest) keeper {
	return keeper{
		begin: func(files, blocks int) { m.Files, m.Blocks = make([]File, files), make([]Block, blocks) },
		file:  func(i int, f *File) { m.Files[i] = *f },
		block: func(i int, b Block) { m.Blocks[i] = b },
	}
}

// streamWindow is how much of a manifest is in memory while it is read: more than any entry.
const streamWindow = 128 << 10

// Look reads a manifest from r and says whether it is the one that the offer names (if not: ErrOther)
// and can be accepted (if not: a *Fault), without keeping it. What else is wrong is r's.
func (l *Layout) Look(r io.Reader) error {
	_, _, err := l.read(r, looking())
	return err
}

// ReadManifest is WithManifest of what r gives.
func (l *Layout) ReadManifest(r io.Reader) (*Layout, error) {
	m := &Manifest{}
	index, _, err := l.read(r, into(m))
	if err != nil {
		return nil, err
	}
	return l.with(m, index), nil
}

// read reads a manifest to its end: that it is the one that the offer names is known only then, and a
// fault counts only if it is.
func (l *Layout) read(r io.Reader, keep keeper) (index []byte, head header, err error) {
	d := &blockDigests{}
	in := &streamInput{
		r: bufio.NewReaderSize(io.TeeReader(io.LimitReader(r, int64(l.raw)+1), d), streamWindow), rest: l.raw,
	}
	head, wrong := decode(in, keep)
	if in.err == nil || errors.Is(in.err, io.EOF) {
		_, in.err = io.Copy(io.Discard, in.r)
	}
	if in.err != nil {
		return nil, head, fmt.Errorf("read the manifest: %w", in.err)
	}
	index = d.end()
	if d.total != l.raw || IndexDigest(index) != l.root {
		return nil, head, ErrOther
	}
	if wrong == nil {
		wrong = l.promised(head)
	}
	return index, head, wrong
}

// promised says whether a manifest is what the offer says of it.
func (l *Layout) promised(h header) error {
	if h.length > l.total || h.files > int(l.files) || h.blocks != int(l.blocks) {
		return fault(FaultOffer, "the manifest is not what the offer says it is")
	}
	if h.longest > l.length {
		return fault(FaultOffer, "the manifest has a block of %d bytes; the session's symbols carry %d", h.longest, l.length)
	}
	return nil
}

// blockDigests makes the index of a manifest that is written to it piece by piece.
type blockDigests struct {
	index []byte
	block []byte // that is not whole yet
	total int
}

func (d *blockDigests) Write(p []byte) (int, error) {
	n := len(p)
	d.total += n
	for len(p) > 0 {
		k := min(len(p), protocol.BlockSize-len(d.block))
		d.block = append(d.block, p[:k]...)
		if p = p[k:]; len(d.block) == protocol.BlockSize {
			d.digest()
		}
	}
	return n, nil
}

func (d *blockDigests) digest() {
	sum := LeafDigest(d.block)
	d.index, d.block = append(d.index, sum[:]...), d.block[:0]
}

func (d *blockDigests) end() []byte {
	if len(d.block) > 0 {
		d.digest()
	}
	return d.index
}

// cover goes along the blocks and the files of a packed stream at once.
type cover struct {
	size  func(i int) uint64 // of file i in the stream
	files int
	next  int    // file
	left  uint64 // of the file before next
}

// add checks the next block: big files begin and end at the borders of blocks.
func (c *cover) add(length uint64) error {
	if length == 0 || length > protocol.MaxBlockLength {
		return fmt.Errorf("it has %d bytes", length)
	}
	for rest := length; rest > 0; {
		if c.left == 0 && !c.enter() {
			return errors.New("blocks and files do not have the same length")
		}
		big := c.size(c.next-1) >= BigFile
		if big && rest < length && c.left == c.size(c.next-1) {
			return fmt.Errorf("file %d does not begin a block", c.next-1)
		}
		step := min(rest, c.left)
		rest, c.left = rest-step, c.left-step
		if big && c.left == 0 && rest > 0 {
			return fmt.Errorf("file %d does not end its last block", c.next-1)
		}
	}
	return nil
}

// enter goes to the next file that has bytes; false: there is none.
func (c *cover) enter() bool {
	for c.left == 0 {
		if c.next == c.files {
			return false
		}
		c.left = c.size(c.next)
		c.next++
	}
	return true
}

// end says whether the files end with the blocks.
func (c *cover) end() error {
	if c.enter() {
		return errors.New("the blocks end before the files")
	}
	return nil
}

// entryCheck checks entries one after another, and the order of all; no path has a file or symlink
// among its parents (security.md R3). All entries between "a" and "a/x" in bytewise order begin with
// "a", so the candidates form a stack.
type entryCheck struct {
	last  string
	some  bool
	stack []string // paths of files and symlinks that the next path may begin with
	total uint64
}

func (c *entryCheck) add(f *File) error {
	if err := checkFile(f); err != nil {
		return err
	}
	if c.some && f.Path <= c.last {
		return fmt.Errorf("path %q does not come after %q", clip(f.Path), clip(c.last))
	}
	c.last, c.some = f.Path, true
	for len(c.stack) > 0 && !hasPrefix(f.Path, c.stack[len(c.stack)-1]) {
		c.stack = c.stack[:len(c.stack)-1]
	}
	for _, s := range c.stack {
		if f.Path[len(s)] == '/' {
			return fmt.Errorf("path %q lies below %q, which is no folder", clip(f.Path), clip(s))
		}
	}
	if f.Kind != KindFolder {
		c.stack = append(c.stack, f.Path)
	}
	if c.total += f.Stored(); f.Size > math.MaxInt64 || c.total > math.MaxInt64 {
		return fault(FaultSize, "sizes of the files: more than there can be")
	}
	return nil
}
