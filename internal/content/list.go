package content

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/disk"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/lists"
	"github.com/groupcast/groupcast/internal/manifest"
)

// List makes paged content of what was found for a new transfer, without reading a file: what Make is for content
// with a manifest.
func (l *Library) List(ctx context.Context, tree *Tree, n groupcast.NewTransfer) (Built, error) {
	return l.prepare(ctx, tree, n, l.list)
}

// Relist makes further paged content of some that there is, of its files and of those that were gone before, as they
// are now. Files that are not there are given. If none is, nothing is made, and the name of what was made is empty.
// Otherwise it is as List.
func (l *Library) Relist(ctx context.Context, id string, gone []string) (b Built, lost []Lost, err error) {
	k, err := l.Kept(id)
	if err != nil {
		return b, nil, err
	}
	e, done, err := l.entries(id)
	if err != nil {
		return b, nil, err
	}
	defer done()
	b, err = l.writeLists(k.Source, func(take taker) (p Place, err error) {
		lost, err = renewEach(ctx, e, k, gone, take)
		return k.Place, err
	})
	if errors.Is(err, errNoFile) {
		return Built{}, lost, nil
	}
	return b, lost, err
}

// errNoFile says that none of the files that are listed anew is there.
var errNoFile = errors.New("no file is there")

// renewEach gives entries, and files that were gone before, as they are now. Files that are not there are given back.
func renewEach(ctx context.Context, e entryList, k Kept, gone []string, take taker) (lost []Lost, err error) {
	look := newOpened(nil, k.Place)
	defer look.close() // read only: nothing can be lost
	files := 0
	give := func(f manifest.File) error {
		id := listed.Identity{}
		if f.Kind == manifest.KindFile {
			look.files = []manifest.File{f}
			info, err := look.renew(0, &f, k.Source != FromPath)
			var away *LostError
			switch {
			case errors.As(err, &away):
				lost = append(lost, away.Lost...)
				return nil
			case err != nil:
				return err
			}
			id = listed.Of(info)
			files++
		}
		return take(&f, id)
	}
	gone = slices.Compact(slices.Sorted(slices.Values(gone)))
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var f manifest.File
		f, more = e.Next()
		for ; len(gone) > 0 && (!more || gone[0] <= f.Path); gone = gone[1:] {
			if more && gone[0] == f.Path {
				continue
			}
			if err := give(manifest.File{Kind: manifest.KindFile, Path: gone[0]}); err != nil {
				return nil, err
			}
		}
		if more {
			if err := give(f); err != nil {
				return nil, err
			}
		}
	}
	if err := e.Err(); err != nil {
		return nil, contentGone(err)
	}
	if files == 0 {
		return lost, errNoFile
	}
	return lost, nil
}

// list keeps a tree as paged content.
func (l *Library) list(ctx context.Context, t *Tree, from string) (Built, error) {
	return l.writeLists(from, func(take taker) (Place, error) { return t.Place, t.each(ctx, take) })
}

// each gives the entries of a tree with what they are. A file that nobody looked at, and that is not there now, has
// an identity that no file has: it will turn out as changed.
func (t *Tree) each(ctx context.Context, take taker) error {
	look := newOpened(t.Files, t.Place)
	defer look.close()
	for i := range t.Files {
		if i%checkEach == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		id := listed.Identity{}
		if len(t.ids) == len(t.Files) {
			id = t.ids[i]
		} else if t.Files[i].Kind == manifest.KindFile {
			if info, err := look.lstat(i); err == nil {
				id = listed.Of(info)
			}
		}
		if err := take(&t.Files[i], id); err != nil {
			return err
		}
	}
	return nil
}

// checkEach is after how many entries is seen whether somebody still waits.
const checkEach = 1024

// ListPaths makes paged content of the files of a new transfer that lie on the server's disk: what Find, and then List,
// do for what is copied or uploaded. The entries are written down as they are found: none of them stays in memory.
func (l *Library) ListPaths(ctx context.Context, n groupcast.NewTransfer, a Allowed) (Built, error) {
	var left groupcast.LeftOuts
	b, err := l.writeLists(FromPath, func(take taker) (p Place, err error) {
		entries := 0
		p, left, err = l.walk(ctx, n, a, func(f *manifest.File, id listed.Identity) error {
			entries++
			return take(f, id)
		})
		if err == nil {
			err = mayGo(&left, entries, n.SkipBad)
		}
		return p, err
	})
	b.LeftOut = left
	return b, err
}

// Sketch lists what ListPaths would, to compare it with other content, until Drop. No transfer can have it.
func (l *Library) Sketch(ctx context.Context, n groupcast.NewTransfer, a Allowed) (Built, error) {
	var left groupcast.LeftOuts
	b, err := l.beginContent(func(id string) (Built, error) {
		b, _, err := l.gather(id, false, func(take taker) (p Place, err error) {
			p, left, err = l.walk(ctx, n, a, take)
			return p, err
		})
		return b, err
	})
	b.LeftOut = left
	return b, err
}

// writeLists keeps paged content of the entries that it is given.
func (l *Library) writeLists(from string, entries func(take taker) (Place, error)) (Built, error) {
	return l.beginContent(func(id string) (Built, error) {
		b, p, err := l.gather(id, true, entries)
		if err != nil {
			return b, err
		}
		b.Source, b.InPlace, b.Paged = from, from == FromPath, true
		at := l.folder(id)
		kept, err := json.Marshal(Kept{Place: p, Source: from, Hash: format2.HashBLAKE3, Paged: true})
		if err != nil {
			return b, fmt.Errorf("encoding where files lie: %w", err)
		}
		if err := durable.WriteFile(filepath.Join(at, "place.json"), kept); err != nil {
			return b, err
		}
		return b, durable.SyncFolder(at)
	})
}

// beginContent makes content under a name that nobody sweeps until Made; of what fails nothing is left.
func (l *Library) beginContent(write func(id string) (Built, error)) (Built, error) {
	id := newContentID()
	l.mu.Lock()
	l.making[id] = true
	l.mu.Unlock()
	b, err := write(id)
	if err != nil {
		l.Made(id)
		return Built{}, errors.Join(disk.InWords(err), l.Forget(id))
	}
	b.Content = id
	return b, nil
}

// gather writes the lists of the entries that it is given.
func (l *Library) gather(
	id string, durable bool, entries func(take taker) (Place, error),
) (b Built, p Place, err error) {
	at := l.folder(id)
	if err := os.MkdirAll(at, 0o700); err != nil {
		return b, p, fmt.Errorf("keeping the list of the files: %w", err)
	}
	w, err := lists.New(at, l.holds)
	if err != nil {
		return b, p, err
	}
	defer w.Abandon()
	if p, err = entries(w.Add); err != nil {
		return b, p, err
	}
	sum, err := w.Close(durable)
	return Built{
		Name: sum.Name, Files: sum.Files, Folders: sum.Folders, Bytes: sum.Bytes, Blocks: sum.Blocks, Pages: sum.Pages,
		Skeleton: sum.Digest, SkeletonBytes: sum.SkeletonBytes, Notes: sum.Notes,
	}, p, err
}
