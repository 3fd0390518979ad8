package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
)

// finishTree makes what is no file once all files are there: folders that may be empty,
// symbolic links, then the folders' modes and times, innermost first.
func (g *Staging) finishTree() ([]Outcome, error) {
	var fresh []Outcome
	for i, f := range g.files {
		if g.outcomes[i] != nil || f.Kind == manifest.KindFile {
			continue
		}
		o, err := g.makeEntry(i)
		if err != nil {
			return fresh, err
		}
		fresh = append(fresh, o)
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	for i := len(g.files) - 1; i >= 0; i-- {
		g.dressFolder(i, fresh)
	}
	if err := g.spool.fs.SyncFolder(g.spool.cfg.Group); err != nil {
		return nil, fmt.Errorf("make folder %s durable: %w", g.spool.cfg.Group, err)
	}
	return fresh, g.settle(fresh)
}

func (g *Staging) makeEntry(i int) (Outcome, error) {
	if why := g.parents(i); why != "" {
		return g.outcome(i, Rejected, why), nil
	}
	if g.files[i].Kind == manifest.KindSymlink {
		return g.makeLink(i)
	}
	switch fi, err := g.spool.fs.Lstat(g.final(i)); {
	case errors.Is(err, fs.ErrNotExist):
		if err := g.spool.fs.Mkdir(g.final(i), 0o755); err != nil {
			return Outcome{}, fmt.Errorf("make folder %s: %w", g.files[i].Path, err)
		}
	case err != nil:
		return Outcome{}, fmt.Errorf("look at %s: %w", g.files[i].Path, err)
	case !fi.IsDir():
		return g.outcome(i, Rejected, "something that is no folder has its name"), nil
	}
	return g.outcome(i, Committed, ""), nil
}

func (g *Staging) makeLink(i int) (Outcome, error) {
	name, target := g.final(i), g.files[i].Target
	_, err := g.spool.fs.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := g.spool.fs.Symlink(target, name); err != nil {
			return g.outcome(i, Rejected, "this file system takes no symbolic link: "+err.Error()), nil
		}
		return g.outcome(i, Committed, ""), g.spool.fs.SyncFolder(path.Dir(name))
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("look at %s: %w", g.files[i].Path, err)
	}
	if have, err := g.spool.fs.Readlink(name); err == nil && have == target {
		return g.outcome(i, AlreadyHad, ""), nil
	}
	return g.outcome(i, Rejected, "something else has the link's name"), nil
}

// dressFolder gives a folder of this transfer its mode and time. That it cannot is no reason
// to fail what is delivered.
func (g *Staging) dressFolder(i int, fresh []Outcome) {
	f := g.files[i]
	if f.Kind != manifest.KindFolder {
		return
	}
	for _, o := range fresh {
		if o.File == i && o.Result == Committed {
			_ = g.spool.fs.Chmod(g.final(i), fs.FileMode(f.Mode&0o777)|0o700)
			_ = g.spool.fs.Chtimes(g.final(i), time.Unix(0, f.MTime))
		}
	}
}
