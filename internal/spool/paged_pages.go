package spool

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool/layout"
)

// AddPage takes a page as it came: it is in its file before anything that it vouches for is written, and durable before
// a barrier of the journal. The change says of blocks that are here already that they are held. Its error is
// pages.ErrAhead, a *pages.Fault, or the disk's; what the change says is so all the same.
func (p *Paged) AddPage(raw []byte) (pages.Change, error) {
	p.adding.Lock()
	defer p.adding.Unlock()
	if p.broken != nil {
		return pages.Change{}, p.broken
	}
	c, fault, err := p.layout.Keep(raw)
	if err == nil {
		err = p.take(c)
	}
	if err == nil {
		err = p.settle(context.Background(), c)
	}
	if err != nil {
		p.broken = err
		return pages.Change{}, err
	}
	p.sort(&c)
	return c, fault
}

// take takes over what verified pages say of files that are not delivered, and of blocks that an earlier edition left.
func (p *Paged) take(c pages.Change) error {
	for _, v := range c.Void {
		if err := p.forget(v); err != nil {
			return err
		}
	}
	if p.kept == nil {
		return nil
	}
	for _, raw := range c.Pages {
		signed, _, _ := seal.SplitPage(raw)
		page, err := format2.ParsePage(signed)
		if err == nil {
			err = p.takeKept(page.FirstBlock + uint32(len(page.Leaves)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// takeKept counts the blocks below one as there that have the leaf which an earlier edition gave them.
func (p *Paged) takeKept(end uint32) error {
	g := p.staging
	var failed error
	err := p.kept.Below(end, func(block uint32, was protocol.Digest) {
		b := protocol.BlockNumber(block)
		if leaf, known := p.layout.Leaf(block); !known || leaf != was || failed != nil || p.lost[b] {
			return
		}
		there, err := g.staged(b, p.there)
		if failed = err; there {
			g.mu.Lock()
			g.add(b)
			g.mu.Unlock()
		}
	})
	return errors.Join(err, failed)
}

// forget drops what is here of a file that is not delivered; what has its name stays as it is.
func (p *Paged) forget(v format2.VoidFile) error {
	g, i := p.staging, int(v.Entry)
	g.mu.Lock()
	p.voids[i] = v.Reason
	g.outcomes.Set(i, &Outcome{File: i, Result: Void})
	g.skip(g.layout.FileBlocks(i))
	g.mu.Unlock()
	if g.layout.Stored(i) < bigFile {
		return nil
	}
	err := errors.Join(p.layout.Durable(), g.parts.Forget(g.big(i))) // else its blocks would have to come again
	if gone := g.spool.fs.Remove(g.big(i)); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// settle is what follows once the journal is open: blocks of zeros are there, and files that are finished may be here
// already, under their names.
func (p *Paged) settle(ctx context.Context, c pages.Change) error {
	for _, r := range c.Held {
		for b := r.First; b < r.End(); b++ {
			if err := p.settleZeros(uint32(b)); err != nil {
				return err
			}
		}
	}
	var files []int
	for _, f := range c.Finished {
		if !p.delta && p.staging.wrote.Has(protocol.BlockNumber(f.Entry)) {
			files = append(files, int(f.Entry))
		}
	}
	return p.settleFiles(ctx, files)
}

// settleZeros counts a block of zeros as there. It is written only where something else may lie, which an earlier
// edition left.
func (p *Paged) settleZeros(block uint32) error {
	g, b := p.staging, protocol.BlockNumber(block)
	file, _, ok := p.layout.Place(b)
	g.mu.Lock()
	has := g.has.Has(b)
	g.mu.Unlock()
	if !ok || has || file < 0 || p.layout.Void(uint32(file)) {
		return nil
	}
	if p.renewed {
		there, err := g.staged(b, p.there)
		if err != nil {
			return err
		}
		if there {
			_, n := p.layout.Cut.Block(block)
			return p.write(block, make([]byte, n))
		}
	}
	p.layout.AddHole(block)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.add(b)
	return nil
}

// sort says of all blocks that a change is about whether they have to come.
func (p *Paged) sort(c *pages.Change) {
	g := p.staging
	about := append(append([]protocol.Range{}, c.Ready...), c.Held...)
	for _, f := range c.Finished {
		if g.wrote.Has(protocol.BlockNumber(f.Entry)) {
			about = append(about, p.layout.FileBlocks(int(f.Entry)))
		}
	}
	for _, f := range c.Void {
		about = append(about, p.layout.FileBlocks(int(f.Entry)))
	}
	slices.SortFunc(about, func(a, b protocol.Range) int { return cmp.Compare(a.First, b.First) })
	c.Ready, c.Held = nil, nil
	g.mu.Lock()
	defer g.mu.Unlock()
	next := protocol.BlockNumber(0)
	for _, r := range about { // some are of the same blocks
		if end := r.End(); end > next {
			next = max(next, r.First)
			p.sortRange(c, protocol.Range{First: next, Count: uint32(end - next)})
			next = end
		}
	}
}

func (p *Paged) sortRange(c *pages.Change, r protocol.Range) {
	for b := r.First; b < r.End(); b++ {
		one := protocol.Range{First: b, Count: 1}
		if p.staging.has.Has(b) {
			c.Held = addRange(c.Held, one)
		} else if p.layout.Vouched(b) {
			c.Ready = addRange(c.Ready, one)
		}
	}
}

// addRange appends blocks; those that follow the last range become part of it.
func addRange(list []protocol.Range, r protocol.Range) []protocol.Range {
	if n := len(list); n > 0 && list[n-1].End() == r.First {
		list[n-1].Count += r.Count
		return list
	}
	return append(list, r)
}

// Known is what all pages that are here say of blocks, for a session that begins.
func (p *Paged) Known() (c pages.Change) {
	p.adding.Lock()
	defer p.adding.Unlock()
	p.staging.mu.Lock()
	defer p.staging.mu.Unlock()
	p.sortRange(&c, protocol.Range{Count: uint32(p.layout.Blocks())})
	c.Final = p.layout.Closed()
	return c
}

// Verified is how many pages of the chain are here.
func (p *Paged) Verified() protocol.PageNo { return p.layout.Verified() }

// Final says whether all pages are here.
func (p *Paged) Final() bool { return p.layout.Closed() }

// Root stands for the whole transfer; zero until the final page is here.
func (p *Paged) Root() protocol.Digest { return p.layout.Final() }

// VoidFiles is how many files are not delivered.
func (p *Paged) VoidFiles() int { return p.layout.VoidFiles() }

// outcomesOf gives what became of entries that are loaded.
func (p *Paged) outcomesOf(batch []int) (out []Outcome) {
	g := p.staging
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, i := range batch {
		o := g.outcomeOf(i)
		if o == nil {
			continue
		}
		whole := *o
		if o.Path == "" { // it was given while its entry was not in memory
			whole = g.outcome(i, o.Result, o.Reason)
			whole.Cause = o.Cause
		}
		if o.Result == Void {
			whole.Reason = layout.VoidWords(p.voids[i])
		}
		out = append(out, whole)
	}
	return out
}

// Files is how many entries are not folders, for what people are told of a transfer.
func (p *Paged) Files() int { return p.layout.Files() }
