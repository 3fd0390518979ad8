package source

import (
	"context"
	"errors"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Run reads and hashes the files from where the durable pages end, and signs pages to the final one. Files that
// changed, are gone or cannot be read become void. A *content.UnavailableError says that a disk is away, or fails: Run
// may be called again, and goes on.
func (s *Source) Run(ctx context.Context) error {
	s.running.Lock()
	defer s.running.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	if err := s.save(ctx); err != nil || s.final() {
		return err
	}
	if err := s.readEarlier(ctx); err != nil {
		return err
	}
	l := newLine(ctx, s)
	r := &run{s: s, ctx: ctx, line: l, reader: s.reader(), hash: format2.NewContentHasher()}
	err := r.all()
	cancel()
	for range l.ordered { // those that were made before it ended
	}
	l.group.Wait()
	s.release(r.reader)
	return err
}

func (s *Source) final() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.signed)
	return n > 0 && s.signed[n-1].Final
}

// run is one Run: it takes what was read in the order of the stream, and is the only one that changes the chain.
type run struct {
	s      *Source
	ctx    context.Context // of the one Run
	line   *line
	reader *reader
	hash   *format2.ContentHasher // of the large file at hand

	job   *job // at hand
	small int  // next of its small files
	at    int  // where its bytes begin
	file  current
	why   map[uint32]groupcast.LeftOut // of files that are void with a page to come
}

// current is the small file at hand.
type current struct {
	smallFile
	data []byte
	ok   bool
}

func (r *run) all() error {
	if err := r.sharedBlocks(); err != nil {
		return err
	}
	if err := r.largeFiles(); err != nil {
		return err
	}
	if err := r.sign(true); err != nil {
		return err
	}
	if !r.s.final() {
		return errors.New("the source is at its end, and its chain of pages is not")
	}
	return nil
}

// next is the block that the chain wants; those before it are covered, or void.
func (r *run) next() (uint32, bool, error) {
	if b, ok := r.s.nextBlock(); ok {
		return b, true, nil
	}
	if err := r.sign(true); err != nil {
		return 0, false, err
	}
	b, ok := r.s.nextBlock()
	return b, ok, nil
}

func (s *Source) nextBlock() (uint32, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writer.Next()
}

// take gives the next job, once it is done; nil: there are no more.
func (r *run) take() (*job, error) {
	var j *job
	for j == nil {
		select {
		case next, ok := <-r.line.ordered:
			if !ok {
				return nil, r.ctx.Err()
			}
			j = next
		case <-r.s.wake:
			if err := r.sign(false); err != nil {
				return nil, err
			}
		}
	}
	for {
		select {
		case <-j.done:
			return j, r.ctx.Err()
		case <-r.ctx.Done():
			return nil, r.ctx.Err()
		case <-r.s.wake:
			if err := r.sign(false); err != nil {
				return nil, err
			}
		}
	}
}

// sharedBlocks hashes the blocks that small files share.
func (r *run) sharedBlocks() error {
	s := r.s
	var digests []protocol.Digest
	buf := make([]byte, protocol.BlockSize)
	for {
		b, ok, err := r.next()
		if err != nil {
			return err
		}
		if !ok || !s.cut.Shared(b) {
			break
		}
		_, n := s.cut.Block(b)
		if digests, err = r.fill(buf[:n], b, digests[:0]); err != nil {
			return err
		}
		if now, ok, err := r.next(); err != nil || !ok || now != b {
			if err != nil {
				return err
			}
			continue // it turned out to be void
		}
		leaf, kept := s.earlier.leaf(b)
		if !kept {
			leaf = format2.LeafDigest(buf[:n])
		}
		if err := r.hashed(b, leaf); err != nil {
			return err
		}
		i := 0
		for x := range s.cut.Runs(b) {
			if _, end, _ := s.cut.File(x.Entry); end == b+1 && !s.told(x.Entry) {
				if err := r.finish(x.Entry, digests[i]); err != nil {
					return err
				}
			}
			i++
		}
		if err := r.sign(false); err != nil {
			return err
		}
	}
	return r.reach(noEntry)
}

// fill puts a block together; void files are zeros in it. It appends the digests of the files.
func (r *run) fill(buf []byte, b uint32, digests []protocol.Digest) ([]protocol.Digest, error) {
	for x := range r.s.cut.Runs(b) {
		part := buf[:x.Length]
		buf = buf[x.Length:]
		if err := r.reach(x.Entry); err != nil {
			return digests, err
		}
		digests = append(digests, r.file.digest)
		switch {
		case r.file.err != nil || !r.file.ok || r.file.entry != x.Entry:
			clear(part)
		case !r.file.keep:
			copy(part, r.file.data[x.Offset:])
		}
	}
	return digests, nil
}

// noEntry is behind all small files.
const noEntry = 1<<32 - 1

// reach goes on to a small file, and says what became of those that it passes and that have no more blocks to come. One
// that was void before is not reached.
func (r *run) reach(entry uint32) error {
	for !r.file.ok || r.file.entry != entry {
		if entry != noEntry && r.s.lost(entry) {
			return nil
		}
		ok, err := r.advance()
		switch {
		case err != nil:
			return err
		case !ok && entry != noEntry:
			return fmt.Errorf("entry %d has bytes in the next block and was not read", entry)
		case !ok:
			return nil
		}
		f := &r.file
		if f.err != nil {
			if err := r.fail(f.entry, f.err); err != nil {
				return err
			}
			continue
		}
		if f.keep {
			f.digest = r.s.earlier.digests[f.entry]
		}
		if _, end, _ := r.s.cut.File(f.entry); end <= r.s.pending() {
			if err := r.finish(f.entry, f.digest); err != nil {
				return err
			}
		}
	}
	return nil
}

// advance goes on to the next small file; false: there are no more.
func (r *run) advance() (bool, error) {
	for r.job == nil || r.job.small != nil && r.small == len(r.job.small) {
		if r.job != nil {
			r.line.recycle(r.job)
		}
		var err error
		if r.job, err = r.take(); err != nil || r.job == nil {
			r.file.ok = false
			return false, err
		}
		r.small, r.at = 0, 0
	}
	if r.job.small == nil {
		r.file.ok = false
		return false, nil // a large file's
	}
	f := r.job.small[r.small]
	r.small++
	r.file = current{smallFile: f, ok: true}
	if !f.keep {
		r.file.data = r.job.data[r.at : r.at+f.length]
		r.at += f.length
	}
	return true, nil
}

// largeFiles hashes the files that have blocks of their own.
func (r *run) largeFiles() (err error) {
	if r.job == nil {
		r.job, err = r.take()
	}
	var stamp int64
	steady := true
	for ; err == nil && r.job != nil; r.job, err = r.take() {
		j := r.job
		if r.s.told(j.entry) {
			r.line.recycle(j)
			continue // of a file that is void
		}
		if j.off == 0 {
			r.hash.Digest() // a file before it may have been left in its middle
			stamp, steady = j.piece.stamp, true
		}
		steady = steady && j.piece.stamp == stamp
		if err := r.largeBlock(j); err != nil {
			return err
		}
		if j.last && !r.s.told(j.entry) {
			if err := r.largeEnd(j, stamp, steady); err != nil {
				return err
			}
		}
		if err := r.sign(false); err != nil {
			return err
		}
	}
	return err
}

// largeBlock takes a block of a large file.
func (r *run) largeBlock(j *job) error {
	defer r.line.recycle(j)
	if j.err != nil {
		return r.fail(j.entry, j.err)
	}
	if j.keep {
		j.leaf, _ = r.s.earlier.leaf(j.block)
	} else {
		data := j.data
		if j.piece.zeros {
			_, n := r.s.cut.Block(j.block)
			data = zeroBlock[:n]
		}
		_, _ = r.hash.Write(data) // never fails
	}
	b, ok, err := r.next()
	switch {
	case err != nil:
		return err
	case ok && b == j.block:
		return r.hashed(b, j.leaf)
	case ok && b < j.block:
		return fmt.Errorf("block %d of the stream was read, and block %d is wanted", j.block, b)
	}
	if leaf, known := r.s.leafOf(j.block); known && leaf != j.leaf {
		f, err := r.s.cfg.Files.File(j.entry)
		if err != nil {
			return err
		}
		return changedFile(f.Path, j.entry)
	}
	return nil
}

// largeEnd sees whether a large file that was read to its end is still what was listed. One whose stamp is another one
// may have been written to: it is read again, and must be the same.
func (r *run) largeEnd(j *job, stamp int64, steady bool) error {
	if j.keep {
		return r.finish(j.entry, r.s.earlier.digests[j.entry])
	}
	digest := r.hash.Digest()
	now, err := r.reader.check(j.entry)
	if err == nil && (!steady || now != stamp) {
		again := format2.NewContentHasher()
		if err = r.reader.copy(again, j.entry); err == nil && again.Digest() != digest {
			err = r.reader.other(j.entry)
		}
	}
	if err != nil {
		return r.fail(j.entry, err)
	}
	return r.finish(j.entry, digest)
}

// fail makes a file void because of an error, unless it is worth another try.
func (r *run) fail(entry uint32, err error) error {
	v, again := judge(r.reader, entry, err)
	if again != nil {
		if v, again = r.s.alone(r.reader, entry, err); again != nil {
			return again
		}
	}
	if r.why == nil {
		r.why = map[uint32]groupcast.LeftOut{}
	}
	r.why[entry] = v.LeftOut
	return r.tell(func(w *pages.Writer) error { return w.Void(entry, v.reason) })
}

func (r *run) finish(entry uint32, digest protocol.Digest) error {
	return r.tell(func(w *pages.Writer) error { return w.Finish(entry, digest) })
}

func (r *run) hashed(b uint32, leaf protocol.Digest) error {
	return r.tell(func(w *pages.Writer) error { return w.Hashed(b, leaf) })
}

// tell tells the chain something, once there is room for it.
func (r *run) tell(f func(*pages.Writer) error) error {
	s := r.s
	s.mu.Lock()
	if s.writer.Full() {
		s.mu.Unlock()
		if err := r.sign(false); err != nil {
			return err
		}
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	return f(s.writer)
}

// sign signs the pages that are due and makes them durable.
func (r *run) sign(hurry bool) error {
	s := r.s
	for {
		s.mu.Lock()
		raw, c, ok, err := s.writer.Sign(hurry || s.hurry || s.early())
		if ok {
			s.hurry = false
		}
		s.mu.Unlock()
		if err != nil || !ok {
			return err
		}
		s.unsaved = &unsaved{raw, c, r.page(raw, c)}
		if err := s.save(r.ctx); err != nil {
			return err
		}
	}
}

// page is what is kept of a signed page.
func (r *run) page(raw []byte, c pages.Change) Page {
	s := r.s
	book := s.writer.Book()
	p := Page{
		Transfer: s.cfg.Terms.Transfer, Edition: s.cfg.Terms.Edition, Number: book.Verified() - 1, Raw: raw,
		Root: book.Root(),
	}
	for _, f := range c.Void {
		p.Lost = append(p.Lost, r.why[f.Entry])
		delete(r.why, f.Entry)
	}
	return p
}
