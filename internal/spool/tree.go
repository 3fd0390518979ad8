package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// finishTree makes what is no file once all files are there: folders that may be empty,
// symbolic links, then the folders' modes and times, innermost first. One that cannot be made
// holds up no other.
func (g *Staging) finishTree(ctx context.Context) error {
	if g.Done() {
		return nil
	}
	defer g.spool.cfg.Shared.turn()()
	if err := g.spool.stillKnown(); err != nil {
		return err
	}
	fresh, failed := g.makeEntries(ctx)
	folders := map[string]bool{g.spool.cfg.Group: true}
	for _, o := range fresh {
		if o.Result == Committed {
			folders[path.Dir(g.spool.cfg.Group+"/"+o.Path)] = true
		}
	}
	if failed == nil {
		g.dressFolders()
	}
	if err := g.syncFolders(folders); err != nil {
		return errors.Join(failed, err)
	}
	return errors.Join(failed, g.settle(fresh))
}

// makeEntries makes the folders and links that have no outcome yet.
func (g *Staging) makeEntries(ctx context.Context) (fresh []Outcome, err error) {
	var open []int
	for i := range g.layout.Entries() {
		if !g.outcomes.Has(i) && g.layout.Kind(i) != manifest.KindFile {
			open = append(open, i)
		}
	}
	for batch := range slices.Chunk(open, maxBatch) {
		if err := g.layout.Load(batch); err != nil {
			return fresh, err
		}
		known, err := g.lookupFiles(batch)
		if err != nil {
			return fresh, err
		}
		for _, i := range batch {
			d, there := known[g.layout.Entry(i).Path]
			o, err := g.makeEntry(ctx, i, d, there)
			if err != nil {
				return fresh, err
			}
			fresh = append(fresh, *o)
		}
	}
	return fresh, nil
}

func (g *Staging) makeEntry(ctx context.Context, i int, d Delivered, known bool) (*Outcome, error) {
	if o := g.superseded(i, d); o != nil {
		return o, nil
	}
	link, folder := g.layout.Kind(i) == manifest.KindSymlink, g.final(i)
	if link {
		folder = path.Dir(folder)
	}
	if ob, err := g.folders(ctx, folder, true); err != nil || ob != nil {
		if err != nil {
			return nil, err
		}
		return g.blocked(i, ob), nil
	}
	if link {
		return g.makeLink(ctx, i, d, known)
	}
	o := g.outcome(i, Committed, "")
	if !g.made[i] {
		o.Result, o.Foreign = AlreadyHad, !known
	}
	return &o, nil
}

// makeLink makes a symbolic link. What groupcast delivered under its name is removed, unless it was edited.
func (g *Staging) makeLink(ctx context.Context, i int, d Delivered, known bool) (*Outcome, error) {
	name := g.final(i)
	l, err := g.spool.lying.At(name)
	if err != nil {
		return g.faulty(ctx, i, "look at its name", err)
	}
	if l != nil && l.Mode()&fs.ModeSymlink != 0 {
		if to, err := g.spool.fs.Readlink(name); err == nil && to == g.layout.Entry(i).Target {
			o := g.outcome(i, AlreadyHad, "")
			return &o, nil
		}
	}
	switch {
	case l == nil:
		err = g.spool.fs.Symlink(g.layout.Entry(i).Target, name)
	case l.IsDir():
		ob, err := g.clearFolder(ctx, name, known)
		if err != nil {
			return g.faulty(ctx, i, "clear the folder that has its name", err)
		}
		if ob != nil {
			return g.linkBlocked(i, ob), nil
		}
		err = g.spool.fs.Symlink(g.layout.Entry(i).Target, name)
		return g.linkMade(ctx, i, err)
	default:
		ours := false
		if known {
			ours, err = g.spool.lying.OursThere(ctx, name, l, d)
		}
		if err != nil {
			return g.faulty(ctx, i, "compare what lies under its name", err)
		}
		if !ours || !g.spool.lying.Still(name, l) {
			return g.linkBlocked(i, g.foreign(name)), nil
		}
		err = g.replaceLink(i, name)
	}
	return g.linkMade(ctx, i, err)
}

func (g *Staging) linkBlocked(i int, ob *obstacle) *Outcome {
	if ob.cause == "" && ob.newer == 0 {
		ob = g.foreign(g.final(i))
	}
	return g.blocked(i, ob)
}

// linkMade is the outcome of a link that was made, or could not be.
func (g *Staging) linkMade(ctx context.Context, i int, err error) (*Outcome, error) {
	if err == nil {
		o := g.outcome(i, Committed, "")
		return &o, nil
	}
	o, err := g.faulty(ctx, i, "make this link here", err)
	if o != nil && o.Cause != CauseName {
		o.Cause = trouble.CauseKind
	}
	return o, err
}

// replaceLink makes the link in the staging and moves it over the old one.
func (g *Staging) replaceLink(i int, name string) error {
	staged := fmt.Sprintf("%s/l%d", g.name, i)
	if err := g.spool.fs.Remove(staged); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := g.spool.fs.Symlink(g.layout.Entry(i).Target, staged); err != nil {
		return err
	}
	return g.spool.fs.Rename(staged, name)
}

// dressFolders gives the folders that this transfer made their modes and times, inner ones first. That it cannot is no
// reason to fail what is delivered.
func (g *Staging) dressFolders() {
	made := slices.Sorted(maps.Keys(g.made))
	slices.Reverse(made)
	for batch := range slices.Chunk(made, maxBatch) {
		if g.layout.Load(batch) != nil {
			return
		}
		for _, i := range batch {
			if f := g.layout.Entry(i); f.Kind == manifest.KindFolder {
				_ = g.spool.fs.Chmod(g.final(i), fs.FileMode(f.Mode&0o777)|0o700)
				_ = g.spool.fs.Chtimes(g.final(i), protocol.TimeOf(f.MTime))
			}
		}
	}
}
