package content

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/disk"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// The files of paged content beside place.json.
const (
	skeletonName = "skeleton"
	listingName  = "listing"
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
	files, err := l.listedFiles(id)
	if err != nil {
		return b, nil, err
	}
	t, lost, err := Renew(ctx, &manifest.Manifest{Files: files}, k.Place, gone, k.Source != FromPath)
	if err != nil || !hasFiles(t.Files) {
		return b, lost, err
	}
	b, err = l.list(ctx, t, k.Source)
	return b, lost, err
}

func hasFiles(entries []manifest.File) bool {
	return slices.ContainsFunc(entries, func(f manifest.File) bool { return f.Kind == manifest.KindFile })
}

// list keeps a tree as paged content.
func (l *Library) list(ctx context.Context, t *Tree, from string) (Built, error) {
	totals, cut, err := measure(t)
	if err != nil {
		return Built{}, err
	}
	b := Built{
		Content: newContentID(), Name: topName(t), Bytes: cut.Bytes(), Blocks: cut.Blocks(), Source: from,
		InPlace: from == FromPath, Notes: notesOn(t.Files), Paged: true, Pages: pages.PagesFor(cut),
	}
	b.Folders = foldersIn(t.Files)
	b.Files = len(t.Files) - b.Folders
	if err := l.holds(listBytes(t)); err != nil {
		return Built{}, err
	}
	l.mu.Lock()
	l.making[b.Content] = true
	l.mu.Unlock()
	if err := disk.InWords(l.writeList(ctx, &b, t, totals)); err != nil {
		l.Made(b.Content)
		return Built{}, errors.Join(err, l.Forget(b.Content))
	}
	return b, nil
}

// measure says what a skeleton promises, and how it is cut.
func measure(t *Tree) (totals skeleton.Totals, cut *skeleton.Cut, err error) {
	cut = skeleton.NewCut()
	for i := range t.Files {
		totals.Add(&t.Files[i])
		cut.Add(i, &t.Files[i])
	}
	err = cut.Close()
	if totals.Entries > protocol.MaxFiles {
		err = fmt.Errorf("%d entries are more than %d", totals.Entries, protocol.MaxFiles)
	}
	if err != nil {
		err = groupcast.Errorf(groupcast.EInvalid, "that is too much for one transfer: %s", err).
			WithHint("split it into several")
	}
	return totals, cut, err
}

// checkEach is after how many entries is seen whether somebody still waits.
const checkEach = 1024

// listBytes is about what the skeleton and the list of the files take.
func listBytes(t *Tree) (n uint64) {
	const entry = 60
	last := ""
	for i := range t.Files {
		f := &t.Files[i]
		n += uint64(entry + 2*(len(f.Path)-sharedWith(last, f.Path)) + len(f.Target))
		last = f.Path
	}
	return n
}

func sharedWith(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func (l *Library) writeList(ctx context.Context, b *Built, t *Tree, totals skeleton.Totals) error {
	at := l.folder(b.Content)
	if err := os.MkdirAll(at, 0o700); err != nil {
		return fmt.Errorf("keeping the list of the files: %w", err)
	}
	kept := Kept{Place: t.Place, Source: b.Source, Hash: format2.HashBLAKE3, Paged: true}
	place, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("encoding where files lie: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(at, "place.json"), place); err != nil {
		return err
	}
	err = writeFresh(filepath.Join(at, skeletonName), func(w io.Writer) error {
		return writeSkeleton(ctx, w, b, t, totals)
	})
	if err != nil {
		return err
	}
	err = writeFresh(filepath.Join(at, listingName), func(w io.Writer) error { return writeListing(ctx, w, t) })
	if err != nil {
		return err
	}
	return durable.SyncFolder(at)
}

// writeFresh writes a file that nobody knows of yet, and makes it durable.
func writeFresh(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("keeping the list of the files: %w", err)
	}
	w := bufio.NewWriterSize(f, 64<<10)
	err = write(w)
	if err == nil {
		err = errors.Join(w.Flush(), f.Sync())
	}
	return errors.Join(err, f.Close())
}

func writeSkeleton(ctx context.Context, w io.Writer, b *Built, t *Tree, totals skeleton.Totals) error {
	s, err := skeleton.NewWriter(w, totals)
	if err != nil {
		return err
	}
	for i := range t.Files {
		if err := s.Add(&t.Files[i]); err != nil {
			return unfit(err)
		}
		if i%checkEach == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	index, n, err := s.Close()
	b.Skeleton, b.SkeletonBytes = format2.SkeletonDigest(index), uint64(n)
	return err
}

// unfit says why a tree cannot be one transfer; errors of the disk stay what they are.
func unfit(err error) error {
	var away *fs.PathError
	switch {
	case errors.As(err, &away):
		return err
	case errors.Is(err, skeleton.ErrLarge):
		return groupcast.Errorf(groupcast.EInvalid, "the paths of these files are too much for one transfer").
			WithHint("split it into several").Wrap(err)
	}
	return groupcast.Errorf(groupcast.EInvalid, "these files cannot be sent: %s", err)
}

// writeListing keeps how each file is. One that is not there, or has another size than was found, has an identity
// that no file has: it will turn out as changed.
func writeListing(ctx context.Context, w io.Writer, t *Tree) error {
	look := newOpened(t.Files, t.Place)
	defer look.close()
	out := listed.NewWriter(w, len(t.Files))
	for i := range t.Files {
		f := &t.Files[i]
		if f.Kind != manifest.KindFile {
			out.Add(listed.File{})
			continue
		}
		if i%checkEach == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		id := listed.Identity{}
		if len(t.ids) == len(t.Files) {
			id = t.ids[i]
		} else if info, err := look.lstat(i); err == nil {
			id = listed.Of(info)
		}
		if id.Size != f.Size {
			id = listed.Identity{}
		}
		out.Add(listed.File{Path: f.Path, ID: id})
	}
	return out.Close()
}
