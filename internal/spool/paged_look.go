package spool

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/entries"
	"github.com/groupcast/groupcast/internal/spool/reuse"
)

// Look finds what is here already of a transfer whose final page is here: files that lie under their names, and blocks
// in whatever else the same server delivered to the same group. It says how far it is, in bytes of the blocks that were
// missing. It may be stopped, and called again.
func (p *Paged) Look(ctx context.Context, told func(done, of uint64)) error {
	of := p.left()
	for i := 0; i < p.layout.Entries(); {
		var files []int
		for size := uint64(0); i < p.layout.Entries() && len(files) < maxBatch && size < lookBytes; i++ {
			if p.staging.wrote.Has(protocol.BlockNumber(i)) && p.layout.Finished(i) {
				files = append(files, i)
				size += p.layout.Stored(i)
			}
		}
		if err := p.settleFiles(ctx, files); err != nil {
			return err
		}
		told(of-p.left(), of)
	}
	done, g := of-p.left(), p.staging
	g.unlooked.Store(false)
	g.spool.cfg.Shared.leave(g)
	if err := g.spool.cfg.Shared.admit(g); err != nil {
		return err
	}
	return reuse.Fill(ctx, g.spool.fs, g.spool.cfg.Ledger, &reuse.Staging{
		Cut: p.layout.Cut, Wants: p.wants, Promised: p.layout.Promised, Lies: p.lies, WriteBlock: p.WriteBlock,
	}, func(bytes uint64) {
		done += bytes
		told(done, of)
	})
}

// left is how many bytes of the stream are not here, as far as is known.
func (p *Paged) left() uint64 { return p.layout.Cut.Bytes() - min(p.Bytes(), p.layout.Cut.Bytes()) }

// lookBytes bounds what is compared between two times that somebody is told.
const lookBytes = 256 << 20

// settleFiles finds files that are finished and lie here already.
func (p *Paged) settleFiles(ctx context.Context, files []int) error {
	if len(files) == 0 {
		return nil
	}
	p.placing.Lock()
	defer p.placing.Unlock()
	g := p.staging
	files = slices.DeleteFunc(files, g.settled)
	if err := errors.Join(g.layout.Load(files), ctx.Err()); err != nil {
		return err
	}
	if err := g.settleBatch(ctx, files); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	last := protocol.Range{}
	for _, i := range files {
		if r := g.layout.FileBlocks(i); r != last { // thousands of small files may share a block
			g.skip(r)
			last = r
		}
	}
	return nil
}

// wants says whether the page of a block is here, and the block is not.
func (p *Paged) wants(b uint32) bool {
	p.staging.mu.Lock()
	defer p.staging.mu.Unlock()
	return !p.staging.has.Has(protocol.BlockNumber(b)) && p.layout.Vouched(protocol.BlockNumber(b))
}

// lies gives the name under which a delivered file lies, unless it was edited since: with the size and time that it
// had it was not, as nothing is believed of it that its blocks do not show.
func (p *Paged) lies(ctx context.Context, path string, d Delivered) (string, error) {
	g, name := p.staging, p.staging.deliveredPath(path, d)
	l, err := g.spool.lying.At(name)
	if err != nil || l == nil {
		return "", ctx.Err()
	}
	ours := l.Mode().IsRegular() && uint64(l.Bytes) == d.Size && l.Time.Equal(d.MTime)
	if !ours && l.Mode()&fs.ModeSymlink == 0 {
		ours, err = g.spool.lying.Ours(ctx, name, l, d)
	}
	if err != nil || !ours {
		return "", ctx.Err()
	}
	return name, nil
}

// settled says whether an entry has its outcome.
func (g *Staging) settled(i int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.outcomes.Has(i)
}

// ErrOtherSkeleton says that a skeleton came as another than the offer vouches for.
var ErrOtherSkeleton = entries.ErrOther

// Wanted are blocks that a page vouches for and that are not here, in so many runs at most.
func (p *Paged) Wanted(runs int) (out []protocol.Range) {
	return p.layout.Wanted(p.Have().Missing(p.layout.Blocks()), runs)
}
