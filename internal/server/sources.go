package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pattern"
)

// build makes the content of a new transfer out of paths or an upload. Entries that cannot be
// sent end it with the list of them, unless they are to be left out.
func (s *Server) build(ctx context.Context, p groupcast.Principal, n groupcast.NewTransfer) (content.Built, error) {
	tree, err := s.find(ctx, p, n)
	if err != nil {
		return content.Built{}, err
	}
	for range content.MaxRebuilds {
		if err := mayGo(tree, n.SkipBad); err != nil {
			return content.Built{}, err
		}
		b, err := s.buildTree(ctx, tree, n)
		if !tree.DropUnread(err) {
			return b, err
		}
	}
	return content.Built{}, groupcast.Errorf(groupcast.EConflict, "files change faster than they are read; the last one: %s", tree.LeftOut.Entries[len(tree.LeftOut.Entries)-1].Path).
		WithHint("wait until nobody writes to them, or exclude them")
}

// mayGo says whether what was found may be sent.
func mayGo(tree *content.Tree, skipBad bool) error {
	if tree.LeftOut.Bad > 0 && !skipBad {
		return tree.LeftOut.BadEntries().ErrorOf()
	}
	if len(tree.Files) == 0 {
		return groupcast.Errorf(groupcast.EInvalid, "there is nothing to send").WithHint("%s", allLeftOut(tree.LeftOut.Count))
	}
	return nil
}

func allLeftOut(count int) string {
	if count == 0 {
		return "name files or folders"
	}
	return fmt.Sprintf("all of it is left out: %d entries", count)
}

// buildTree hashes what was found, or what was copied of it.
func (s *Server) buildTree(ctx context.Context, tree *content.Tree, n groupcast.NewTransfer) (content.Built, error) {
	from, copied, id := content.FromPath, tree, n.Upload
	if n.Copy && id == "" {
		var err error
		if id, err = s.copyTree(ctx, tree); err != nil {
			return content.Built{}, s.content.ThrowAway(id, err)
		}
		if copied, err = s.content.Uploads.Complete(id); err != nil {
			return content.Built{}, s.content.ThrowAway(id, err)
		}
	}
	if id != "" {
		from = content.FromUpload + id
		done := s.content.Reserve(id)
		defer done()
	}
	b, err := s.content.Build(ctx, copied, from)
	if err != nil && n.Upload == "" && n.Copy {
		err = s.content.ThrowAway(id, err)
	}
	b.LeftOut = tree.LeftOut
	return b, err
}

// find lists what is to be sent.
func (s *Server) find(ctx context.Context, p groupcast.Principal, n groupcast.NewTransfer) (*content.Tree, error) {
	if n.Upload == "" {
		return s.scan(ctx, p, n)
	}
	tree, err := s.completeUpload(p, n.Upload)
	if err != nil {
		return nil, err
	}
	tree.LeftOut = groupcast.LeftOuts{Count: max(n.LeftOutCount, len(n.LeftOut)), Entries: n.LeftOut}
	return tree, nil
}

const maxPaths = 10_000 // of one transfer, given by hand

// scan lists paths of the server's own disk. Any path is for the local administrator only;
// over the network only what lies below a --source folder is (C11). The home never is.
func (s *Server) scan(ctx context.Context, p groupcast.Principal, n groupcast.NewTransfer) (*content.Tree, error) {
	paths := n.Paths
	if len(paths) > maxPaths {
		return nil, groupcast.Errorf(groupcast.EInvalid, "%d paths are more than %d", len(paths), maxPaths).WithHint("name a folder")
	}
	without, err := pattern.Parse(n.Exclude)
	if err != nil {
		return nil, err
	}
	o := content.ScanOptions{Own: s.own, Without: without}
	if p.Local {
		for _, path := range paths {
			if !filepath.IsAbs(path) {
				return nil, groupcast.Errorf(groupcast.EInvalid, "%q is not an absolute path", path)
			}
		}
		return content.Scan(ctx, paths, o)
	}
	below, relative, err := s.below(paths)
	if err != nil {
		return nil, err
	}
	o.Below = below
	return content.Scan(ctx, relative, o)
}

// below finds the --source folder that all paths lie in and makes them relative to it.
func (s *Server) below(paths []string) (string, []string, error) {
	for _, dir := range s.cfg.Sources {
		if relative, ok := allBelow(dir, paths); ok {
			return dir, relative, nil
		}
	}
	err := groupcast.Errorf(groupcast.EForbidden, "the server's own files can be added on the server's machine only")
	if len(s.cfg.Sources) > 0 {
		return "", nil, err.WithHint("over the network what lies below %s can be named; or upload the files", strings.Join(s.cfg.Sources, ", "))
	}
	return "", nil, err.WithHint("upload the files").WithNext(groupcast.Next{Step: groupcast.StepSource})
}

func allBelow(dir string, paths []string) ([]string, bool) {
	out := make([]string, 0, len(paths))
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		rel, err := filepath.Rel(dir, filepath.Clean(path))
		if err != nil || !filepath.IsLocal(rel) {
			return nil, false
		}
		out = append(out, rel)
	}
	return out, true
}

// copyTree copies scanned files into an upload, so that they may change afterwards.
func (s *Server) copyTree(ctx context.Context, t *content.Tree) (string, error) {
	id := newUploadID()
	if err := s.content.Uploads.Create(id, "", t.Files); err != nil {
		return "", err
	}
	done := s.content.Reserve(id)
	defer done()
	for _, f := range t.Files {
		if f.Kind != manifest.KindFile {
			continue
		}
		if err := ctx.Err(); err != nil {
			return id, err
		}
		if err := s.copyFile(id, t.Place, f.Path); err != nil {
			return id, err
		}
	}
	return id, nil
}

func (s *Server) copyFile(id string, p content.Place, path string) error {
	root, below, err := locate(p, path)
	if err != nil {
		return err
	}
	dir, err := os.OpenRoot(root.Base)
	if err != nil {
		return &content.UnavailableError{Path: path, Why: groupcast.WhyUnreadable, Err: err}
	}
	defer dir.Close()
	f, err := dir.Open(filepath.Join(root.Path, filepath.FromSlash(below)))
	if err != nil {
		return &content.UnavailableError{Path: path, Why: groupcast.WhyUnreadable, Err: err}
	}
	defer f.Close()
	if err := p.Permits(f); err != nil {
		return &content.LostError{Lost: []content.Lost{{Path: path, Why: groupcast.WhyHome}}, Err: err}
	}
	_, err = s.content.Uploads.Write(id, path, 0, f)
	return err
}

// locate finds the root that a path of the manifest lies under.
func locate(p content.Place, path string) (content.Root, string, error) {
	top, below, _ := strings.Cut(path, "/")
	for _, r := range p.Roots {
		switch r.Name {
		case "":
			return r, path, nil
		case top:
			return r, below, nil
		}
	}
	return content.Root{}, "", fmt.Errorf("no folder is known for %s", path)
}

func newUploadID() string { return strings.ToLower(rand.Text()) }
