package source

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

// A job is a piece of the stream that one worker reads and hashes: some small files whole, or one block of a large
// file.
type job struct {
	small []smallFile
	data  []byte // of the small files one after another, or the block

	entry uint32 // the large file
	block uint32
	off   uint64 // of the block in the file
	last  bool   // it is the file's last block
	piece piece
	leaf  protocol.Digest
	keep  bool  // it is as it was in the edition before, and is not read
	err   error // content's

	done chan struct{}
}

// smallFile is a file that shares blocks with others, or has no bytes.
type smallFile struct {
	entry  uint32
	length int
	keep   bool
	digest protocol.Digest
	err    error // content's; its bytes are zeros then
}

const (
	batchBytes = 256 << 10 // small files of one job
	batchFiles = 256
)

// line is the jobs of a Run: they are made in the order of the stream, done by several workers, and come out in their
// order.
type line struct {
	s       *Source
	ordered chan *job
	work    chan *job
	free    chan []byte
	group   sync.WaitGroup
}

// newLine starts the workers and what makes their jobs; all of them end with ctx.
func newLine(ctx context.Context, s *Source) *line {
	depth := 2*s.workers + 2
	l := &line{s: s, ordered: make(chan *job, depth), work: make(chan *job, depth), free: make(chan []byte, depth+2)}
	for range s.workers {
		l.group.Go(func() { l.worker(ctx) })
	}
	l.group.Go(func() {
		defer close(l.ordered)
		defer close(l.work)
		m := maker{ctx: ctx, line: l}
		s.cut.InOrder(m.file)
		m.flush()
	})
	return l
}

// buffer gives one that is not used.
func (l *line) buffer(n int) []byte {
	select {
	case b := <-l.free:
		if cap(b) >= n {
			return b[:n]
		}
	default:
	}
	return make([]byte, n, max(n, batchBytes))
}

// recycle takes the buffer of a job back.
func (l *line) recycle(j *job) {
	if j.data != nil {
		l.put(j.data)
		j.data = nil
	}
}

func (l *line) put(buf []byte) {
	select {
	case l.free <- buf:
	default:
	}
}

// worker does jobs until there are no more.
func (l *line) worker(ctx context.Context) {
	r := l.s.reader()
	defer l.s.release(r)
	r.until(ctx)
	for j := range l.work {
		if j.small != nil {
			l.readSmall(r, j)
		} else {
			l.readBlock(r, j)
		}
		close(j.done)
	}
	r.until(l.s.life)
}

// readSmall reads small files whole and hashes each.
func (l *line) readSmall(r *reader, j *job) {
	n := 0
	for i := range j.small {
		if !j.small[i].keep {
			n += j.small[i].length
		}
	}
	j.data = l.buffer(n)
	rest := j.data
	for i := range j.small {
		f := &j.small[i]
		if f.keep {
			_, f.err = r.check(f.entry)
			continue
		}
		part := rest[:f.length]
		rest = rest[f.length:]
		if f.err = r.whole(f.entry, part); f.err != nil {
			clear(part)
			continue
		}
		f.digest = format2.ContentDigest(part)
	}
}

// readBlock reads a block of a large file and hashes it.
func (l *line) readBlock(r *reader, j *job) {
	if j.keep {
		if j.last {
			_, j.err = r.check(j.entry)
		}
		return
	}
	_, n := l.s.cut.Block(j.block)
	data := l.buffer(n)
	if j.piece, j.err = r.at(j.entry, j.off, data); j.err != nil {
		l.put(data)
		return
	}
	if j.piece.zeros = j.piece.zeros || allZero(data); j.piece.zeros {
		l.put(data)
		j.leaf = l.s.zeros.leaf(n)
		return
	}
	j.data = data
	j.leaf = format2.LeafDigest(data)
}

// maker makes the jobs.
type maker struct {
	ctx   context.Context // of the one Run
	line  *line
	batch []smallFile
	bytes int
}

// file makes the jobs of a file, unless it is known what became of it.
func (m *maker) file(entry uint32) {
	s := m.line.s
	if m.ctx.Err() != nil || s.told(entry) {
		return
	}
	first, end, _ := s.cut.File(entry)
	_, length, _ := s.cut.Span(entry)
	if length > 0 && !s.cut.Shared(first) {
		m.flush()
		m.large(entry, first, end)
		return
	}
	keep := length > 0 && s.earlier.has(first, end)
	m.batch = append(m.batch, smallFile{entry: entry, length: int(length), keep: keep})
	if m.bytes += int(length); m.bytes >= batchBytes || len(m.batch) == batchFiles {
		if s.await(m.ctx) {
			m.flush()
		}
	}
}

// flush hands on the small files that were gathered.
func (m *maker) flush() {
	if len(m.batch) > 0 {
		m.emit(&job{small: m.batch})
		m.batch, m.bytes = nil, 0
	}
}

// large makes a job of each block of a large file.
func (m *maker) large(entry, first, end uint32) {
	s := m.line.s
	keep := s.earlier.has(first, end)
	for b := first; b < end; b++ {
		if !s.await(m.ctx) || s.told(entry) {
			return
		}
		off := uint64(b-first) * protocol.BlockSize
		if !m.emit(&job{entry: entry, block: b, off: off, last: b+1 == end, keep: keep}) {
			return
		}
	}
}

func (m *maker) emit(j *job) bool {
	j.done = make(chan struct{})
	select {
	case m.line.ordered <- j:
	case <-m.ctx.Done():
		return false
	}
	m.line.work <- j // as much room as in ordered, and taken from by workers that wait for nothing
	return true
}

// told says whether it is known what became of a file.
func (s *Source) told(entry uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writer.Told(entry)
}

// await waits while a session has enough signed blocks before it. false: ctx ended.
func (s *Source) await(ctx context.Context) bool {
	for {
		left := s.holds(time.Now())
		if left <= 0 {
			return ctx.Err() == nil
		}
		t := time.NewTimer(left)
		select {
		case <-ctx.Done():
		case <-s.moved:
		case <-t.C:
		}
		t.Stop()
	}
}

// holds says how long hashing waits for a session if it says nothing more; 0: it goes on.
func (s *Source) holds(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil || uint64(s.covered) < uint64(s.front)+ahead {
		return 0
	}
	return s.listens - now.Sub(s.heard)
}

// zeroLeaves are the digests of blocks of zeros.
type zeroLeaves struct {
	once  sync.Once
	whole protocol.Digest
}

var zeroBlock [protocol.BlockSize]byte

func (z *zeroLeaves) leaf(n int) protocol.Digest {
	if n != protocol.BlockSize {
		return format2.LeafDigest(zeroBlock[:n])
	}
	z.once.Do(func() { z.whole = format2.LeafDigest(zeroBlock[:]) })
	return z.whole
}

// allZero says whether there is nothing but zeros.
func allZero(b []byte) bool {
	for len(b) >= 8 {
		if binary.NativeEndian.Uint64(b) != 0 {
			return false
		}
		b = b[8:]
	}
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
