package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// settledBefore is the outcome of a file that the journal calls settled.
func (g *Staging) settledBefore(i int) (*Outcome, error) {
	d, known, err := g.lookup(i)
	if err != nil || !known || d.Transfer < g.no {
		return nil, err // looked at again
	}
	if o := g.superseded(i, d); o != nil {
		return o, nil
	}
	o := g.deliveredBefore(i, d)
	return &o, nil
}

// deliveredBefore is the outcome of a file that this transfer delivered in an earlier run.
func (g *Staging) deliveredBefore(i int, d Delivered) Outcome {
	o := g.outcome(i, Committed, "")
	if d.Name != "" && d.Name != o.Path {
		o.Result, o.Name, o.Reason, o.Cause = KeptBoth, d.Name, keptReason, CauseInTheWay
	}
	o.MTime = d.MTime
	return o
}

// movedBefore finds a file that a crash caught between its staged and its final name: one of
// the names that it may have got has its content. Some file systems keep both names after a crash during
// a rename: as long as the staged one exists, the final one is ours if it is the same file, or has a name
// that only groupcast gives. A name that is claimed already is another file of this transfer.
func (g *Staging) movedBefore(ctx context.Context, i int, claimed map[string]bool) (*Outcome, error) {
	d, known, err := g.lookup(i)
	if err != nil {
		return nil, err
	}
	final, names := g.final(i), []string(nil)
	left, err := g.leftStaging(i)
	if err != nil {
		return nil, err
	}
	if left {
		names = append(names, final)
	}
	if path := g.deliveredPath(g.layout.Entry(i).Path, d); known && path != final {
		names = append(names, path)
	}
	for n := 1; n <= maxBeside; n++ {
		for _, name := range names {
			if claimed[name] {
				continue
			}
			fi, found, err := g.foundAt(ctx, i, name)
			if err != nil {
				return nil, err
			}
			if found {
				claimed[name] = true
				return g.foundMoved(i, name, fi.ModTime()), nil
			}
		}
		names = []string{g.beside(final, n)}
		if _, err := g.spool.fs.Lstat(names[0]); err != nil {
			return nil, nil // it is nowhere: its blocks are fetched again
		}
	}
	return nil, nil
}

// foundAt says whether a file has a name. One that cannot be read is not found: its blocks are fetched
// again, and the commit reports the obstacle.
func (g *Staging) foundAt(ctx context.Context, i int, name string) (fs.FileInfo, bool, error) {
	fi, err := g.spool.lying.At(name)
	if err != nil || fi == nil {
		return nil, false, ctx.Err()
	}
	same, err := g.same(ctx, i, name, fi)
	if err != nil {
		return nil, false, ctx.Err()
	}
	return fi, same, nil
}

// leftStaging says whether the staged file that was to move is gone, or has its final name too.
func (g *Staging) leftStaging(i int) (bool, error) {
	staged, _ := g.part(i)
	if g.layout.Stored(i) < bigFile {
		staged = g.copied(i)
	}
	f := g.spool.fs
	from, err := f.Lstat(staged)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", staged, err)
	}
	to, err := f.Lstat(g.final(i))
	return err == nil && f.SameFile(from, to), nil
}

func (g *Staging) foundMoved(i int, name string, mtime time.Time) *Outcome {
	return g.movedOutcome(move{file: i, mtime: mtime, target: target{to: name, kept: name != g.final(i)}})
}
