package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/journal"
	"github.com/groupcast/groupcast/internal/spool/parts"
	"github.com/groupcast/groupcast/internal/spool/trouble"
	"github.com/groupcast/groupcast/internal/units"
)

const defaultSpare = 1 << 30

// Stage opens or resumes the staging of a transfer: it checks names and space, looks up what
// is there already, makes the files and reads the journal. An error is *Refused when the
// device cannot take part.
func (s *Spool) Stage(ctx context.Context, no protocol.TransferNo, layout *manifest.Layout) (*Staging, error) {
	m := layout.Manifest()
	if m == nil {
		return nil, fmt.Errorf("stage transfer %d: its manifest is not known yet", no)
	}
	g := &Staging{
		spool: s, no: no, name: s.stagingName(no), layout: layout, files: m.Files,
		has: protocol.NewBlockSet(layout.Blocks()), dirty: map[string]bool{}, parts: parts.New(s.fs),
		outcomes: make([]*Outcome, len(m.Files)), made: map[int]bool{}, named: map[string]bool{},
		walked: map[string]bool{},
	}
	g.place()
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

// place gives every small file its place in the pack.
func (g *Staging) place() {
	g.packed = make([]uint64, len(g.files))
	var at uint64
	for i, f := range g.files {
		g.packed[i] = at
		if f.Size < bigFile && f.Kind == manifest.KindFile {
			at += f.Size
		}
	}
}

// leaveHoles finds the blocks of zeros, which are there from the beginning: a staged file has
// its length and nothing in it.
func (g *Staging) leaveHoles() {
	zeros := g.layout.Zeros()
	if zeros == nil {
		return
	}
	g.holes = map[int]uint64{}
	var some [1]manifest.Extent
	for b, ok := zeros.Next(0); ok; b, ok = zeros.Next(b + 1) {
		for _, e := range g.layout.Extents(some[:0], b) {
			g.holes[e.File] += uint64(e.Length)
			name, _ := g.part(e.File)
			g.parts.Sparse(name)
		}
		g.add(b)
	}
}

// checkSpace holds the whole apparent size against the free space before the first byte;
// others is how much of that is promised to other transfers.
func (g *Staging) checkSpace(others uint64) error {
	need, total := g.need()
	if limit := g.spool.cfg.MaxSize; limit > 0 && total > limit {
		return &Refused{
			Kind:   groupcast.RefusedSize,
			Reason: fmt.Sprintf("%s in all, this receiver takes %s at most", units.FormatSize(total), units.FormatSize(limit)),
		}
	}
	return g.spool.room(need, others)
}

// need is how many bytes the transfer will still take, and how many it has in all. Small
// files count twice, for they lie in the pack until the last of them is copied out.
func (g *Staging) need() (need, total uint64) {
	g.mu.Lock()
	settled := slices.Clone(g.outcomes)
	g.mu.Unlock()
	var small uint64
	for i, f := range g.files {
		if f.Kind != manifest.KindFile {
			continue
		}
		total += f.Size
		switch {
		case settled[i] != nil:
		case f.Size < bigFile:
			small += f.Size
		default:
			name, _ := g.part(i)
			bytes := f.Size - g.holes[i]
			need += bytes - min(bytes, g.lying(name))
		}
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
		if err := g.markGroup(); err != nil {
			return err
		}
		if err := diskfs.WriteAll(g.spool.fs, g.name+"/"+manifestName, raw); err != nil {
			return fmt.Errorf("keep the manifest: %w", err)
		}
	}
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
		if kept {
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
	return g.journal.Add(journal.Lost, lost...)
}

// recallFiles finds the outcomes of files that were settled or on the move.
func (g *Staging) recallFiles(ctx context.Context, p journal.Past) error {
	for i := range p.Settled {
		if i < len(g.files) && g.outcomes[i] == nil {
			o, err := g.settledBefore(i)
			if err != nil {
				return err
			}
			g.decide(i, o)
		}
	}
	claimed := map[string]bool{}
	for _, o := range g.Outcomes() {
		claimed[g.spool.cfg.Group+"/"+o.Name] = true
	}
	var found []Outcome
	for i := range p.Moving {
		if i >= len(g.files) || g.outcomes[i] != nil {
			continue
		}
		o, err := g.movedBefore(ctx, i, claimed)
		if err != nil {
			return err
		}
		if g.decide(i, o); o != nil {
			found = append(found, *o)
		}
	}
	return g.keepFound(found)
}

// decide gives a file its outcome; nil leaves it open.
func (g *Staging) decide(i int, o *Outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.outcomes[i] = o
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
	var some [1]manifest.Extent
	extents := g.layout.Extents(some[:0], b)
	if len(extents) == 0 {
		return false, nil
	}
	name, _ := g.part(extents[0].File)
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
	var extents []manifest.Extent
	for b := g.layout.FirstStream(); int(b) < g.layout.Blocks(); b++ {
		if g.has.Has(b) {
			continue
		}
		open := false
		extents = g.layout.Extents(extents[:0], b)
		for _, e := range extents {
			open = open || g.outcomes[e.File] == nil
		}
		if !open {
			g.add(b)
		}
	}
}
