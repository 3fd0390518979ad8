package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"strings"

	"github.com/groupcast/groupcast/internal/manifest"
)

// maxComponent is the longest name of a file that file systems keep.
const maxComponent = 255

// settleEarly gives an outcome to entries that need no block: what a newer transfer wrote,
// what lies there already, what this machine cannot hold.
func (g *Staging) settleEarly(ctx context.Context) error {
	for i, f := range g.files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := manifest.CheckPathOn(runtime.GOOS, f.Path); err != nil {
			o := g.outcome(i, Rejected, err.Error())
			g.outcomes[i] = &o
			continue
		}
		if f.Kind != manifest.KindFile {
			continue
		}
		if err := g.settleKnown(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// settleKnown looks a file up in the ledger; only what this server delivered to this group is
// ever looked at (security.md R4), and its content is read again before it counts.
func (g *Staging) settleKnown(ctx context.Context, i int) error {
	f := g.files[i]
	d, known, err := g.spool.cfg.Ledger.Lookup(f.Path)
	if err != nil {
		return fmt.Errorf("look up %s: %w", f.Path, err)
	}
	if !known {
		return nil
	}
	if d.Transfer > g.no {
		o := g.outcome(i, Superseded, fmt.Sprintf("transfer %d wrote it since", d.Transfer))
		g.outcomes[i] = &o
		return nil
	}
	if d.Digest != f.Digest || d.Size != f.Size || !g.asDelivered(g.lies(f.Path, d), d) {
		return nil
	}
	name := g.lies(f.Path, d)
	if sum, err := hashFile(ctx, g.spool.fs, name, 0, f.Size); err == nil && sum == f.Digest {
		o := g.outcome(i, AlreadyHad, "")
		o.Name, o.MTime = name[len(g.spool.cfg.Group)+1:], d.MTime
		g.outcomes[i] = &o
	}
	return ctx.Err()
}

// lies is where a delivered file lies, below DIR.
func (g *Staging) lies(manifestPath string, d Delivered) string {
	if d.Name != "" {
		manifestPath = d.Name
	}
	return g.spool.cfg.Group + "/" + manifestPath
}

// asDelivered says whether a file is still as it was delivered.
func (g *Staging) asDelivered(name string, d Delivered) bool {
	if g.folders(path.Dir(name)) != "" {
		return false
	}
	fi, err := g.spool.fs.Lstat(name)
	return err == nil && fi.Mode().IsRegular() && uint64(fi.Size()) == d.Size && fi.ModTime().Equal(d.MTime)
}

// target decides where a file that is whole goes: its name, a free one beside what is not
// ours, or nowhere, with the outcome that says why.
func (g *Staging) target(i int, taken map[string]bool) (string, *Outcome, error) {
	f, name := g.files[i], g.final(i)
	d, known, err := g.spool.cfg.Ledger.Lookup(f.Path)
	if err != nil {
		return "", nil, fmt.Errorf("look up %s: %w", f.Path, err)
	}
	if known && d.Transfer > g.no {
		o := g.outcome(i, Superseded, fmt.Sprintf("transfer %d wrote it since", d.Transfer))
		return "", &o, nil
	}
	if why := g.parents(i); why != "" {
		o := g.outcome(i, Rejected, why)
		return "", &o, nil
	}
	fi, err := g.spool.fs.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !taken[name]:
		return name, nil, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		o := g.outcome(i, Rejected, "this file system does not take its name: "+err.Error())
		return "", &o, nil
	case !taken[name] && known && g.asDelivered(g.lies(f.Path, d), d) && g.lies(f.Path, d) == name:
		return name, nil, nil
	case !taken[name] && fi != nil && fi.Mode().IsRegular() && g.same(i, name, fi):
		return name, nil, nil
	}
	if known && d.Name != "" && g.asDelivered(g.lies(f.Path, d), d) && !taken[g.lies(f.Path, d)] {
		return g.lies(f.Path, d), nil, nil // the one kept beside it last time is ours
	}
	name, err = g.freeName(name, taken)
	return name, nil, err
}

// same says whether what lies there has the very content that is to come.
func (g *Staging) same(i int, name string, fi fs.FileInfo) bool {
	if uint64(fi.Size()) != g.files[i].Size {
		return false
	}
	sum, err := hashFile(context.Background(), g.spool.fs, name, 0, g.files[i].Size)
	return err == nil && sum == g.files[i].Digest
}

// freeName finds a name beside one that is taken: "report (groupcast 42).pdf".
func (g *Staging) freeName(name string, taken map[string]bool) (string, error) {
	dir, base := path.Split(name)
	ext := path.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	for n := 1; n <= 1000; n++ {
		mark := fmt.Sprintf(" (groupcast %d)", g.no)
		if n > 1 {
			mark = fmt.Sprintf(" (groupcast %d, %d)", g.no, n)
		}
		cut := stem[:min(len(stem), max(1, maxComponent-len(mark)-len(ext)))]
		free := dir + strings.ToValidUTF8(cut, "") + mark + ext
		if _, err := g.spool.fs.Lstat(free); errors.Is(err, fs.ErrNotExist) && !taken[free] {
			return free, nil
		}
	}
	return "", fmt.Errorf("no free name beside %s", name)
}

// parents makes the folders above an entry, or says why it cannot.
func (g *Staging) parents(i int) string { return g.folders(path.Dir(g.final(i))) }

// folders walks a folder's path from DIR down: each step is a folder, and no link, or is made
// (security.md R2).
func (g *Staging) folders(dir string) string {
	at := ""
	for part := range strings.SplitSeq(dir, "/") {
		at = path.Join(at, part)
		fi, err := g.spool.fs.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := g.spool.fs.Mkdir(at, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Sprintf("its folder %s cannot be made: %v", at, err)
			}
			if err := g.spool.fs.SyncFolder(path.Dir(at)); err != nil {
				return fmt.Sprintf("its folder %s cannot be made durable: %v", at, err)
			}
		case err != nil:
			return fmt.Sprintf("its folder %s: %v", at, err)
		case !fi.IsDir():
			return fmt.Sprintf("%s is a file or a link, not a folder", at)
		}
	}
	return ""
}

// settledBefore is the outcome of a file that the journal calls settled.
func (g *Staging) settledBefore(i int) *Outcome {
	d, known, err := g.spool.cfg.Ledger.Lookup(g.files[i].Path)
	if err != nil || !known || d.Transfer < g.no {
		return nil // looked at again
	}
	o := g.outcome(i, Committed, "")
	if d.Transfer > g.no {
		o = g.outcome(i, Superseded, fmt.Sprintf("transfer %d wrote it since", d.Transfer))
	}
	if d.Name != "" {
		o.Name = d.Name
	}
	o.MTime = d.MTime
	return &o
}

// movedBefore finds a file that a crash caught between its staged and its final name: if the
// staged one is gone, the other has its content.
func (g *Staging) movedBefore(i int) *Outcome {
	f := g.files[i]
	staged := g.name + fmt.Sprintf("/c%d", i)
	if f.Size >= bigFile {
		staged, _ = g.part(i)
	}
	if _, err := g.spool.fs.Lstat(staged); err == nil || g.folders(path.Dir(g.final(i))) != "" {
		return nil
	}
	name := g.final(i)
	if fi, err := g.spool.fs.Lstat(name); err != nil || !fi.Mode().IsRegular() || !g.same(i, name, fi) {
		return nil
	}
	o := g.movedOutcome(move{file: i, to: name})
	if g.spool.cfg.Ledger.Record([]Outcome{o}) != nil {
		return nil
	}
	return &o
}
