package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/entries"
	"github.com/groupcast/groupcast/internal/spool/journal"
	"github.com/groupcast/groupcast/internal/spool/layout"
	"github.com/groupcast/groupcast/internal/spool/pagefile"
	"github.com/groupcast/groupcast/internal/spool/parts"
	"github.com/groupcast/groupcast/internal/spool/record"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// Names in a staging of format 2.
const (
	skeletonName = "skeleton"
	pagesName    = "pages"
	keptName     = "kept"
)

// Paged is the staging of a transfer of format 2: what comes is written as its pages say, and files are committed as
// they are finished. AddPage, WriteBlock, Sync and what asks for progress are safe for concurrent use, also while one
// caller commits.
type Paged struct {
	staging *Staging
	layout  *layout.Paged
	list    diskfs.File // the skeleton

	placing sync.Mutex     // files are put under their names, or compared with what has them
	adding  sync.Mutex     // one page at a time; of everything below
	kept    *pagefile.Kept // what an earlier edition left
	renewed bool           // there was one
	delta   bool           // what is here already is looked for by Look
	lost    map[protocol.BlockNumber]bool
	there   map[string]bool
	voids   map[int]format2.VoidReason // under the staging's lock
	broken  error                      // a page was not kept: what follows cannot be, either
}

// OpenSkeleton opens the skeleton that an earlier try kept of an offer's transfer; false: there is none, or another.
func (s *Spool) OpenSkeleton(o format2.Offer) (io.ReadCloser, bool, error) {
	f, there, err := s.openSkeleton(o)
	if err != nil || !there {
		return nil, false, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, 0, int64(o.SkeletonBytes)), f}, true, nil
}

func (s *Spool) openSkeleton(o format2.Offer) (diskfs.File, bool, error) {
	return entries.Open(s.fs, s.stagingName(o.Transfer)+"/"+skeletonName, o)
}

// StagePaged opens or resumes the staging of a transfer of format 2. Its skeleton comes out of a reader (nil: the one
// that OpenSkeleton finds is meant) and is not believed before all of it is there. An error is *Refused when the device
// cannot take part.
func (s *Spool) StagePaged(
	ctx context.Context, o format2.Offer, list io.Reader, key seal.VerifyKey,
) (*Paged, error) {
	if err := s.keepCaught(ctx); err != nil {
		return nil, trouble.OrDisk(err)
	}
	p := &Paged{
		there: map[string]bool{}, voids: map[int]format2.VoidReason{}, delta: o.Flags&format2.OfferDelta != 0,
	}
	before, there, err := s.makeWay(ctx, o)
	if err == nil {
		err = p.readSkeleton(s, o, list)
	}
	if err == nil {
		err = p.begin(ctx, s, o, key, before, there)
	}
	if err != nil {
		return nil, errors.Join(entries.Blame(err), p.closeFiles())
	}
	if err := s.cfg.Shared.admit(p.staging); err != nil {
		return nil, errors.Join(err, p.closeFiles(), p.staging.parts.CloseAll(), p.staging.journal.Close())
	}
	return p, nil
}

// makeWay drops what was staged of anything but an edition of this transfer, and says which that was.
func (s *Spool) makeWay(ctx context.Context, o format2.Offer) (before pagefile.Key, there bool, err error) {
	name, want := s.stagingName(o.Transfer), pagefile.KeyOf(o.Terms())
	before, there, err = pagefile.KeyAt(s.fs, name+"/"+pagesName)
	if err != nil {
		return before, false, err
	}
	other := there && (before.Transfer != want.Transfer || before.Skeleton != want.Skeleton ||
		before.Edition > want.Edition)
	_, err = s.fs.Lstat(name + "/" + manifestName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return before, false, err
	}
	if other || err == nil {
		if err := s.keepCaughtOf(ctx, o.Transfer); err != nil {
			return before, false, err
		}
		if err := s.discard(o.Transfer); err != nil {
			return before, false, err
		}
		there = false
	}
	return before, there, s.folder(name, 0o700)
}

// readSkeleton has the skeleton in its file, checks it and learns how the stream is cut.
func (p *Paged) readSkeleton(s *Spool, o format2.Offer, list io.Reader) error {
	f, there, err := s.openSkeleton(o)
	if err == nil && !there && list == nil {
		err = fmt.Errorf("stage transfer %d: the list of its entries is not here", o.Transfer)
	}
	if err == nil && !there {
		if err = s.markGroup(o.Transfer); err == nil {
			err = entries.Keep(s.fs, s.stagingName(o.Transfer)+"/"+skeletonName, o, list)
		}
		if err == nil {
			f, there, err = s.openSkeleton(o)
		}
	}
	switch {
	case err != nil:
		return err
	case !there:
		return trouble.Disk(fmt.Errorf("the list of entries is not in its file as it was written"))
	}
	p.list = f
	l, cut, err := entries.Cut(f, o)
	if err == nil {
		p.layout = layout.NewPaged(pagefile.KeyOf(o.Terms()), cut, l)
	}
	return err
}

// begin opens the pages and the journal and takes over what they say. What is there was staged of the edition before.
func (p *Paged) begin(
	ctx context.Context, s *Spool, o format2.Offer, key seal.VerifyKey, before pagefile.Key, there bool,
) (err error) {
	l, name := p.layout, s.stagingName(o.Transfer)
	l.Begin(pages.NewBook(o.Terms(), o.Pages, l.Entries(), key, l.Cut))
	g := &Staging{
		spool: s, no: o.Transfer, name: name, layout: l, exact: true,
		has: protocol.NewBlockSet(l.Blocks()), dirty: map[string]bool{}, parts: parts.New(s.fs),
		outcomes: record.NewOutcomes(l.Entries(), true), made: map[int]bool{}, named: map[string]bool{},
		walked: map[string]bool{}, wrote: protocol.NewBlockSet(l.Entries()),
	}
	p.staging = g
	g.unlooked.Store(p.delta)
	if s.cfg.Adopt {
		if g.before, err = diskfs.NamesIn(s.fs, s.cfg.Group); err != nil {
			return err
		}
	}
	if err := g.settleEarly(ctx); err != nil {
		return err
	}
	if there && before != l.Key {
		if err := p.renew(ctx, before); err != nil {
			return err
		}
	}
	if p.kept, err = pagefile.OpenKept(s.fs, name+"/"+keptName, l.Key); err != nil {
		return err
	}
	p.renewed = p.kept != nil
	_, past, _, err := journal.Read(s.fs, name+"/"+journalName, l.Key.Digest())
	if err != nil {
		return err
	}
	p.lost = past.Lost
	if l.File, err = pagefile.Open(s.fs, name+"/"+pagesName, l.Key); err != nil {
		return err
	}
	all, err := p.load()
	if err != nil {
		return err
	}
	if err := g.openJournal(ctx); err != nil {
		return err
	}
	err = p.loseMoved(past.Moving)
	if err == nil {
		err = p.settle(ctx, all)
	}
	if err != nil {
		return errors.Join(err, g.parts.CloseAll(), g.journal.Close())
	}
	return nil
}

// renew leaves what is staged of the edition before to this one.
func (p *Paged) renew(ctx context.Context, before pagefile.Key) error {
	g := p.staging
	if err := g.spool.keepCaughtOf(ctx, g.no); err != nil {
		return err
	}
	_, past, _, err := journal.Read(g.spool.fs, g.name+"/"+journalName, before.Digest())
	if err != nil {
		return err
	}
	if err := g.dropSecondNames(past.Moving); err != nil {
		return err
	}
	stored := protocol.NewBlockSet(p.layout.Blocks())
	for _, b := range past.Trusted {
		if int(b) < stored.Len() { // those that were lost are beyond
			stored.Add(b)
		}
	}
	hole := format2.LeafDigest(make([]byte, protocol.BlockSize))
	var failed error
	err = pagefile.Keep(g.spool.fs, pagefile.Left{
		Key: before, Pages: g.name + "/" + pagesName, Kept: g.name + "/" + keptName,
		Stored: func(b uint32) bool { return stored.Has(protocol.BlockNumber(b)) },
		Hole:   func(b uint32, leaf protocol.Digest) bool { return leaf == hole && !p.layout.Cut.Shared(b) },
		There: func(b uint32) bool { // a file that has its name is not there any more
			there, err := g.staged(protocol.BlockNumber(b), p.there)
			failed = errors.Join(failed, err)
			return there
		},
	}, p.layout.Key)
	return errors.Join(err, failed)
}

// dropSecondNames removes the staged names of large files that are delivered under their final ones, which some file
// systems keep after a crash: a later edition would write into what is delivered.
func (g *Staging) dropSecondNames(moved map[int]bool) error {
	gone := false
	err := g.eachOpen(moved, func(i int) error {
		d, known, err := g.lookup(i)
		if err != nil || !known || g.layout.Stored(i) < bigFile {
			return err
		}
		staged, err := g.spool.lying.At(g.big(i))
		if err != nil || staged == nil {
			return err
		}
		there, err := g.spool.lying.At(g.deliveredPath(g.layout.Entry(i).Path, d))
		if err != nil || there == nil || !g.spool.fs.SameFile(staged.FileInfo, there.FileInfo) {
			return err
		}
		gone = true
		return g.spool.fs.Remove(g.big(i))
	})
	if err != nil || !gone {
		return err
	}
	return g.spool.fs.SyncFolder(g.name)
}

// loseMoved notes that files are not staged any more which were about to get their names before a crash, and are
// nowhere: what an earlier edition left of them must not be looked for in files that are made anew.
func (p *Paged) loseMoved(moving map[int]bool) error {
	g := p.staging
	var lost []uint32
	for i := range moving {
		if !p.renewed || g.outcomes.Has(i) || g.layout.Stored(i) < bigFile {
			continue
		}
		if _, err := g.spool.fs.Lstat(g.big(i)); errors.Is(err, fs.ErrNotExist) {
			for r, b := g.layout.FileBlocks(i), g.layout.FileBlocks(i).First; b < r.End(); b++ {
				lost = append(lost, uint32(b))
			}
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return errors.Join(g.journal.Add(journal.Lost, lost...), g.journal.Sync())
}

// load takes up the pages that are kept.
func (p *Paged) load() (all pages.Change, err error) {
	var failed error
	err = p.layout.File.Load(func(raw []byte) bool {
		c, err := p.layout.Add(raw)
		if err != nil || len(c.Pages) != 1 {
			return false // it was torn by a crash
		}
		failed = p.take(c)
		all.Held = append(all.Held, c.Held...)
		all.Finished = append(all.Finished, c.Finished...)
		return failed == nil
	})
	return all, errors.Join(err, failed)
}

func (p *Paged) closeFiles() error {
	var errs []error
	if p.layout != nil && p.layout.File != nil {
		errs = append(errs, p.layout.File.Close())
	}
	if p.list != nil {
		errs = append(errs, p.list.Close())
	}
	return errors.Join(append(errs, p.kept.Close())...)
}

// Cut is how the stream is cut.
func (p *Paged) Cut() *skeleton.Cut { return p.layout.Cut }

// Have is a copy of the set of blocks of the stream that need not come.
func (p *Paged) Have() *protocol.BlockSet { return p.staging.Has() }

// Missing is how many blocks are still to come, those included of which no page says anything yet.
func (p *Paged) Missing() int { return p.staging.Missing() }

// Bytes is how many bytes of the stream are there.
func (p *Paged) Bytes() uint64 { return p.staging.Bytes() }

// Progress says of how many of the entries it is settled what became of them.
func (p *Paged) Progress() (done, of int) { return p.staging.Progress() }

// WriteBlock writes a block of the stream, if it is what its page says.
func (p *Paged) WriteBlock(b uint32, data []byte) (ok bool, err error) {
	if !p.layout.Verify(protocol.BlockNumber(b), data) {
		return false, nil
	}
	return true, p.write(b, data)
}

// write writes a block that is what its page says. Over a block that an earlier edition left nothing is written before
// the page is durable: else a third edition could still take it for what was there.
func (p *Paged) write(b uint32, data []byte) error {
	if p.renewed {
		if err := p.layout.Durable(); err != nil {
			return err
		}
	}
	return p.staging.WriteBlock(protocol.BlockNumber(b), data)
}

// ReadBlock reads a block that was written, as long as its files are in the staging.
func (p *Paged) ReadBlock(b uint32, buf []byte) (int, error) {
	return p.staging.ReadBlock(protocol.BlockNumber(b), buf)
}

// Sync makes what was written durable, the pages first, and says so in the journal.
func (p *Paged) Sync() error {
	// Of blocks that need not come, like zeros, the pages alone speak.
	return errors.Join(p.layout.Durable(), p.staging.Sync())
}

// Commit moves every file to its final name that is finished and whole; with the last of them and the final page come
// folders and links. It may be called again and again. One caller at a time.
func (p *Paged) Commit(ctx context.Context) error {
	p.placing.Lock()
	defer p.placing.Unlock()
	return p.staging.Commit(ctx)
}

// Done says whether the final page is here and every entry has an outcome.
func (p *Paged) Done() bool { return p.layout.Closed() && p.staging.Done() }

// EachOutcome shows what became of the entries so far. Of those that lie under their own name the time is the source's.
func (p *Paged) EachOutcome(show func(Outcome)) error {
	p.placing.Lock()
	defer p.placing.Unlock()
	for from := 0; from < p.layout.Entries(); from += maxBatch {
		batch := make([]int, 0, maxBatch)
		for i := from; i < min(from+maxBatch, p.layout.Entries()); i++ {
			batch = append(batch, i)
		}
		if err := p.layout.Load(batch); err != nil {
			return err
		}
		for _, o := range p.outcomesOf(batch) {
			show(o)
		}
	}
	return nil
}

// Close closes the files; the staging stays on disk for a resume.
func (p *Paged) Close() error { return errors.Join(p.staging.Close(), p.closeFiles()) }

// Remove deletes the staging: when it is done, or given up.
func (p *Paged) Remove() error {
	g := p.staging
	g.spool.cfg.Shared.leave(g)
	err := errors.Join(g.parts.CloseAll(), g.journal.Close(), p.closeFiles())
	return errors.Join(err, g.spool.discard(g.no))
}
