package content

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
)

// NewUploadID draws the name of an upload.
func NewUploadID() string { return strings.ToLower(rand.Text()) }

// Make makes the content of a new transfer out of what was found for it. Entries that cannot be sent end
// it with the list of them, unless they are to be left out. The caller calls Made when a transfer has it, or
// none will.
func (l *Library) Make(ctx context.Context, tree *Tree, n groupcast.NewTransfer) (Built, error) {
	return l.prepare(ctx, tree, n, l.Build)
}

// Drop forgets content that was made, and that no transfer will have, with what was copied for it.
func (l *Library) Drop(b Built, n groupcast.NewTransfer) error {
	defer l.Made(b.Content)
	if n.Copy && n.Upload == "" {
		return l.Remove(b.Content)
	}
	return l.Forget(b.Content)
}

// keeping makes content of a tree.
type keeping func(ctx context.Context, t *Tree, from string) (Built, error)

func (l *Library) prepare(ctx context.Context, tree *Tree, n groupcast.NewTransfer, keep keeping) (Built, error) {
	for range MaxRebuilds {
		if err := mayGo(&tree.LeftOut, len(tree.Files), n.SkipBad); err != nil {
			return Built{}, err
		}
		b, err := l.read(ctx, tree, n, keep)
		if !tree.DropUnread(err) {
			return b, err
		}
	}
	last := tree.LeftOut.Entries[len(tree.LeftOut.Entries)-1].Path
	return Built{}, groupcast.Errorf(groupcast.EConflict, "files change faster than they are read; the last one: %s",
		last).
		WithHint("wait until nobody writes to them, or exclude them")
}

// mayGo says whether what was found may be sent.
func mayGo(left *groupcast.LeftOuts, entries int, skipBad bool) error {
	if left.Bad > 0 && !skipBad {
		return left.BadEntries().ErrorOf()
	}
	if entries > 0 {
		return nil
	}
	hint := "name files or folders"
	if left.Count > 0 {
		hint = fmt.Sprintf("all of it is left out: %d entries", left.Count)
	}
	return groupcast.Errorf(groupcast.EInvalid, "there is nothing to send").WithHint("%s", hint)
}

// read keeps what was found, or what was copied of it.
func (l *Library) read(ctx context.Context, tree *Tree, n groupcast.NewTransfer, keep keeping) (Built, error) {
	from, copied, id := FromPath, tree, n.Upload
	if n.Copy && id == "" {
		var err error
		if id, err = l.copyTree(ctx, tree); err != nil {
			return Built{}, l.ThrowAway(id, err)
		}
		if copied, err = l.Uploads.Complete(id); err != nil {
			return Built{}, l.ThrowAway(id, err)
		}
	}
	if id != "" {
		from = FromUpload + id
		done := l.Reserve(id)
		defer done()
	}
	b, err := keep(ctx, copied, from)
	if err != nil && n.Upload == "" && n.Copy {
		err = l.ThrowAway(id, err)
	}
	b.LeftOut = tree.LeftOut
	return b, err
}

// copyTree copies scanned files into an upload, so that they may change afterwards.
func (l *Library) copyTree(ctx context.Context, t *Tree) (string, error) {
	id := NewUploadID()
	if err := l.Uploads.Create(id, "", t.Files); err != nil {
		return "", err
	}
	done := l.Reserve(id)
	defer done()
	for _, f := range t.Files {
		if f.Kind != manifest.KindFile {
			continue
		}
		if err := ctx.Err(); err != nil {
			return id, err
		}
		if err := l.copyFile(id, t.Place, f.Path); err != nil {
			return id, err
		}
	}
	return id, nil
}

func (l *Library) copyFile(id string, p Place, path string) error {
	root, name, found := p.rootOf(path)
	if !found {
		return fmt.Errorf("no folder is known for %s", path)
	}
	dir, err := os.OpenRoot(root.Base)
	if err != nil {
		return &UnavailableError{Path: path, Why: groupcast.WhyUnreadable, Err: err}
	}
	defer dir.Close()
	f, info, err := OpenRegular(dir, name)
	if err != nil {
		return &UnavailableError{Path: path, Why: groupcast.WhyUnreadable, Err: err}
	}
	defer f.Close()
	if err := p.Permits(info); err != nil {
		return &LostError{Lost: []Lost{{Path: path, Why: groupcast.WhyHome}}, Err: err}
	}
	_, err = l.Uploads.Write(id, path, 0, f)
	return err
}
