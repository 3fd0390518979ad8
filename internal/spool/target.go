package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	maxComponent = 255  // the longest name of a file that file systems keep
	maxBeside    = 1000 // names tried beside one that is taken
	// rehashBelow is the size below which a file that is to be replaced is read once more; of
	// larger ones size and time, to the nanosecond, tell whether somebody edited them.
	rehashBelow = 64 << 20
)

// settleEarly gives an outcome to entries that need no block: what a newer transfer wrote,
// what lies there already, what this machine cannot hold.
func (g *Staging) settleEarly(ctx context.Context) error {
	files := make([]int, 0, min(len(g.files), maxBatch))
	for i, f := range g.files {
		if err := manifest.CheckPathOn(runtime.GOOS, f.Path); err != nil {
			o := g.outcome(i, Rejected, err.Error())
			g.outcomes[i] = &o
		} else if f.Kind == manifest.KindFile {
			files = append(files, i)
		}
		if len(files) < maxBatch && i < len(g.files)-1 {
			continue
		}
		if err := g.settleBatch(ctx, files); err != nil {
			return err
		}
		files = files[:0]
	}
	return nil
}

func (g *Staging) settleBatch(ctx context.Context, files []int) error {
	round := g.spool.cfg.Shared.round.Load()
	known, err := g.lookupFiles(files)
	if err != nil {
		return err
	}
	var had []int
	for _, i := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if d, there := known[g.files[i].Path]; there {
			if err := g.settleKnown(ctx, i, d); err != nil {
				return err
			}
		}
		if o := g.outcomes[i]; o != nil && o.Result == AlreadyHad {
			had = append(had, i)
		}
	}
	return g.keepHad(had, known, round)
}

// keepHad records whose transfer the files are now that lay there already: an older transfer
// that comes later must not replace them. What another transfer wrote since they were looked
// up comes with its blocks after all.
func (g *Staging) keepHad(files []int, known map[string]Delivered, round uint64) error {
	if len(files) == 0 {
		return nil
	}
	shared := g.spool.cfg.Shared
	defer shared.turn()()
	now := known
	if shared.round.Load() != round {
		var err error
		if now, err = g.lookupFiles(files); err != nil {
			return err
		}
	}
	had := make([]Outcome, 0, len(files))
	for _, i := range files {
		if path := g.files[i].Path; now[path].Transfer != known[path].Transfer {
			g.outcomes[i] = nil
			continue
		}
		had = append(had, *g.outcomes[i])
	}
	if err := g.spool.cfg.Ledger.Record(had); err != nil {
		return fmt.Errorf("record what was there already: %w", err)
	}
	return nil
}

// lookupFiles looks files up, all at once.
func (g *Staging) lookupFiles(files []int) (map[string]Delivered, error) {
	if len(files) == 0 {
		return nil, nil
	}
	paths := make([]string, len(files))
	for n, i := range files {
		paths[n] = g.files[i].Path
	}
	known, err := g.spool.cfg.Ledger.LookupAll(paths)
	if err != nil {
		return nil, fmt.Errorf("look up %s and what follows: %w", paths[0], err)
	}
	return known, nil
}

// settleKnown looks a file up in the ledger; only what this server delivered to this group is
// ever looked at (security.md R4), and its content is read again before it counts.
func (g *Staging) settleKnown(ctx context.Context, i int, d Delivered) error {
	f := g.files[i]
	if o := g.superseded(i, d); o != nil {
		g.outcomes[i] = o
		return nil
	}
	name := g.lies(f.Path, d)
	if d.Digest != f.Digest || d.Size != f.Size {
		return nil
	}
	there, err := g.asDelivered(name, d)
	if there && err == nil {
		there, err = g.holds(ctx, name, f.Size, f.Digest)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil || !there:
		return nil // its blocks are fetched, and the commit looks again
	}
	o := g.outcome(i, AlreadyHad, "")
	if d.Transfer == g.no { // this transfer put it there, and was interrupted before it noted that
		o = g.deliveredBefore(i, d)
	}
	o.Name, o.MTime = g.below(name), d.MTime
	g.outcomes[i] = &o
	return nil
}

func (g *Staging) lookup(i int) (Delivered, bool, error) {
	d, known, err := g.spool.cfg.Ledger.Lookup(g.files[i].Path)
	if err != nil {
		return d, false, fmt.Errorf("look up %s: %w", g.files[i].Path, err)
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

// lies is where a delivered file lies, below DIR; below is the same below DIR/GROUP.
func (g *Staging) lies(manifestPath string, d Delivered) string {
	if d.Name != "" {
		manifestPath = d.Name
	}
	return g.spool.cfg.Group + "/" + manifestPath
}

func (g *Staging) below(name string) string { return name[len(g.spool.cfg.Group)+1:] }

// asDelivered says whether a file still looks as it was delivered.
func (g *Staging) asDelivered(name string, d Delivered) (bool, error) {
	fi, err := g.spool.fs.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, &unreadable{name, err}
	}
	return fi.Mode().IsRegular() && uint64(fi.Size()) == d.Size && fi.ModTime().Equal(d.MTime), nil
}

// untouched says whether a file may be replaced: it is ours, and nobody edited it. With an
// error it says nothing.
func (g *Staging) untouched(ctx context.Context, name string, d Delivered) (bool, error) {
	if looks, err := g.asDelivered(name, d); err != nil || !looks {
		return false, err
	}
	if d.Size >= rehashBelow {
		return true, nil
	}
	return g.holds(ctx, name, d.Size, d.Digest)
}

// holds reads a file to its end and says whether it has this content. With an error nothing
// was compared, and nothing may be decided: one of the context ends the work, one of the file
// is *unreadable.
func (g *Staging) holds(ctx context.Context, name string, size uint64, digest protocol.Digest) (bool, error) {
	sum, err := hashFile(ctx, g.spool.fs, name, 0, size)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case errors.Is(err, io.EOF) || errors.Is(err, fs.ErrNotExist): // it was cut, or went away
		return false, nil
	case err != nil:
		return false, &unreadable{name, err}
	}
	return sum == digest, nil
}

// unreadable says that what lies under a name could not be compared.
type unreadable struct {
	name string
	err  error
}

func (u *unreadable) Error() string { return fmt.Sprintf("cannot read %s: %v", u.name, u.err) }
func (u *unreadable) Unwrap() error { return u.err }

// target decides where a file that is whole goes: its name, a free one beside what is not
// ours, or nowhere, with the outcome that says why.
func (g *Staging) target(ctx context.Context, i int, taken map[string]bool) (target, *Outcome, error) {
	d, known, err := g.lookup(i)
	if err != nil {
		return target{}, nil, err
	}
	if o := g.superseded(i, d); o != nil {
		return target{}, o, nil
	}
	name := g.final(i)
	if why, err := g.folders(path.Dir(name)); err != nil || why != "" {
		o := g.outcome(i, Rejected, why)
		return target{}, &o, err
	}
	return g.beyond(ctx, i, d, known, taken)
}

// beyond is target for a file whose folder is there: it looks at what lies under its name.
func (g *Staging) beyond(ctx context.Context, i int, d Delivered, known bool, taken map[string]bool) (target, *Outcome, error) {
	name := g.final(i)
	fi, err := g.spool.fs.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !taken[name]:
		return target{to: name}, nil, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		if !badName(err) {
			return target{}, nil, fmt.Errorf("look at %s: %w", name, err)
		}
		o := g.outcome(i, Rejected, "this file system does not take its name: "+err.Error())
		return target{}, &o, nil
	}
	if lies := g.lies(g.files[i].Path, d); known && !taken[lies] {
		ours, err := g.untouched(ctx, lies, d)
		if err != nil {
			return g.uncompared(i, err)
		}
		if ours {
			return target{to: lies, replace: true, kept: lies != name}, nil, nil
		}
	}
	if !taken[name] {
		same, err := g.same(ctx, i, name, fi)
		if err != nil {
			return g.uncompared(i, err)
		}
		if same {
			o := g.outcome(i, AlreadyHad, "the same file was there before")
			o.Foreign = true
			return target{}, &o, nil
		}
	}
	name, err = g.freeName(name, taken)
	return target{to: name, kept: true}, nil, err
}

// uncompared refuses a file whose name is held by something that cannot be read: it may be
// anybody's, so nothing is put over it. Any other error ends the commit, which is tried again.
func (g *Staging) uncompared(i int, err error) (target, *Outcome, error) {
	var u *unreadable
	if !errors.As(err, &u) || !badName(err) {
		return target{}, nil, err
	}
	o := g.outcome(i, Rejected, "what lies under its name cannot be read: "+u.err.Error())
	return target{}, &o, nil
}

// same says whether what lies there has the very content that is to come.
func (g *Staging) same(ctx context.Context, i int, name string, fi fs.FileInfo) (bool, error) {
	if fi == nil || !fi.Mode().IsRegular() || uint64(fi.Size()) != g.files[i].Size {
		return false, nil
	}
	return g.holds(ctx, name, g.files[i].Size, g.files[i].Digest)
}

// beside gives the n-th name beside one that is taken: "report (groupcast 42).pdf".
func (g *Staging) beside(name string, n int) string {
	dir, base := path.Split(name)
	ext := path.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	if stem == "" || len(ext) > maxComponent/2 {
		stem, ext = base, "" // ".profile" has no extension
	}
	mark := fmt.Sprintf(" (groupcast %d)", g.no)
	if n > 1 {
		mark = fmt.Sprintf(" (groupcast %d, %d)", g.no, n)
	}
	stem = stem[:min(len(stem), maxComponent-len(mark)-len(ext))]
	return dir + strings.ToValidUTF8(stem, "") + mark + ext
}

// freeName finds a name beside one that is taken, new in the folder and in the manifest
// (security.md R1).
func (g *Staging) freeName(name string, taken map[string]bool) (string, error) {
	for n := 1; n <= maxBeside; n++ {
		free := g.beside(name, n)
		if _, inManifest := g.entry(g.below(free)); inManifest || taken[free] {
			continue
		}
		_, err := g.spool.fs.Lstat(free)
		if errors.Is(err, fs.ErrNotExist) {
			return free, nil
		}
		if err != nil {
			return "", fmt.Errorf("look at %s: %w", free, err)
		}
	}
	return "", fmt.Errorf("no free name beside %s", name)
}

// entry finds a path in the manifest.
func (g *Staging) entry(name string) (int, bool) {
	return slices.BinarySearchFunc(g.files, name, func(f manifest.File, p string) int { return strings.Compare(f.Path, p) })
}

// folders walks a folder's path from DIR down: each step is a folder, and no link, or is made
// (security.md R2). It says why that cannot be.
func (g *Staging) folders(dir string) (why string, err error) {
	at := ""
	for part := range strings.SplitSeq(dir, "/") {
		at = path.Join(at, part)
		fi, err := g.spool.fs.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			if err = g.makeFolder(at); err == nil {
				continue
			}
		}
		switch {
		case err != nil && badName(err):
			return fmt.Sprintf("its folder %s cannot be made: %v", at, err), nil
		case err != nil:
			return "", fmt.Errorf("folder %s: %w", at, err)
		case !fi.IsDir():
			return fmt.Sprintf("%s is a file or a link, not a folder", at), nil
		}
	}
	return "", nil
}

// makeFolder makes a folder and remembers that it is this transfer's: what was there before
// keeps its mode and time.
func (g *Staging) makeFolder(at string) error {
	if i, ok := g.entry(strings.TrimPrefix(at, g.spool.cfg.Group+"/")); ok && !g.made[i] {
		g.mu.Lock()
		err := g.journal.add(recordMade, uint32(i))
		g.mu.Unlock()
		if err != nil {
			return err
		}
		g.made[i] = true
	}
	if err := g.spool.fs.Mkdir(at, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	g.named[path.Dir(at)] = true
	return nil
}

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
		o.Result, o.Name, o.Reason = KeptBoth, d.Name, keptReason
	}
	o.MTime = d.MTime
	return o
}

// movedBefore finds a file that a crash caught between its staged and its final name: one of
// the names it may have got has its content. Some file systems keep both names of a rename: as
// long as the staged one is there, the final one is ours if it is the same file, or a name that
// nobody but groupcast gives. What is claimed already is another file of this transfer.
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
	if lies := g.lies(g.files[i].Path, d); known && lies != final {
		names = append(names, lies)
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

// foundAt says whether a file lies under a name. One that cannot be read is not found: its
// blocks are fetched again, and the commit says what is in the way.
func (g *Staging) foundAt(ctx context.Context, i int, name string) (fs.FileInfo, bool, error) {
	fi, err := g.spool.fs.Lstat(name)
	if err != nil {
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
	if g.files[i].Size < bigFile {
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
	o := g.movedOutcome(move{file: i, mtime: mtime, target: target{to: name, kept: name != g.final(i)}})
	return &o
}
