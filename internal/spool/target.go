package spool

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/digest"
	"github.com/groupcast/groupcast/internal/spool/lying"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

const maxBeside = 1000 // names tried beside one that is taken

// settleEarly gives an outcome to entries that need no block: those that a newer transfer wrote, those
// that are there already, and those that this machine cannot store.
func (g *Staging) settleEarly(ctx context.Context) error {
	for from := 0; from < g.layout.Entries(); from += maxBatch {
		batch := make([]int, min(maxBatch, g.layout.Entries()-from))
		for n := range batch {
			batch[n] = from + n
		}
		if err := g.layout.Load(batch); err != nil {
			return err
		}
		files := batch[:0]
		for _, i := range batch {
			if err := manifest.CheckPathOn(runtime.GOOS, g.layout.Entry(i).Path); err != nil {
				g.decide(i, g.blocked(i, &obstacle{cause: CauseName, reason: err.Error()}))
			} else if g.layout.Kind(i) == manifest.KindFile {
				files = append(files, i)
			}
		}
		if err := g.settleBatch(ctx, files); err != nil {
			return err
		}
	}
	return nil
}

func (g *Staging) settleBatch(ctx context.Context, files []int) error {
	round := g.spool.cfg.Shared.round.Load()
	known, err := g.lookupFiles(files)
	if err != nil {
		return err
	}
	var looks []settling
	for _, i := range files {
		f := g.layout.Entry(i)
		d, there := known[f.Path]
		if g.wrote != nil && (there || g.before.MayHave(f.Path)) {
			g.wrote.Add(protocol.BlockNumber(i))
		}
		if !there && g.spool.cfg.Adopt && g.layout.Finished(i) {
			d, there = Delivered{Digest: f.Digest, BLAKE3: g.layout.By() == digest.BLAKE3, Size: f.Size}, true
		}
		if there {
			looks = append(looks, settling{file: i, last: d})
		}
	}
	if err := g.settleSome(ctx, looks); err != nil {
		return err
	}
	var had []settling
	for _, s := range looks {
		switch {
		case s.outcome == nil:
		case s.outcome.Result == Superseded:
			g.decide(s.file, s.outcome)
		default:
			// Whoever put it there may have been interrupted before its name was durable.
			g.wayTo(g.spool.cfg.Group+"/"+s.outcome.Name, g.named)
			had = append(had, s)
		}
	}
	return g.keepHad(ctx, had, known, round)
}

// keepHad records that files which were there already belong to this transfer now: an older transfer that
// comes later must not replace them. Files that another transfer wrote since they were looked up come with
// their blocks after all.
func (g *Staging) keepHad(ctx context.Context, had []settling, known map[string]Delivered, round uint64) error {
	if len(had) == 0 {
		return nil
	}
	shared := g.spool.cfg.Shared
	defer shared.turn()()
	now := known
	if shared.round.Load() != round {
		files := make([]int, len(had))
		for n := range had {
			files[n] = had[n].file
		}
		var err error
		if now, err = g.lookupFiles(files); err != nil {
			return err
		}
	}
	outcomes := make([]Outcome, 0, len(had))
	for _, s := range had {
		o := *s.outcome
		if now[o.Path].Transfer != known[o.Path].Transfer {
			continue
		}
		if err := g.takeBack(ctx, &o, now[o.Path]); err != nil {
			return err
		}
		if !s.dressed || o.Name != s.outcome.Name {
			g.dress(&o)
		}
		outcomes = append(outcomes, o)
	}
	if err := g.syncFolders(map[string]bool{}); err != nil {
		return err
	}
	if err := g.spool.cfg.Ledger.Record(outcomes); err != nil {
		return &trouble.Own{Err: fmt.Errorf("record what was there already: %w", err)}
	}
	for n := range outcomes {
		g.decide(outcomes[n].File, &outcomes[n])
	}
	return nil
}

// dress gives a file that was there already the time and the mode of the manifest: the source may have
// changed nothing else, or it was touched here. The file must still be the one that was compared. An error
// does not fail the delivery.
func (g *Staging) dress(o *Outcome) {
	if o.Result != AlreadyHad {
		return
	}
	name := g.spool.cfg.Group + "/" + o.Name
	l, err := g.spool.lying.At(name)
	if err != nil || l == nil || !l.Mode().IsRegular() || uint64(l.Bytes) != o.Size || !l.Time.Equal(o.MTime) {
		return
	}
	o.MTime = g.clothe(o.File, name, l)
}

// clothe is dress for a file that was just looked at. It gives the time that the file has then.
func (g *Staging) clothe(i int, name string, l *lying.Look) time.Time {
	f := g.layout.Entry(i)
	if mode := fs.FileMode(f.Mode & 0o777); l.Mode().Perm() != mode {
		_ = g.spool.fs.Chmod(name, mode)
	}
	if want := protocol.TimeOf(f.MTime); l.Time.Equal(want) || g.spool.fs.Chtimes(name, want) != nil {
		return l.Time
	}
	if now, err := g.spool.lying.At(name); err == nil && now != nil {
		return now.Time
	}
	return l.Time
}

// lookupFiles looks files up, all at once.
func (g *Staging) lookupFiles(files []int) (map[string]Delivered, error) {
	if len(files) == 0 {
		return nil, nil
	}
	paths := make([]string, len(files))
	for n, i := range files {
		paths[n] = g.layout.Entry(i).Path
	}
	known, err := g.spool.cfg.Ledger.LookupAll(paths)
	if err != nil {
		return nil, &trouble.Own{Err: fmt.Errorf("look up %s and what follows: %w", paths[0], err)}
	}
	return known, nil
}

func (g *Staging) lookup(i int) (Delivered, bool, error) {
	d, known, err := g.spool.cfg.Ledger.Lookup(g.layout.Entry(i).Path)
	if err != nil {
		return d, false, &trouble.Own{Err: fmt.Errorf("look up %s: %w", g.layout.Entry(i).Path, err)}
	}
	return d, known, nil
}

func (g *Staging) superseded(i int, d Delivered) *Outcome {
	if d.Transfer <= g.no {
		return nil
	}
	o := g.outcome(i, Superseded, fmt.Sprintf("transfer %d wrote it since", d.Transfer))
	return &o
}

// deliveredPath is the path of a delivered file below DIR; below is the same below DIR/GROUP.
func (g *Staging) deliveredPath(manifestPath string, d Delivered) string {
	if d.Name != "" {
		manifestPath = d.Name
	}
	return g.spool.cfg.Group + "/" + manifestPath
}

func (g *Staging) below(name string) string { return name[len(g.spool.cfg.Group)+1:] }

// obstacle is why an entry cannot have its name.
type obstacle struct {
	cause  Cause
	reason string
	newer  protocol.TransferNo // that has the name: the entry is superseded
	late   bool                // what lies there is ours and goes when it is the transfer's turn
}

// blocked is the outcome of an entry with an obstacle.
func (g *Staging) blocked(i int, ob *obstacle) *Outcome {
	if ob.newer > 0 {
		return g.superseded(i, Delivered{Transfer: ob.newer})
	}
	o := g.outcome(i, Rejected, ob.reason)
	o.Cause = ob.cause
	return &o
}

// target decides where a file that is whole goes: its name, a free one beside what is not
// ours, or nowhere, with the outcome that says why. It is this transfer's turn: what groupcast
// delivered and is an obstacle is removed.
func (g *Staging) target(ctx context.Context, i int) (target, *Outcome, error) {
	d, known, err := g.lookup(i)
	if err != nil {
		return target{}, nil, err
	}
	if o := g.superseded(i, d); o != nil {
		return target{}, o, nil
	}
	if ob, err := g.folders(ctx, path.Dir(g.final(i)), true); err != nil || ob != nil {
		if err != nil {
			return target{}, nil, err
		}
		return target{}, g.blocked(i, ob), nil
	}
	return g.beyond(ctx, i, claim{Delivered: d, known: known, turn: true})
}

// claim is what decides about a name besides the file that has it.
type claim struct {
	Delivered                 // the last time
	known     bool            // there was a last time
	taken     map[string]bool // targets of the same batch
	turn      bool            // it is this transfer's turn: what is ours may be moved and removed
}

// beyond is target for a file in an existing folder: it examines the name.
func (g *Staging) beyond(ctx context.Context, i int, c claim) (target, *Outcome, error) {
	name := g.final(i)
	l, err := g.spool.lying.At(name)
	if err != nil {
		return g.failed(ctx, i, "look at its name", err)
	}
	old, beside, err := g.ownBeside(ctx, i, c)
	if err != nil {
		return g.failed(ctx, i, "look at what was delivered before", err)
	}
	switch {
	case c.taken[name]:
	case l == nil:
		return target{to: name, back: old}, nil, nil
	case l.IsDir():
		return g.folderInTheWay(ctx, i, c)
	default:
		t, err := g.held(ctx, i, name, l, c, old)
		if err != nil {
			return g.failed(ctx, i, "compare what lies under its name", err)
		}
		if t != nil {
			return *t, nil, nil
		}
	}
	if old != "" {
		return target{to: old, seen: beside, kept: true}, nil, nil
	}
	name, err = g.freeName(name, c.taken)
	if err != nil {
		return g.failed(ctx, i, "find a free name beside it", err)
	}
	return target{to: name, kept: true}, nil, nil
}

// held decides about a file or link that has the name: the very same is adopted, what was
// delivered last is replaced; about anything else it says nothing.
func (g *Staging) held(ctx context.Context, i int, name string, l *lying.Look, c claim, old string) (*target, error) {
	same, err := g.same(ctx, i, name, l)
	if err != nil {
		return nil, err
	}
	if same {
		return &target{to: name, seen: l, same: true, drop: old}, nil
	}
	if !c.known {
		return nil, nil
	}
	ours, err := g.spool.lying.OursThere(ctx, name, l, c.Delivered)
	if err != nil || !ours {
		return nil, err
	}
	return &target{to: name, seen: l, drop: old}, nil
}

// ownBeside finds the copy of the last delivery that has another name than the file, unless it was
// edited.
func (g *Staging) ownBeside(ctx context.Context, i int, c claim) (string, *lying.Look, error) {
	name := g.deliveredPath(g.layout.Entry(i).Path, c.Delivered)
	if !c.known || name == g.final(i) || c.taken[name] {
		return "", nil, nil
	}
	l, err := g.spool.lying.At(name)
	if err != nil {
		return "", nil, err
	}
	ours, err := g.spool.lying.Ours(ctx, name, l, c.Delivered)
	if err != nil || !ours {
		return "", nil, err
	}
	return name, l, nil
}

// failed gives what an error about one file means: it ends the commit if it is the context's or
// the disk's, else it is the outcome of the file, over which nothing is put.
func (g *Staging) failed(ctx context.Context, i int, doing string, err error) (target, *Outcome, error) {
	o, err := g.faulty(ctx, i, doing, err)
	return target{}, o, err
}
