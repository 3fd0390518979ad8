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
)

// build makes the content of a new transfer out of paths or an upload.
func (s *Server) build(ctx context.Context, p groupcast.Principal, n groupcast.NewTransfer) (built, error) {
	tree, from, err := s.tree(ctx, p, n)
	if err != nil {
		return built{}, err
	}
	if len(tree.Files) == 0 {
		return built{}, groupcast.Errorf(groupcast.EInvalid, "there is nothing to send")
	}
	id, uploaded := strings.CutPrefix(from, fromUpload)
	if uploaded {
		done := s.content.take(id)
		defer done()
	}
	b, err := s.content.build(ctx, tree, from)
	if err != nil && n.Copy {
		err = s.content.throwAway(id, err)
	}
	return b, err
}

func (s *Server) tree(ctx context.Context, p groupcast.Principal, n groupcast.NewTransfer) (*content.Tree, string, error) {
	if n.Upload != "" {
		tree, err := s.completeUpload(p, n.Upload)
		return tree, fromUpload + n.Upload, err
	}
	tree, err := s.scan(ctx, p, n.Paths)
	if err != nil || !n.Copy {
		return tree, fromPath, err
	}
	id, err := s.copyTree(ctx, tree)
	if err != nil {
		return nil, "", s.content.throwAway(id, err)
	}
	tree, err = s.content.uploads.Complete(id)
	return tree, fromUpload + id, err
}

const maxPaths = 10_000 // of one transfer, given by hand

// scan lists paths of the server's own disk. Any path is for the local administrator only;
// over the network only what lies below a --source folder is (C11). The home never is.
func (s *Server) scan(ctx context.Context, p groupcast.Principal, paths []string) (*content.Tree, error) {
	if len(paths) > maxPaths {
		return nil, groupcast.Errorf(groupcast.EInvalid, "%d paths are more than %d", len(paths), maxPaths).WithHint("name a folder")
	}
	o := content.ScanOptions{Exclude: []string{s.cfg.Home}}
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
	return "", nil, err.WithHint("upload the files, or start the server with --source DIR")
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
	if err := s.content.uploads.Create(id, "", t.Files); err != nil {
		return "", err
	}
	done := s.content.take(id)
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
		return groupcast.Errorf(groupcast.EInvalid, "%s cannot be read", root.Base).Wrap(err)
	}
	defer dir.Close()
	f, err := dir.Open(filepath.Join(root.Path, filepath.FromSlash(below)))
	if err != nil {
		return groupcast.Errorf(groupcast.EInvalid, "%s cannot be read", path).Wrap(err)
	}
	defer f.Close()
	_, err = s.content.uploads.Write(id, path, 0, f)
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
