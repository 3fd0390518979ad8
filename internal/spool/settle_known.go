package spool

import (
	"context"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/digest"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/lying"
)

// settling is a file that may be here already.
type settling struct {
	file    int
	last    Delivered // what was delivered last under its path
	outcome *Outcome  // nil: it is not here
	dressed bool      // it has the time and the mode that it is to have
}

// settleSome looks at files, as many at once as there are readers.
func (g *Staging) settleSome(ctx context.Context, files []settling) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	read := func() {
		for n := next.Add(1) - 1; n < int64(len(files)) && failed.Load() == nil; n = next.Add(1) - 1 {
			if err := g.settleKnown(ctx, &files[n]); err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		}
	}
	var others sync.WaitGroup
	for range min(g.spool.cfg.Readers, len(files)) - 1 {
		others.Go(read)
	}
	read()
	others.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// settleKnown says what becomes of a file that the ledger knows; only what this server delivered to this group is
// ever looked at before its content came (security.md R4), and it is read again before it counts. What was delivered
// in the other format is known by the other hash: it has to be as it was delivered, and what is to come. It changes
// nothing of the staging.
func (g *Staging) settleKnown(ctx context.Context, s *settling) error {
	i, d, f := s.file, s.last, g.layout.Entry(s.file)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.outcome = g.superseded(i, d); s.outcome != nil {
		return nil
	}
	other := d.BLAKE3 != (g.layout.By() == digest.BLAKE3)
	if !g.layout.Finished(i) || d.Digest != f.Digest && !other || d.Size != f.Size {
		return nil
	}
	name := g.deliveredPath(f.Path, d)
	var meta diskfs.Meta
	var there bool
	var err error
	switch {
	case g.exact && d.Transfer == g.no: // an earlier edition of this very transfer delivered it
		meta, there, err = g.deliveredNow(ctx, name, d)
	default:
		meta, there, err = g.spool.lying.Same(ctx, name, g.layout.Stored(i), f.Digest, g.layout.By())
		if err == nil && there && other {
			there, err = g.spool.lying.Holds(ctx, name, d.Size, d.Digest, digest.Either&^g.layout.By())
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil || !there:
		return nil // its blocks are fetched, and the commit looks again
	}
	o := g.outcome(i, AlreadyHad, "")
	if d.Transfer == g.no { // this transfer put it there, and was interrupted before it noted that
		o = g.deliveredBefore(i, d)
	}
	o.Name, o.MTime = g.below(name), meta.MTime
	s.outcome = &o
	s.dressed = meta.Mode == fs.FileMode(f.Mode&0o777) && meta.MTime.Equal(protocol.TimeOf(f.MTime))
	return nil
}

// deliveredNow says whether a name has what was delivered last.
func (g *Staging) deliveredNow(ctx context.Context, name string, d Delivered) (m diskfs.Meta, is bool, err error) {
	l, err := g.spool.lying.At(name)
	if err != nil || l == nil {
		return m, false, err
	}
	is, err = g.spool.lying.Ours(ctx, name, l, d)
	return diskfs.Meta{Mode: l.Mode().Perm(), MTime: l.Time}, is, err
}

// same says whether the name has the same content as the file to come.
func (g *Staging) same(ctx context.Context, i int, name string, l *lying.Look) (bool, error) {
	if l == nil || !l.Mode().IsRegular() || uint64(l.Bytes) != g.layout.Stored(i) {
		return false, nil
	}
	f := g.layout.Entry(i)
	return g.spool.lying.Holds(ctx, name, f.Size, f.Digest, g.layout.By())
}

// Holds says whether the first size bytes of a file have the digest of something that was delivered, in whatever
// format; io.EOF if it has fewer.
func Holds(ctx context.Context, f diskfs.FS, name string, size uint64, want protocol.Digest) (bool, error) {
	return digest.Holds(ctx, f, name, size, want, digest.Either)
}
