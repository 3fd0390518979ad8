// Package inspect compares the files in a receiver's folder with what its ledger says was delivered
// there. It only reads, and its memory is bounded.
package inspect

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"path"

	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

// Result is how a name stands.
type Result string

// The results.
const (
	Same       Result = "same"       // as it was delivered
	Changed    Result = "changed"    // something else lies there
	Missing    Result = "missing"    // nothing lies there
	Other      Result = "other"      // groupcast did not deliver it
	Unreadable Result = "unreadable" // it could not be compared
)

// Finding is a name that is not the same.
type Finding struct {
	Group    string              `json:"group"`
	Path     string              `json:"path"` // below DIR/GROUP
	Result   Result              `json:"result"`
	Detail   string              `json:"detail,omitempty"`
	Transfer protocol.TransferNo `json:"transfer,omitempty"` // that delivered it
}

// Counts are how many names stand how.
type Counts struct {
	Same       int    `json:"same"`
	Changed    int    `json:"changed"`
	Missing    int    `json:"missing"`
	Other      int    `json:"other"`
	Unreadable int    `json:"unreadable"`
	Bytes      uint64 `json:"bytes"` // that were read
}

// Clean says whether all is as it was delivered, and nothing else is there.
func (c Counts) Clean() bool { return c.Changed+c.Missing+c.Other+c.Unreadable == 0 }

// Add adds others.
func (c *Counts) Add(o Counts) {
	c.Same, c.Changed, c.Missing = c.Same+o.Same, c.Changed+o.Changed, c.Missing+o.Missing
	c.Other, c.Unreadable, c.Bytes = c.Other+o.Other, c.Unreadable+o.Unreadable, c.Bytes+o.Bytes
}

// atOnce bounds the rows and names that are in memory, but for one folder's.
const atOnce = 1000

// Inspector looks through DIR/GROUP.
type Inspector struct {
	FS     diskfs.FS // DIR
	Group  string
	Ledger *ledger.Deliveries   // what groupcast delivered there
	Known  []*ledger.Deliveries // what others delivered there: not to be taken for the user's own files
	Found  func(Finding)        // called for each difference
	Tick   func(Counts)         // called now and then with the progress; may be nil

	counts Counts
}

// Run looks through the folder: at what was delivered and, if others is set, at everything else.
func (i *Inspector) Run(ctx context.Context, others bool) (Counts, error) {
	if i.Tick == nil {
		i.Tick = func(Counts) {}
	}
	after := ""
	for {
		rows, err := i.Ledger.After(ctx, after, atOnce)
		if err != nil || len(rows) == 0 {
			if err == nil && others {
				err = i.walk(ctx)
			}
			return i.counts, err
		}
		for _, r := range rows {
			if err := i.row(ctx, r); err != nil {
				return i.counts, err
			}
			i.Tick(i.counts)
		}
		after = rows[len(rows)-1].Path
	}
}

// name is the name of a delivery below DIR/GROUP.
func name(path string, d spool.Delivered) string {
	if d.Name != "" {
		return d.Name
	}
	return path
}

// row compares one delivery. While the agent runs, another may have come meanwhile: then that is
// what is compared.
func (i *Inspector) row(ctx context.Context, r ledger.Row) error {
	for range 3 {
		result, detail, err := i.compare(ctx, name(r.Path, r.Delivered), r.Digest, r.Size)
		if err != nil {
			return err
		}
		if result == Same {
			i.counts.Same++
			return nil
		}
		now, known, err := i.Ledger.Lookup(r.Path)
		if err != nil || !known {
			return err
		}
		if now == r.Delivered {
			return i.different(ctx, r, result, detail)
		}
		r.Delivered = now
	}
	return i.different(ctx, r, Unreadable, "it is being delivered anew all the time")
}

func (i *Inspector) different(ctx context.Context, r ledger.Row, result Result, detail string) error {
	if result == Missing || result == Changed {
		gone, err := i.madeWay(r)
		if err != nil || gone {
			return err
		}
	}
	i.tell(Finding{Path: name(r.Path, r.Delivered), Result: result, Detail: detail, Transfer: r.Transfer})
	return ctx.Err()
}

func (i *Inspector) tell(f Finding) {
	f.Group = i.Group
	switch f.Result {
	case Changed:
		i.counts.Changed++
	case Missing:
		i.counts.Missing++
	case Other:
		i.counts.Other++
	case Unreadable:
		i.counts.Unreadable++
	case Same: // Record counts them
	}
	i.Found(f)
}

// madeWay says whether a later delivery put a file or a link in the place of a parent folder of this one.
func (i *Inspector) madeWay(r ledger.Row) (bool, error) {
	var above []string
	for p := path.Dir(r.Path); p != "."; p = path.Dir(p) {
		above = append(above, p)
	}
	if len(above) == 0 {
		return false, nil
	}
	known, err := i.Ledger.LookupAll(above)
	for _, d := range known {
		if d.Digest != (protocol.Digest{}) && d.Name == "" && d.Transfer >= r.Transfer {
			return true, err
		}
	}
	return false, err
}

// compare compares what has a name with what was delivered under it. A folder has no digest.
func (i *Inspector) compare(
	ctx context.Context, name string, digest protocol.Digest, size uint64,
) (Result, string, error) {
	at := i.Group + "/" + name
	info, err := i.FS.Lstat(at)
	switch {
	case errors.Is(err, fs.ErrNotExist), err != nil && i.blocked(at):
		return Missing, "", nil
	case err != nil:
		return Unreadable, err.Error(), nil
	case digest == protocol.Digest{}:
		if !info.IsDir() {
			return Changed, "it is no folder any more", nil
		}
		return Same, "", nil
	case info.Mode()&fs.ModeSymlink != 0:
		return i.compareLink(at, digest)
	case !info.Mode().IsRegular():
		return Changed, "it is no file any more", nil
	case uint64(info.Size()) != size:
		return Changed, "its size is another", nil
	}
	same, err := spool.Holds(ctx, i.FS, at, size, digest)
	switch {
	case ctx.Err() != nil:
		return "", "", ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		return Missing, "", nil
	case errors.Is(err, io.EOF):
		return Changed, "its size is another", nil
	case err != nil:
		return Unreadable, err.Error(), nil
	}
	i.counts.Bytes += size
	if !same {
		return Changed, "its content is another", nil
	}
	return Same, "", nil
}

func (i *Inspector) compareLink(at string, digest protocol.Digest) (Result, string, error) {
	to, err := i.FS.Readlink(at)
	if err != nil {
		return Unreadable, err.Error(), nil
	}
	if sha256.Sum256([]byte(to)) != digest {
		return Changed, "it is a link to something else", nil
	}
	return Same, "", nil
}

// blocked says whether a parent of a name exists and is no folder.
func (i *Inspector) blocked(at string) bool {
	for n, c := range at {
		if c != '/' {
			continue
		}
		if info, err := i.FS.Lstat(at[:n]); err != nil || !info.IsDir() {
			return err == nil || errors.Is(err, fs.ErrNotExist)
		}
	}
	return false
}

// walk looks for what was not delivered. Folders of the user do not count, but the files in them do.
func (i *Inspector) walk(ctx context.Context) error {
	w := walker{i: i}
	if err := w.folder(ctx, ""); err != nil {
		return err
	}
	return w.flush(ctx)
}

type walker struct {
	i     *Inspector
	names []string
}

func (w *walker) folder(ctx context.Context, below string) error {
	entries, err := w.i.FS.Readdir(path.Join(w.i.Group, below))
	if errors.Is(err, fs.ErrNotExist) {
		return ctx.Err()
	}
	if err != nil {
		w.i.tell(Finding{Path: below, Result: Unreadable, Detail: err.Error()})
		return ctx.Err()
	}
	for _, e := range entries {
		at := path.Join(below, e.Name())
		if e.IsDir() {
			if err := w.folder(ctx, at); err != nil {
				return err
			}
			continue
		}
		if w.names = append(w.names, at); len(w.names) == atOnce {
			if err := w.flush(ctx); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// flush looks the names up that were met.
func (w *walker) flush(ctx context.Context) error {
	if len(w.names) == 0 {
		return ctx.Err()
	}
	known := map[string]spool.Delivered{}
	beside := map[string]bool{}
	for _, b := range append([]*ledger.Deliveries{w.i.Ledger}, w.i.Known...) {
		paths, err := b.LookupAll(w.names)
		if err != nil {
			return err
		}
		names, err := b.Beside(ctx, w.names)
		if err != nil {
			return err
		}
		for p, d := range paths {
			if had, twice := known[p]; !twice || had.Name != "" {
				known[p] = d
			}
		}
		for n := range names {
			beside[n] = true
		}
	}
	for _, n := range w.names {
		if err := w.name(ctx, n, known, beside); err != nil {
			return err
		}
	}
	w.names = w.names[:0]
	w.i.Tick(w.i.counts)
	return ctx.Err()
}

func (w *walker) name(
	ctx context.Context, at string, known map[string]spool.Delivered, beside map[string]bool,
) error {
	d, delivered := known[at]
	if beside[at] || delivered && d.Name == "" {
		return nil // it was compared
	}
	if !delivered {
		w.i.tell(Finding{Path: at, Result: Other})
		return nil
	}
	if d.Former != (spool.Former{}) {
		result, _, err := w.i.compare(ctx, at, d.Former.Digest, d.Former.Size)
		if err != nil || result == Same {
			return err
		}
	}
	w.i.tell(Finding{
		Path: at, Result: Other, Detail: "what was delivered lies beside, as " + d.Name, Transfer: d.Transfer,
	})
	return nil
}
