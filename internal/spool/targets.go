package spool

import (
	"context"
	"path"
)

// targets decides where the files of one batch go. It looks the whole batch up at once, and walks
// each of its folders once.
type targets struct {
	staging *Staging
	known   map[string]Delivered
	taken   map[string]bool      // targets of this batch
	walked  map[string]*obstacle // folders of this batch; what is in the way of one
}

func (g *Staging) newTargets(files []int) (*targets, error) {
	known, err := g.lookupFiles(files)
	return &targets{
		staging: g, known: known, taken: make(map[string]bool, len(files)), walked: map[string]*obstacle{},
	}, err
}

// at is target for a file of the batch. A name that was never delivered is taken to be free:
// the rename, which replaces nothing, finds out, and then the name is looked at.
func (b *targets) at(ctx context.Context, i int) (t target, o *Outcome, err error) {
	g := b.staging
	d, known := b.known[g.layout.Entry(i).Path]
	if o := g.superseded(i, d); o != nil {
		return t, o, nil
	}
	name := g.final(i)
	folder := path.Dir(name)
	ob, walked := b.walked[folder]
	if !walked {
		if ob, err = g.folders(ctx, folder, false); err != nil {
			return t, nil, err
		}
		b.walked[folder] = ob
	}
	if t = (target{to: name}); ob != nil {
		if t.late = ob.late; t.late {
			return t, nil, nil
		}
		return t, g.blocked(i, ob), nil
	}
	if known || b.taken[name] {
		if t, o, err = g.beyond(ctx, i, claim{Delivered: d, known: known, taken: b.taken}); err != nil || o != nil {
			return t, o, err
		}
	}
	b.taken[t.to] = true
	return t, nil, nil
}
