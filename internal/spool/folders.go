package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/journal"
	"github.com/groupcast/groupcast/internal/spool/lying"
	"github.com/groupcast/groupcast/internal/spool/record"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// folders walks a folder's path from DIR down: each step is a folder, and no link (security.md
// R2). It returns the obstacle if there is one. If it is this transfer's turn, missing folders are
// made, and a file or link that groupcast delivered there is removed.
func (g *Staging) folders(ctx context.Context, dir string, turn bool) (*obstacle, error) {
	at := ""
	for part := range strings.SplitSeq(dir, "/") {
		at = path.Join(at, part)
		l, err := g.spool.lying.At(at)
		if err == nil && l != nil && !l.IsDir() {
			ob, err := g.stepInTheWay(ctx, at, l, turn)
			if err != nil || ob != nil {
				return ob, err
			}
			l = nil
		}
		if err == nil && l == nil && !turn {
			return nil, nil
		}
		if err == nil && l == nil {
			err = g.makeFolder(at)
		}
		if err != nil {
			return g.unmade(ctx, at, err)
		}
	}
	return nil, nil
}

// unmade says what an error about a folder means.
func (g *Staging) unmade(ctx context.Context, at string, err error) (*obstacle, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := g.blame(err); err != nil {
		return nil, fmt.Errorf("folder %s: %w", at, err)
	}
	ob := &obstacle{cause: trouble.CauseOf(err), reason: fmt.Sprintf("its folder %s cannot be made: ", at)}
	if ob.cause == CauseName {
		ob.reason += notTaken
	}
	ob.reason += trouble.Plain(err)
	return ob, nil
}

// stepInTheWay decides about a file or link where a folder is to be.
func (g *Staging) stepInTheWay(ctx context.Context, at string, l *lying.Look, turn bool) (*obstacle, error) {
	rest, below := strings.CutPrefix(at, g.spool.cfg.Group+"/")
	if !below {
		return &obstacle{cause: CauseInTheWay, reason: at + " is no folder"}, nil
	}
	d, known, err := g.spool.cfg.Ledger.Lookup(rest)
	if err != nil {
		return nil, &trouble.Own{Err: fmt.Errorf("look up %s: %w", rest, err)}
	}
	if d.Transfer > g.no {
		return &obstacle{newer: d.Transfer}, nil
	}
	ours := false
	if known {
		if ours, err = g.spool.lying.OursThere(ctx, at, l, d); err != nil {
			return g.unmade(ctx, at, err)
		}
	}
	switch {
	case !ours:
		return &obstacle{
			cause:  CauseInTheWay,
			reason: "in the way: " + rest + " is a file or a link, not delivered by groupcast or edited since",
		}, nil
	case !turn:
		return &obstacle{late: true}, nil
	case !g.spool.lying.Still(at, l):
		return &obstacle{cause: CauseInTheWay, reason: "in the way: " + rest + " changes while it is looked at"}, nil
	}
	// It has to be gone for good before the ledger calls the path a folder: if the power went out in between, the
	// file would come back as one of the user's.
	err = g.spool.fs.Remove(at)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = g.spool.fs.SyncFolder(path.Dir(at))
	}
	if err != nil {
		return g.unmade(ctx, at, err)
	}
	return nil, nil
}

// makeFolder makes a folder and remembers that it is this transfer's: what was there before
// keeps its mode and time.
func (g *Staging) makeFolder(at string) error {
	if err := g.claimFolders([]string{at}); err != nil {
		return err
	}
	if err := g.spool.fs.Mkdir(at, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	g.named[path.Dir(at)] = true
	return nil
}

// claimFolders notes folders that are about to be made, in the journal and in the ledger: also
// one that is left empty is known to be groupcast's, and may become something else.
func (g *Staging) claimFolders(folders []string) error {
	var made []uint32
	var known []Outcome
	for _, at := range folders {
		rest, below := strings.CutPrefix(at, g.spool.cfg.Group+"/")
		if !below {
			continue
		}
		known = append(known, Outcome{Path: rest, Name: rest, Kind: manifest.KindFolder, Result: Committed, Transfer: g.no})
		i, ok, err := g.layout.Find(rest)
		if err != nil {
			return err
		}
		if ok && !g.made[i] {
			made = append(made, uint32(i))
			g.made[i] = true
		}
	}
	if len(known) == 0 {
		return nil
	}
	g.mu.Lock()
	err := g.journal.Add(journal.Made, made...)
	g.mu.Unlock()
	if err != nil {
		return err
	}
	if err := g.spool.cfg.Ledger.Record(known); err != nil {
		return &trouble.Own{Err: fmt.Errorf("record folders: %w", err)}
	}
	return nil
}

// makeFolders makes the folders that moves want and that are missing, noted all at once. What
// cannot be made is found again when a file is put there.
func (g *Staging) makeFolders(moves []move) error {
	var missing []string
	looked := map[string]bool{".": true}
	for _, m := range moves {
		var up []string
		for at := path.Dir(m.to); !looked[at]; at = path.Dir(at) {
			looked[at] = true
			up = append(up, at)
		}
		for _, at := range slices.Backward(up) {
			if l, err := g.spool.lying.At(at); err == nil && l == nil {
				missing = append(missing, at)
			}
		}
	}
	if err := g.claimFolders(missing); err != nil {
		return err
	}
	for _, at := range missing {
		if err := g.spool.fs.Mkdir(at, 0o755); err == nil {
			g.named[path.Dir(at)] = true
		}
	}
	return nil
}

// folderInTheWay decides about a folder that has a file's name. One that holds nothing but what
// groupcast delivered goes; one that it never had to do with stays, with the file beside it.
func (g *Staging) folderInTheWay(ctx context.Context, i int, c claim) (target, *Outcome, error) {
	name := g.final(i)
	if !c.turn {
		return target{to: name, late: true}, nil, nil
	}
	ob, err := g.clearFolder(ctx, name, c.known)
	switch {
	case err != nil:
		return g.failed(ctx, i, "clear the folder that has its name", err)
	case ob == nil:
		return target{to: name}, nil, nil
	case ob.cause == "" && ob.newer == 0:
		beside, err := g.freeName(name, nil)
		if err != nil {
			return g.failed(ctx, i, "find a free name beside it", err)
		}
		return target{to: beside, kept: true}, nil, nil
	}
	return target{}, g.blocked(i, ob), nil
}

// clearing is a folder that is looked through before it goes.
type clearing struct {
	files   []string // to be removed, with what they looked like
	looks   []*lying.Look
	folders []string // inner ones first
	ours    bool     // something in it was delivered by groupcast
}

// clearFolder removes a folder that has only what groupcast delivered and the user did not edit. All of
// it is examined before anything is removed, and files that appear meanwhile stay. An obstacle without a
// cause is a folder of the user.
func (g *Staging) clearFolder(ctx context.Context, name string, known bool) (*obstacle, error) {
	c := clearing{ours: known}
	ob, err := g.lookThrough(ctx, name, &c)
	if err != nil {
		return nil, err
	}
	if !c.ours {
		return &obstacle{}, nil
	}
	if ob != nil {
		return ob, nil
	}
	for n, file := range c.files {
		if !g.spool.lying.Still(file, c.looks[n]) {
			return g.foreign(file), nil
		}
		if err := g.spool.fs.Remove(file); err != nil {
			return nil, err
		}
	}
	for _, folder := range c.folders {
		if err := g.spool.fs.Remove(folder); err != nil {
			if left, lerr := g.spool.fs.Readdir(folder); lerr == nil && len(left) > 0 {
				return g.foreign(folder + "/" + left[0].Name()), nil
			}
			return nil, err
		}
		delete(g.named, folder)
	}
	g.named[path.Dir(name)] = true
	return nil, nil
}

func (g *Staging) foreign(name string) *obstacle {
	return &obstacle{
		cause: CauseInTheWay, reason: "in the way: " + g.below(name) + " was not delivered by groupcast, or was edited since",
	}
}

// lookThrough walks a folder; the obstacle is the first thing in it that must stay.
func (g *Staging) lookThrough(ctx context.Context, folder string, c *clearing) (first *obstacle, err error) {
	entries, err := g.spool.fs.Readdir(folder)
	if err != nil {
		return nil, err
	}
	known, err := g.lookupBelow(folder, entries)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		name := folder + "/" + e.Name()
		var ob *obstacle
		if e.IsDir() {
			d, delivered := known[g.below(name)]
			c.ours = c.ours || delivered && d.Digest == protocol.Digest{}
			ob, err = g.lookThrough(ctx, name, c)
		} else {
			ob, err = g.mayGo(ctx, name, known, c)
		}
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = ob
		}
	}
	c.folders = append(c.folders, folder)
	return first, nil
}

// mayGo looks at a file or link in a folder that is to go.
func (g *Staging) mayGo(ctx context.Context, name string, known map[string]Delivered, c *clearing) (*obstacle, error) {
	d, delivered := known[g.below(name)]
	if !delivered {
		return g.foreign(name), nil
	}
	if d.Transfer > g.no {
		c.ours = true
		return &obstacle{newer: d.Transfer}, nil
	}
	l, err := g.spool.lying.At(name)
	if err != nil {
		return nil, err
	}
	ours, err := g.spool.lying.Ours(ctx, name, l, d)
	if err != nil {
		return nil, err
	}
	c.ours = true
	if !ours {
		return g.foreign(name), nil
	}
	c.files, c.looks = append(c.files, name), append(c.looks, l)
	return nil, nil
}

// lookupBelow looks up the entries of a folder in the ledger, by the names that they have: a copy beside
// another file is recorded under that file's path.
func (g *Staging) lookupBelow(folder string, entries []fs.DirEntry) (map[string]Delivered, error) {
	paths := make([]string, 0, len(entries))
	besides := map[string]string{}
	for _, e := range entries {
		name := g.below(folder + "/" + e.Name())
		paths = append(paths, name)
		if of := record.Unmarked(name); of != name {
			besides[name] = of
			paths = append(paths, of)
		}
	}
	if len(paths) == 0 {
		return nil, nil
	}
	known, err := g.spool.cfg.Ledger.LookupAll(paths)
	if err != nil {
		return nil, &trouble.Own{Err: fmt.Errorf("look up what lies in %s: %w", folder, err)}
	}
	out := make(map[string]Delivered, len(known))
	for p, d := range known {
		if d.Name == "" || d.Name == p {
			out[p] = d
		} else if d.Former != (Former{}) {
			out[p] = Delivered{Transfer: d.Transfer, Digest: d.Former.Digest, Size: d.Former.Size}
		}
	}
	for name, of := range besides {
		if d, there := known[of]; there && d.Name == name {
			out[name] = d
		}
	}
	return out, nil
}
