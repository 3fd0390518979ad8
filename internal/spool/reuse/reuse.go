// Package reuse fills a staging with what lies on the disk already: content that has another name, and blocks of an
// older version that are where they were. Only what was delivered to the same group by the same server, and is still as
// it was delivered, is read; and nothing is believed that is not what a block's page says.
package reuse

import (
	"context"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/record"
)

// Staging is where blocks go, and what they are to be.
type Staging struct {
	Cut *skeleton.Cut
	// Wants says whether the page of a block is here, and the block is not.
	Wants func(b uint32) bool
	// Promised is what is promised of a file: its digest is zero before a page lists it as finished.
	Promised func(entry uint32) (path string, size uint64, digest protocol.Digest, err error)
	// Lies gives the name under which a delivered file lies, if it is as it was delivered; else "". An error ends all.
	Lies func(ctx context.Context, path string, d record.Delivered) (name string, err error)
	// WriteBlock takes a block, if it is what its page says.
	WriteBlock func(b uint32, data []byte) (ok bool, err error)
}

// windowFiles bounds the files whose records are looked up at once; windowBlocks the blocks that are read between two
// times that somebody is told.
const (
	windowFiles  = 4000
	windowBlocks = 256
)

// Fill takes over what it finds, block after block. told is told of bytes that were looked for.
func Fill(ctx context.Context, f diskfs.FS, l record.Ledger, s *Staging, told func(bytes uint64)) error {
	found, err := find(ctx, l, s)
	if err != nil {
		return err
	}
	w := &filler{
		fs: f, ledger: l, staging: s, cut: s.Cut, found: found, buf: make([]byte, protocol.BlockSize),
		sources: map[uint32]*sources{},
	}
	defer w.forget()
	blocks := uint32(s.Cut.Blocks())
	for b := uint32(0); b < blocks; {
		if b, err = w.window(ctx, b, blocks, told); err != nil {
			return err
		}
	}
	return nil
}

type filler struct {
	fs      diskfs.FS
	ledger  record.Ledger
	staging *Staging
	cut     *skeleton.Cut
	found   *found
	buf     []byte
	extents []skeleton.Extent
	sources map[uint32]*sources // of the files of this window
}

// window fills some blocks from one on, and says which comes next.
func (w *filler) window(ctx context.Context, b, end uint32, told func(bytes uint64)) (next uint32, err error) {
	var blocks, files []uint32
	for next = b; next < end && len(blocks) < windowBlocks && len(files) < windowFiles; next++ {
		if !w.staging.Wants(next) {
			continue
		}
		blocks = append(blocks, next)
		w.extents = w.cut.Extents(w.extents[:0], next)
		for _, x := range w.extents {
			if len(files) == 0 || files[len(files)-1] != x.Entry {
				files = append(files, x.Entry)
			}
		}
	}
	if len(blocks) == 0 {
		return next, ctx.Err()
	}
	if err := w.lookup(files); err != nil {
		return next, err
	}
	var bytes uint64
	for _, b := range blocks {
		if ctx.Err() != nil {
			return next, ctx.Err()
		}
		if err := w.fill(ctx, b); err != nil {
			return next, err
		}
		_, n := w.cut.Block(b)
		bytes += uint64(n)
	}
	told(bytes)
	return next, nil
}

// fill puts a block together, if all of its bytes are found.
func (w *filler) fill(ctx context.Context, b uint32) error {
	w.extents = w.cut.Extents(w.extents[:0], b)
	if len(w.extents) == 1 && !w.cut.Shared(b) {
		return w.fillAny(ctx, b, w.extents[0])
	}
	at := 0
	for _, x := range w.extents {
		ok, err := w.sources[x.Entry].first(ctx, w, x, w.buf[at:at+x.Length])
		if err != nil || !ok {
			return err
		}
		at += x.Length
	}
	_, err := w.staging.WriteBlock(b, w.buf[:at])
	return err
}

// fillAny takes a block of one large file from the first of its sources that has it.
func (w *filler) fillAny(ctx context.Context, b uint32, x skeleton.Extent) error {
	s := w.sources[x.Entry]
	for i := range s.list {
		ok, err := s.read(ctx, w, i, x, w.buf[:x.Length])
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if ok, err = w.staging.WriteBlock(b, w.buf[:x.Length]); ok || err != nil {
			return err
		}
	}
	return nil
}

// lookup has the records of what may hold the content of some files; what was opened for others is closed.
func (w *filler) lookup(files []uint32) error {
	fresh := make(map[uint32]*sources, len(files))
	var paths []string
	for _, e := range files {
		if s := w.sources[e]; s != nil {
			fresh[e] = s
			delete(w.sources, e)
			continue
		}
		if fresh[e] != nil {
			continue
		}
		path, size, digest, err := w.staging.Promised(e)
		if err != nil {
			return err
		}
		s := &sources{large: size >= manifest.BigFile}
		for _, at := range append(w.found.of(size, digest), path) {
			if s.add(at) {
				paths = append(paths, at)
			}
		}
		fresh[e] = s
	}
	w.forget()
	w.sources = fresh
	if len(paths) == 0 {
		return nil
	}
	known, err := w.ledger.LookupAll(paths)
	if err != nil {
		return err
	}
	for _, s := range fresh {
		s.resolve(known)
	}
	return nil
}

// forget closes what is open.
func (w *filler) forget() {
	for _, s := range w.sources {
		s.close()
	}
	clear(w.sources)
}
