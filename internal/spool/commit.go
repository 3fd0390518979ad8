package spool

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/digest"
	"github.com/groupcast/groupcast/internal/spool/journal"
	"github.com/groupcast/groupcast/internal/spool/lying"
	"github.com/groupcast/groupcast/internal/spool/parts"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// maxBatch bounds how many files one barrier and one batch of the ledger cover.
const maxBatch = 4000

// keptReason says why a file got another name.
const keptReason = "what lay there was not delivered by groupcast, or was edited since"

// syncAllFrom is how many small files are better made durable by one barrier than one by one.
const syncAllFrom = 8

// move is a file that is renamed from the staging to its final name.
type move struct {
	file  int
	from  string
	mtime time.Time // as the file system keeps it
	target
}

// target is where a file goes.
type target struct {
	to   string      // below DIR
	kept bool        // under another name than the manifest's
	late bool        // decided when it is the transfer's turn: something of ours has to go first
	seen *lying.Look // what lies there and is replaced: it is ours, as it was looked at
	same bool        // what was seen is the very file: it stays and is ours from now on
	back string      // the copy that lies beside and takes the name back, to be replaced there
	drop string      // the copy that lies beside and goes when the file has its name
}

// Commit moves every complete file to its final name and settles what becomes of the entries. It may be called
// again; entries that have an outcome keep it. Each batch is
// durable before its first rename, in the ledger after its last. One caller at a time.
func (g *Staging) Commit(ctx context.Context) error {
	if err := g.settleUnwritten(); err != nil {
		return err
	}
	for next := 0; next < g.layout.Entries() && ctx.Err() == nil; {
		var ready []int
		if ready, next = g.ready(next); len(ready) == 0 {
			break
		}
		if err := g.commitBatch(ctx, ready); err != nil {
			return err
		}
	}
	if ctx.Err() == nil && g.layout.Closed() && g.filesDone() {
		return g.finishTree(ctx)
	}
	return ctx.Err()
}

// ready lists complete files from next on without an outcome, at most a batch of them, and says where
// to continue.
func (g *Staging) ready(next int) ([]int, int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []int
	for ; next < g.layout.Entries() && len(out) < maxBatch; next++ {
		if g.layout.Kind(next) == manifest.KindFile && !g.outcomes.Has(next) && g.layout.Finished(next) &&
			g.complete(next) {
			out = append(out, next)
		}
	}
	return out, next
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
// ledger. A crash at any point leaves each file under its old or its new name, whole. What
// was moved before an error is settled all the same.
func (g *Staging) commitBatch(ctx context.Context, files []int) error {
	if err := g.layout.Load(files); err != nil {
		return err
	}
	round := g.spool.cfg.Shared.round.Load()
	moves, outcomes, err := g.prepare(ctx, files)
	if err != nil {
		return err
	}
	moves, weak, err := g.makeDurable(ctx, moves)
	if err != nil {
		return err
	}
	outcomes = append(outcomes, weak...)
	defer g.spool.cfg.Shared.turn()()
	if err := g.spool.stillKnown(); err != nil {
		return err
	}
	moves, late, err := g.lookAgain(ctx, moves, round)
	if err != nil {
		return err
	}
	return g.moveAll(ctx, moves, append(outcomes, late...))
}

// lookAgain decides again where files go, now that it is this transfer's turn: what the ledger
// and the disk said before may have been between two names of another transfer's file, or
// older than it. As long as no commit came in between, it holds.
func (g *Staging) lookAgain(ctx context.Context, moves []move, round uint64) (left []move, late []Outcome, err error) {
	if g.spool.cfg.Shared.round.Load() == round || len(moves) == 0 {
		return moves, nil, nil
	}
	files := make([]int, len(moves))
	for n, m := range moves {
		files[n] = m.file
	}
	batch, err := g.newTargets(files)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range moves {
		t, o, err := batch.at(ctx, m.file)
		if err != nil {
			return nil, nil, err
		}
		if o != nil {
			late = append(late, *o)
			continue
		}
		m.target = t
		left = append(left, m)
	}
	return left, late, nil
}

// moveAll renames, makes the names durable and settles the outcomes.
func (g *Staging) moveAll(ctx context.Context, moves []move, outcomes []Outcome) error {
	if err := g.makeFolders(moves); err != nil {
		return err
	}
	// New folders first: a file system may make it durable that a file has moved into one whose own name it loses.
	if err := g.syncFolders(map[string]bool{}); err != nil {
		return err
	}
	folders := map[string]bool{}
	var failed error
	for _, m := range moves {
		o, err := g.carry(ctx, &m)
		if err != nil {
			failed = fmt.Errorf("commit: %w", err)
			break
		}
		if o.Result == Committed || o.Result == KeptBoth {
			g.wayTo(m.to, folders)
		}
		outcomes = append(outcomes, *o)
	}
	if err := g.syncFolders(folders); err != nil {
		clear(g.walked)
		return errors.Join(failed, err, g.own(outcomes))
	}
	return errors.Join(failed, g.settle(outcomes))
}

// wayTo adds the folders whose names have to be durable for that of a file to be: also those that were there
// already may have been made by a transfer that could not make them durable. Once each, but for the file's own.
func (g *Staging) wayTo(name string, folders map[string]bool) {
	at := path.Dir(name)
	for folders[at] = true; at != "." && !g.walked[at]; folders[at] = true {
		g.walked[at] = true
		at = path.Dir(at)
	}
}

// own notes the transfer of files that have their names, before that is durable: a newer transfer that
// comes first must not take them for the user's.
func (g *Staging) own(outcomes []Outcome) error {
	moved := slices.DeleteFunc(slices.Clone(outcomes),
		func(o Outcome) bool { return o.Result != Committed && o.Result != KeptBoth })
	if len(moved) == 0 {
		return nil
	}
	return g.spool.cfg.Ledger.Record(moved)
}

// maxLooks is how often a file is aimed again while things change under its name.
const maxLooks = 16

// carry moves a file to its final name. What came there since it was looked at stays, and
// the file finds another name.
func (g *Staging) carry(ctx context.Context, m *move) (*Outcome, error) {
	var last error
	for range maxLooks {
		if m.late || m.seen != nil && !g.spool.lying.Still(m.to, m.seen) {
			t, o, err := g.target(ctx, m.file)
			if err != nil || o != nil {
				return o, err
			}
			m.target = t
		}
		last = g.put(m)
		switch {
		case last == nil:
			return g.movedOutcome(*m), nil
		case errors.Is(last, fs.ErrExist), errors.Is(last, fs.ErrNotExist):
			m.late = true // something came, or its folder went
		default:
			return g.faulty(ctx, m.file, "put it under its name", last)
		}
	}
	if errors.Is(last, fs.ErrNotExist) {
		return g.faulty(ctx, m.file, "put it under its name", last)
	}
	return g.blocked(m.file, &obstacle{cause: CauseInTheWay, reason: "somebody keeps taking its name"}), nil
}

// put gives a file its name.
func (g *Staging) put(m *move) error {
	f := g.spool.fs
	if m.same {
		m.mtime = g.clothe(m.file, m.to, m.seen) // it lies there, and is made as durable as what is put
		if h, err := f.Open(m.to, false); err == nil {
			_ = errors.Join(h.Sync(), h.Close())
		}
	} else {
		rename := f.RenameNew
		if m.back != "" {
			if err := f.RenameNew(m.back, m.to); err != nil {
				return err
			}
		}
		if m.seen != nil || m.back != "" {
			rename = f.Rename
		}
		if err := errors.Join(g.parts.Forget(m.from), rename(m.from, m.to)); err != nil {
			return err
		}
	}
	if m.drop != "" {
		if err := f.Remove(m.drop); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncFolders makes names durable, those of new folders included.
func (g *Staging) syncFolders(folders map[string]bool) error {
	maps.Copy(folders, g.named)
	clear(g.named)
	if done, err := g.syncAll(len(folders)); done {
		return err
	}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		// A folder that was removed has no names any more.
		if err := g.spool.fs.SyncFolder(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return trouble.Disk(fmt.Errorf("make folder %s durable: %w", folder, err))
		}
	}
	return nil
}

// prepare decides where each file goes and makes it whole in the staging, mode and time set.
func (g *Staging) prepare(ctx context.Context, files []int) (moves []move, outcomes []Outcome, err error) {
	if len(files) == 0 {
		return nil, nil, nil
	}
	batch, err := g.newTargets(files)
	if err != nil {
		return nil, nil, err
	}
	moves = make([]move, 0, len(files))
	pack := parts.NewPack(g.parts, g.name+"/"+packName)
	defer pack.Close()
	for _, i := range files {
		t, o, err := batch.at(ctx, i)
		if err != nil {
			return nil, nil, err
		}
		if o != nil {
			outcomes = append(outcomes, *o)
			continue
		}
		m := move{file: i, target: t}
		if m.from, m.mtime, err = g.whole(i, pack); err == nil {
			moves = append(moves, m)
			continue
		}
		if o, err = g.faulty(ctx, i, "make it whole", err); err != nil {
			return nil, nil, err
		}
		outcomes = append(outcomes, *o)
	}
	return moves, outcomes, nil
}

// final is where file i goes if its name is free.
func (g *Staging) final(i int) string { return g.spool.cfg.Group + "/" + g.layout.Entry(i).Path }

// makeDurable is the barrier before the renames; the journal then says which files may be
// found under either name after a crash. Files that the disk fails for alone fall out.
func (g *Staging) makeDurable(ctx context.Context, moves []move) (durable []move, weak []Outcome, err error) {
	if len(moves) == 0 {
		return nil, nil, nil
	}
	if durable, weak, err = g.barrier(ctx, moves); err != nil {
		return nil, nil, fmt.Errorf("make files durable: %w", err)
	}
	files := make([]uint32, len(durable))
	for i, m := range durable {
		files[i] = uint32(m.file)
	}
	if err := g.layout.Durable(); err != nil {
		return nil, nil, err
	}
	g.mu.Lock()
	err = g.journal.Add(journal.Moving, files...)
	g.mu.Unlock() // blocks are noted while the disk is waited for
	if err != nil {
		return nil, nil, err
	}
	return durable, weak, g.journal.Sync()
}

func (g *Staging) barrier(ctx context.Context, moves []move) (durable []move, weak []Outcome, err error) {
	if done, err := g.syncAll(len(moves)); done {
		clear(g.named)
		return moves, nil, err
	}
	for _, m := range moves {
		err := g.syncPart(m.from)
		if err == nil {
			durable = append(durable, m)
			continue
		}
		o, err := g.faulty(ctx, m.file, "make it durable", err)
		if err != nil {
			return nil, nil, err
		}
		weak = append(weak, *o)
	}
	return durable, weak, g.syncFolders(map[string]bool{g.name: true})
}

// movedOutcome is the outcome of a file that has a name now. One that was there already has
// the same outcome: all of it came and was verified, and a server learns nothing of what a device had
// (security.md R4).
func (g *Staging) movedOutcome(m move) *Outcome {
	o := g.outcome(m.file, Committed, "")
	o.Name, o.MTime = g.below(m.to), m.mtime
	if m.kept {
		o.Result, o.Reason, o.Cause = KeptBoth, keptReason, CauseInTheWay
	}
	return &o
}

func (g *Staging) outcome(i int, r Result, reason string) Outcome {
	f := g.layout.Entry(i)
	o := Outcome{
		File: i, Path: f.Path, Kind: f.Kind, Result: r, Name: f.Path, Reason: reason, Transfer: g.no,
		Digest: f.Digest, Size: f.Size, MTime: protocol.TimeOf(f.MTime), Mode: fs.FileMode(f.Mode & 0o777),
		BLAKE3: g.layout.By() == digest.BLAKE3,
	}
	if f.Kind == manifest.KindSymlink {
		o.BLAKE3, o.Digest = false, sha256.Sum256([]byte(f.Target))
	}
	return o
}

// settle writes outcomes into the ledger, then into the journal, then counts them.
func (g *Staging) settle(outcomes []Outcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	if err := g.spool.cfg.Ledger.Record(outcomes); err != nil {
		return &trouble.Own{Err: fmt.Errorf("record what was delivered: %w", err)}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	files := make([]uint32, len(outcomes))
	for i := range outcomes {
		files[i] = uint32(outcomes[i].File)
		g.outcomes.Set(outcomes[i].File, &outcomes[i])
	}
	return g.journal.Add(journal.Settled, files...)
}
