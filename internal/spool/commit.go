package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
)

// maxBatch bounds how many files one barrier and one batch of the ledger cover.
const maxBatch = 1000

// syncAllFrom is how many small files are better made durable by one barrier than one by one.
const syncAllFrom = 8

// move is a file on its way from the staging to its final name.
type move struct {
	file int
	from string
	to   string // below DIR
	kept bool   // under another name than the manifest's
}

// Commit moves every file whose blocks are all there to its final name and gives what became
// of the entries. It may be called again; entries that have an outcome keep it. Each batch is
// durable before its first rename, in the ledger after its last. One caller at a time.
func (g *Staging) Commit(ctx context.Context) ([]Outcome, error) {
	var fresh []Outcome
	for ctx.Err() == nil {
		ready := g.ready()
		if len(ready) == 0 {
			break
		}
		done, err := g.commitBatch(ready)
		fresh = append(fresh, done...)
		if err != nil {
			return fresh, err
		}
	}
	if g.filesDone() {
		done, err := g.finishTree()
		return append(fresh, done...), err
	}
	return fresh, ctx.Err()
}

// ready lists files without an outcome whose blocks are all there, at most a batch of them.
func (g *Staging) ready() (out []int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, f := range g.files {
		if len(out) == maxBatch {
			break
		}
		if f.Kind == manifest.KindFile && g.outcomes[i] == nil && g.complete(i) {
			out = append(out, i)
		}
	}
	return out
}

func (g *Staging) complete(i int) bool {
	r := g.layout.FileBlocks(i)
	for b := r.First; b < r.End(); b++ {
		if !g.has.Has(b) {
			return false
		}
	}
	return true
}

// commitBatch: stage whole files, one barrier, then the renames, then the folders, then the
// ledger. A crash at any point leaves each file under its old or its new name, whole.
func (g *Staging) commitBatch(files []int) ([]Outcome, error) {
	moves, outcomes, err := g.prepare(files)
	if err != nil {
		return nil, err
	}
	if err := g.makeDurable(moves); err != nil {
		return nil, err
	}
	folders := map[string]bool{}
	for _, m := range moves {
		if err := g.spool.fs.Rename(m.from, m.to); err != nil {
			return nil, fmt.Errorf("commit %s: %w", g.files[m.file].Path, err)
		}
		folders[path.Dir(m.to)] = true
		outcomes = append(outcomes, g.movedOutcome(m))
	}
	for folder := range folders {
		if err := g.spool.fs.SyncFolder(folder); err != nil {
			return nil, fmt.Errorf("make folder %s durable: %w", folder, err)
		}
	}
	return outcomes, g.settle(outcomes)
}

// prepare decides where each file goes and makes it whole in the staging, mode and time set.
func (g *Staging) prepare(files []int) (moves []move, outcomes []Outcome, err error) {
	taken := map[string]bool{} // targets of this batch
	for _, i := range files {
		to, o, err := g.target(i, taken)
		if err != nil {
			return nil, nil, err
		}
		if o != nil {
			outcomes = append(outcomes, *o)
			continue
		}
		from, err := g.whole(i)
		if err != nil {
			return nil, nil, fmt.Errorf("stage %s: %w", g.files[i].Path, err)
		}
		taken[to] = true
		moves = append(moves, move{file: i, from: from, to: to, kept: to != g.final(i)})
	}
	return moves, outcomes, nil
}

// final is where file i goes if nothing is in the way.
func (g *Staging) final(i int) string { return g.spool.cfg.Group + "/" + g.files[i].Path }

// whole gives the staged file that holds file i and nothing else.
func (g *Staging) whole(i int) (string, error) {
	f, file := g.spool.fs, g.files[i]
	name, offset := g.part(i)
	if file.Size < bigFile {
		name = fmt.Sprintf("%s/c%d", g.name, i)
		if err := g.copyOut(i, name, offset); err != nil {
			return "", err
		}
	}
	h, err := f.Open(name, true)
	if err != nil {
		return "", err
	}
	err = errors.Join(h.Truncate(int64(file.Size)), h.Chmod(fs.FileMode(file.Mode&0o777)), h.Close())
	return name, errors.Join(err, f.Chtimes(name, time.Unix(0, file.MTime)))
}

// copyOut writes a small file out of the pack.
func (g *Staging) copyOut(i int, name string, offset uint64) error {
	f := g.spool.fs
	b := make([]byte, g.files[i].Size)
	if len(b) > 0 {
		pack, err := f.Open(g.name+"/"+packName, false)
		if err != nil {
			return err
		}
		_, err = pack.ReadAt(b, int64(offset))
		if err := errors.Join(err, pack.Close()); err != nil {
			return err
		}
	}
	if err := f.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	h, err := f.Create(name, 0o600)
	if err != nil {
		return err
	}
	_, err = h.WriteAt(b, 0)
	return errors.Join(err, h.Close())
}

// makeDurable is the barrier before the renames; the journal then says which files may be
// found under either name after a crash.
func (g *Staging) makeDurable(moves []move) error {
	if len(moves) == 0 {
		return nil
	}
	if err := g.barrier(moves); err != nil {
		return fmt.Errorf("make files durable: %w", err)
	}
	files := make([]uint32, len(moves))
	for i, m := range moves {
		files[i] = uint32(m.file)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.journal.add(recordMoving, files...); err != nil {
		return err
	}
	return g.journal.sync()
}

func (g *Staging) barrier(moves []move) error {
	if len(moves) >= syncAllFrom {
		return g.spool.fs.SyncAll()
	}
	for _, m := range moves {
		if err := syncFile(g.spool.fs, m.from); err != nil {
			return err
		}
	}
	return g.spool.fs.SyncFolder(g.name)
}

func (g *Staging) movedOutcome(m move) Outcome {
	o := g.outcome(m.file, Committed, "")
	o.Name = m.to[len(g.spool.cfg.Group)+1:]
	if m.kept {
		o.Result, o.Reason = KeptBoth, "what lay there was not delivered by groupcast, or was edited"
	}
	if fi, err := g.spool.fs.Lstat(m.to); err == nil {
		o.MTime = fi.ModTime() // as this file system keeps it
	}
	return o
}

func (g *Staging) outcome(i int, r Result, reason string) Outcome {
	f := g.files[i]
	return Outcome{
		File: i, Path: f.Path, Kind: f.Kind, Result: r, Name: f.Path, Reason: reason, Transfer: g.no,
		Digest: f.Digest, Size: f.Size, MTime: time.Unix(0, f.MTime), Mode: fs.FileMode(f.Mode & 0o777),
	}
}

// settle writes outcomes into the ledger, then into the journal, then counts them.
func (g *Staging) settle(outcomes []Outcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	if err := g.spool.cfg.Ledger.Record(outcomes); err != nil {
		return fmt.Errorf("record what was delivered: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	files := make([]uint32, len(outcomes))
	for i := range outcomes {
		files[i] = uint32(outcomes[i].File)
		g.outcomes[outcomes[i].File] = &outcomes[i]
	}
	return g.journal.add(recordSettled, files...)
}

// filesDone says whether every file has its outcome.
func (g *Staging) filesDone() bool {
	for i, f := range g.files {
		if f.Kind == manifest.KindFile && g.outcomes[i] == nil {
			return false
		}
	}
	return true
}

// Done says whether every entry has an outcome.
func (g *Staging) Done() bool {
	for _, o := range g.outcomes {
		if o == nil {
			return false
		}
	}
	return true
}

// Outcomes gives what became of the entries so far.
func (g *Staging) Outcomes() (out []Outcome) {
	for _, o := range g.outcomes {
		if o != nil {
			out = append(out, *o)
		}
	}
	return out
}
