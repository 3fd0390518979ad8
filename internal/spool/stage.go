package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/journal"
	"github.com/groupcast/groupcast/internal/spool/layout"
	"github.com/groupcast/groupcast/internal/spool/parts"
	"github.com/groupcast/groupcast/internal/spool/record"
	"github.com/groupcast/groupcast/internal/spool/room"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// Stage opens or resumes the staging of a transfer: it checks names and space, looks up what
// is there already, makes the files and reads the journal. An error is *Refused when the
// device cannot take part.
func (s *Spool) Stage(ctx context.Context, no protocol.TransferNo, listed *manifest.Layout) (*Staging, error) {
	m := listed.Manifest()
	if m == nil {
		return nil, fmt.Errorf("stage transfer %d: its manifest is not known yet", no)
	}
	g := &Staging{
		spool: s, no: no, name: s.stagingName(no), layout: layout.Of(listed), listed: listed,
		has: protocol.NewBlockSet(listed.Blocks()), dirty: map[string]bool{}, parts: parts.New(s.fs),
		outcomes: record.NewOutcomes(len(m.Files), false), made: map[int]bool{}, named: map[string]bool{},
		walked: map[string]bool{},
	}
	g.leaveHoles()
	if err := s.keepCaught(ctx); err != nil {
		return nil, trouble.OrDisk(err)
	}
	if err := g.settleEarly(ctx); err != nil {
		return nil, err
	}
	if err := s.cfg.Shared.admit(g); err != nil {
		return nil, err
	}
	if err := g.open(ctx, m); err != nil {
		s.cfg.Shared.leave(g)
		return nil, trouble.OrDisk(err)
	}
	return g, nil
}

// leaveHoles takes the blocks of zeros for there, from the beginning: a staged file has its length and nothing in it.
func (g *Staging) leaveHoles() {
	for b := g.layout.FirstStream(); int(b) < g.layout.Blocks(); b++ {
		if g.layout.Hole(b) {
			g.add(b)
		}
	}
}

// checkSpace holds the whole apparent size against the free space before the first byte;
// others is how much of that is promised to other transfers.
func (g *Staging) checkSpace(others uint64) error {
	need, total := g.need()
	if err := room.Takes(total, g.spool.cfg.MaxSize); err != nil {
		return err
	}
	return g.spool.room(need, others)
}

// need is how many bytes the transfer will still take, and how many it has in all. Small
// files count twice, for they lie in the pack until the last of them is copied out.
func (g *Staging) need() (need, total uint64) {
	g.mu.Lock()
	settled, there := slices.Clone(g.outcomes.Results), g.bytes
	g.mu.Unlock()
	var small uint64
	for i, result := range settled {
		size := g.layout.Stored(i)
		total += size
		switch {
		case result != 0:
		case g.unlooked.Load() && g.wrote.Has(protocol.BlockNumber(i)):
			there += size // it may lie here already: Look asks for what does not
		case size < bigFile:
			small += size
		case !g.exact:
			name, _ := g.part(i)
			bytes := size - g.layout.Hollow(i)
			need += bytes - min(bytes, g.lying(name))
		}
	}
	if g.exact {
		return small + total - min(total, there), total
	}
	return need + 2*small - min(small, g.lying(g.name+"/"+packName)), total
}

// lying is how many bytes a staged file has.
func (g *Staging) lying(name string) uint64 {
	fi, err := g.spool.fs.Lstat(name)
	if err != nil {
		return 0
	}
	return uint64(fi.Size())
}

// open makes the staging's folder, manifest and journal, or finds them. What was staged of
// another manifest is dropped.
func (g *Staging) open(ctx context.Context, m *manifest.Manifest) error {
	raw := m.Append(nil)
	have, there, err := g.spool.Manifest(g.no)
	if err != nil {
		return fmt.Errorf("read the manifest that is kept: %w", err)
	}
	if !there || !bytes.Equal(have, raw) {
		if err := g.spool.keepMoved(ctx, g.no, have); err != nil {
			return err
		}
		if err := g.spool.discard(g.no); err != nil {
			return err
		}
		if err := g.spool.folder(g.name, 0o700); err != nil {
			return err
		}
		if err := g.spool.markGroup(g.no); err != nil {
			return err
		}
		if err := diskfs.WriteAll(g.spool.fs, g.name+"/"+manifestName, raw); err != nil {
			return fmt.Errorf("keep the manifest: %w", err)
		}
	}
	return g.openJournal(ctx)
}

// openJournal opens the journal and takes over what it says.
func (g *Staging) openJournal(ctx context.Context) error {
	j, p, err := journal.Open(g.spool.fs, g.name+"/"+journalName, g.layout.Root())
	if err != nil {
		return err
	}
	g.journal = j
	if err := g.recall(ctx, p); err != nil {
		return errors.Join(err, g.parts.CloseAll(), j.Close())
	}
	return nil
}

// recall takes over the state of the journal: files that were moved before a crash, trusted blocks with
// a staged file, and doubtful ones after a check. Lost ones get a record, or the next barrier would vouch
// for them.
func (g *Staging) recall(ctx context.Context, p journal.Past) error {
	for b := range g.layout.FirstStream() {
		g.has.Add(b)
	}
	g.made = p.Made
	if err := g.recallFiles(ctx, p); err != nil {
		return err
	}
	there := map[string]bool{}
	var lost []uint32
	for _, b := range p.Trusted {
		if b == journal.Voided {
			continue
		}
		kept, err := g.staged(b, there)
		if err != nil {
			return err
		}
		if kept && g.layout.Vouched(b) {
			g.add(b)
		} else {
			lost = append(lost, uint32(b))
		}
	}
	buf := make([]byte, g.layout.Longest())
	for _, b := range p.Doubtful {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if b == journal.Voided {
			continue
		}
		if n, err := g.read(b, buf); err == nil && g.layout.Verify(b, buf[:n]) {
			g.add(b)
			g.touch(b)
			g.recent = append(g.recent, b)
		} else {
			lost = append(lost, uint32(b))
		}
	}
	g.skipSettled()
	if len(lost) == 0 {
		return nil
	}
	// Durable before anything is written: a staged file that is made anew must not pass for the one that is gone.
	return errors.Join(g.journal.Add(journal.Lost, lost...), g.journal.Sync())
}

// recallFiles finds the outcomes of files that were settled or on the move.
func (g *Staging) recallFiles(ctx context.Context, p journal.Past) error {
	err := g.eachOpen(p.Settled, func(i int) error {
		o, err := g.settledBefore(i)
		if err == nil {
			g.decide(i, o)
		}
		return err
	})
	if err != nil {
		return err
	}
	claimed := map[string]bool{}
	for _, o := range g.outcomes.Whole {
		claimed[g.spool.cfg.Group+"/"+o.Name] = true
	}
	var found []Outcome
	err = g.eachOpen(p.Moving, func(i int) error {
		o, err := g.movedBefore(ctx, i, claimed)
		if err != nil {
			return err
		}
		if g.decide(i, o); o != nil {
			found = append(found, *o)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return g.keepFound(found)
}

// eachOpen calls f for those of some files that have no outcome, in order, with their entries loaded.
func (g *Staging) eachOpen(files map[int]bool, f func(i int) error) error {
	for batch := range slices.Chunk(slices.Sorted(maps.Keys(files)), maxBatch) {
		batch = slices.DeleteFunc(batch, func(i int) bool { return i >= g.layout.Entries() || g.outcomes.Has(i) })
		if err := g.layout.Load(batch); err != nil {
			return err
		}
		for _, i := range batch {
			if err := f(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// decide gives a file its outcome; nil leaves it open.
func (g *Staging) decide(i int, o *Outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.outcomes.Set(i, o)
}

// keepFound records what was found under its final name: the process may have been killed
// before that name was durable.
func (g *Staging) keepFound(found []Outcome) error {
	if len(found) == 0 {
		return nil
	}
	folders := map[string]bool{}
	for _, o := range found {
		for at := path.Dir(g.spool.cfg.Group + "/" + o.Name); at != "."; at = path.Dir(at) {
			folders[at] = true // each may be as new as the file
		}
	}
	folders["."] = true
	if err := g.syncFolders(folders); err != nil {
		return err
	}
	if err := g.spool.cfg.Ledger.Record(found); err != nil {
		return &trouble.Own{Err: fmt.Errorf("record what was delivered: %w", err)}
	}
	return nil
}

// staged says whether the staged file of a block is there; known remembers the answers.
func (g *Staging) staged(b protocol.BlockNumber, known map[string]bool) (bool, error) {
	name, _, _, ok := g.where(b)
	if !ok {
		return false, nil
	}
	there, asked := known[name]
	if !asked {
		_, err := g.spool.fs.Lstat(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("look at %s: %w", name, err)
		}
		there = err == nil
		known[name] = there
	}
	return there, nil
}

// skipSettled counts the blocks that only hold files with an outcome.
func (g *Staging) skipSettled() {
	g.skip(protocol.Range{
		First: g.layout.FirstStream(), Count: uint32(g.layout.Blocks() - int(g.layout.FirstStream())),
	})
}

// skip counts those of some blocks that only hold files with an outcome.
func (g *Staging) skip(r protocol.Range) {
	for b := r.First; b < r.End(); b++ {
		if !g.has.Has(b) && g.allSettled(b) {
			g.add(b)
		}
	}
}

// allSettled says whether every file that a block has bytes of has its outcome. There may be hundreds of thousands.
func (g *Staging) allSettled(b protocol.BlockNumber) bool {
	for i := range g.layout.FilesOf(b) {
		if !g.outcomes.Has(i) {
			return false
		}
	}
	return true
}
