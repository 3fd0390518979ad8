package spool

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// finishTree makes what is no file once all files are there: folders that may be empty,
// symbolic links, then the folders' modes and times, innermost first.
func (g *Staging) finishTree() ([]Outcome, error) {
	if g.Done() {
		return nil, nil
	}
	defer g.spool.cfg.Shared.turn()()
	var fresh []Outcome
	folders := map[string]bool{g.spool.cfg.Group: true}
	for i, f := range g.files {
		if g.outcomes[i] != nil || f.Kind == manifest.KindFile {
			continue
		}
		o, err := g.makeEntry(i)
		if err != nil {
			return nil, err
		}
		folders[path.Dir(g.final(i))] = true
		if o.Result == Rejected {
			delete(folders, path.Dir(g.final(i))) // it may not even be a folder
		}
		fresh = append(fresh, o)
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	for i := len(g.files) - 1; i >= 0; i-- {
		if g.made[i] && g.files[i].Kind == manifest.KindFolder {
			g.dressFolder(i)
		}
	}
	if err := g.syncFolders(folders); err != nil {
		return nil, err
	}
	return fresh, g.settle(fresh)
}

func (g *Staging) makeEntry(i int) (Outcome, error) {
	if why, err := g.folders(path.Dir(g.final(i))); err != nil || why != "" {
		return g.outcome(i, Rejected, why), err
	}
	if g.files[i].Kind == manifest.KindSymlink {
		return g.makeLink(i)
	}
	if why, err := g.folders(g.final(i)); err != nil || why != "" {
		return g.outcome(i, Rejected, why), err
	}
	if !g.made[i] {
		return g.outcome(i, AlreadyHad, ""), nil
	}
	return g.outcome(i, Committed, ""), nil
}

// makeLink makes a symbolic link. One that lies there is replaced if it still points where
// groupcast let it point.
func (g *Staging) makeLink(i int) (Outcome, error) {
	name, link := g.final(i), g.files[i].Target
	d, known, err := g.lookup(i)
	if err != nil {
		return Outcome{}, err
	}
	if o := g.superseded(i, d); o != nil {
		return *o, nil
	}
	have, err := g.spool.fs.Readlink(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = g.spool.fs.Symlink(link, name)
	case err != nil && !badName(err):
		return Outcome{}, fmt.Errorf("look at %s: %w", g.files[i].Path, err)
	case err != nil:
		return g.outcome(i, Rejected, "something else has the link's name"), nil
	case have == link:
		o := g.outcome(i, AlreadyHad, "")
		o.Foreign = !known
		return o, nil
	case !known || d.Digest != sha256.Sum256([]byte(have)):
		return g.outcome(i, Rejected, "another link has its name"), nil
	default:
		err = g.replaceLink(i, name)
	}
	if err != nil && badName(err) {
		return g.outcome(i, Rejected, "this file system takes no such link: "+err.Error()), nil
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("make link %s: %w", g.files[i].Path, err)
	}
	return g.outcome(i, Committed, ""), nil
}

// replaceLink makes the link in the staging and moves it over the old one.
func (g *Staging) replaceLink(i int, name string) error {
	staged := fmt.Sprintf("%s/l%d", g.name, i)
	if err := g.spool.fs.Remove(staged); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := g.spool.fs.Symlink(g.files[i].Target, staged); err != nil {
		return err
	}
	return g.spool.fs.Rename(staged, name)
}

// dressFolder gives a folder that this transfer made its mode and time. That it cannot is no
// reason to fail what is delivered.
func (g *Staging) dressFolder(i int) {
	f := g.files[i]
	_ = g.spool.fs.Chmod(g.final(i), fs.FileMode(f.Mode&0o777)|0o700)
	_ = g.spool.fs.Chtimes(g.final(i), protocol.TimeOf(f.MTime))
}
