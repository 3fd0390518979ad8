package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/groupcast/groupcast/internal/spool/record"
)

// beside gives the n-th name beside one that is taken: "report (groupcast 42).pdf".
func (g *Staging) beside(name string, n int) string { return record.Beside(name, g.no, n) }

// freeName finds a name beside one that is taken, new in the folder and in the manifest
// (security.md R1).
func (g *Staging) freeName(name string, taken map[string]bool) (string, error) {
	for n := 1; n <= maxBeside; n++ {
		free := g.beside(name, n)
		_, inManifest, err := g.layout.Find(g.below(free))
		if err != nil {
			return "", err
		}
		if inManifest || taken[free] {
			continue
		}
		_, err = g.spool.fs.Lstat(free)
		if errors.Is(err, fs.ErrNotExist) {
			return free, nil
		}
		if err != nil {
			return "", fmt.Errorf("look at %s: %w", free, err)
		}
	}
	return "", fmt.Errorf("no free name beside %s", name)
}

// takeBack gives a file that is beside its name that name, if the name is free now, or has the same
// content, or has what was delivered there before. The outcome of what was there already does not change.
func (g *Staging) takeBack(ctx context.Context, o *Outcome, d Delivered) error {
	if o.Name == o.Path {
		return nil
	}
	beside, name := g.spool.cfg.Group+"/"+o.Name, g.final(o.File)
	l, err := g.spool.lying.At(name)
	same, undone := false, false
	if err == nil && l != nil {
		same, err = g.same(ctx, o.File, name, l)
	}
	if err == nil && l != nil && !same && d.Former != (Former{}) {
		undone, err = g.spool.lying.OursThere(ctx, name, l, d)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil: // it stays beside
	case l == nil:
		err = g.spool.fs.RenameNew(beside, name)
		same = err == nil
	case undone && g.spool.lying.Still(name, l):
		err = g.spool.fs.Rename(beside, name)
		same = err == nil
	case same:
		err = g.spool.fs.Remove(beside)
		o.MTime = l.Time
	}
	if err != nil || !same {
		o.Result, o.Reason, o.Cause = KeptBoth, keptReason, CauseInTheWay
		return nil
	}
	if o.Name = o.Path; o.Result == KeptBoth {
		o.Result, o.Reason, o.Cause = Committed, "", ""
	}
	g.named[path.Dir(name)] = true
	return nil
}
