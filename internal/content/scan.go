package content

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Root is where the entries below one top-level name lie.
type Root struct {
	Name string `json:"name"` // first component of the manifest's paths; "" for all of them
	Base string `json:"base"` // folder that is opened as a root
	Path string `json:"path"` // of the entry inside Base
}

// Place says where the files of a manifest lie. It is stored beside the manifest.
type Place struct {
	Roots []Root `json:"roots"`
}

// ScanOptions bound what may be scanned.
type ScanOptions struct {
	Below   string   // paths are taken relative to this folder and may not leave it; "" for any path
	Exclude []string // folders nobody may send: the home (security.md C11)
}

// Tree is what was found: entries in manifest order, without digests.
type Tree struct {
	Files []manifest.File
	Place Place
	Bytes uint64
}

// Scan lists the files and folders under paths. `/a/b/dir` gives dir/…, `/a/file` gives file.
func Scan(ctx context.Context, paths []string, o ScanOptions) (*Tree, error) {
	s := scanner{ctx: ctx, options: o}
	for _, dir := range o.Exclude {
		info, err := os.Stat(dir)
		if err != nil {
			return nil, fmt.Errorf("look at a folder that may not be sent: %w", err)
		}
		s.excluded = append(s.excluded, info)
	}
	for _, p := range paths {
		if err := s.add(p); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(s.tree.Files, func(a, b manifest.File) int { return strings.Compare(a.Path, b.Path) })
	if _, err := manifest.Cut(s.tree.Files); err != nil {
		return nil, groupcast.Errorf(groupcast.EInvalid, "%s", err).WithHint("split it into several transfers")
	}
	return &s.tree, nil
}

// scanner is one Scan.
type scanner struct {
	ctx      context.Context // of the one call; a scanner does not outlive it
	options  ScanOptions
	excluded []fs.FileInfo
	tree     Tree
}

// add scans one of the paths given.
func (s *scanner) add(given string) error {
	r, err := s.locate(given)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(s.tree.Place.Roots, func(o Root) bool { return o.Name == r.Name }) {
		return groupcast.Errorf(groupcast.EInvalid, "two of the paths are named %q", r.Name).WithHint("send them one by one")
	}
	if err := s.checkAncestors(filepath.Join(r.Base, r.Path)); err != nil {
		return err
	}
	root, err := os.OpenRoot(r.Base)
	if err != nil {
		return cannotRead(given, err)
	}
	defer root.Close()
	s.tree.Place.Roots = append(s.tree.Place.Roots, r)
	return s.walk(root, r.Path, r.Name, given)
}

// locate finds the folder to open for a path. A path of the machine may be a symbolic link:
// whoever names it means what it points to.
func (s *scanner) locate(given string) (Root, error) {
	if s.options.Below != "" {
		local := filepath.Clean(given)
		if !filepath.IsLocal(local) || local == "." {
			return Root{}, groupcast.Errorf(groupcast.EInvalid, "%q is no path below %s", given, s.options.Below)
		}
		return Root{Name: filepath.Base(local), Base: s.options.Below, Path: local}, nil
	}
	full, err := filepath.Abs(given)
	if err != nil {
		return Root{}, cannotRead(given, err)
	}
	name := filepath.Base(full)
	real, err := filepath.EvalSymlinks(full)
	if err != nil {
		return Root{}, cannotRead(given, err)
	}
	info, err := os.Stat(real)
	if err != nil {
		return Root{}, cannotRead(given, err)
	}
	if info.IsDir() {
		return Root{Name: name, Base: real, Path: "."}, nil
	}
	return Root{Name: name, Base: filepath.Dir(real), Path: filepath.Base(real)}, nil
}

// checkAncestors refuses what lies inside an excluded folder, by whatever name.
func (s *scanner) checkAncestors(full string) error {
	for dir := full; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil {
			if err := s.checkExcluded(info, dir); err != nil {
				return err
			}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (s *scanner) checkExcluded(info fs.FileInfo, name string) error {
	if slices.ContainsFunc(s.excluded, func(x fs.FileInfo) bool { return os.SameFile(x, info) }) {
		return groupcast.Errorf(groupcast.EForbidden, "%s is groupcast's own home: it holds the server's keys", name).
			WithHint("leave it out, or keep the home elsewhere (--home)")
	}
	return nil
}

// walk adds the entry at name (inside root) and what lies below it as entry; shown is how
// messages call it.
func (s *scanner) walk(root *os.Root, name, entry, shown string) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if len(s.tree.Files) >= protocol.MaxFiles {
		return groupcast.Errorf(groupcast.EInvalid, "more than %d files are too many for one transfer", protocol.MaxFiles).
			WithHint("split it into several")
	}
	info, err := root.Lstat(name)
	if err != nil {
		return cannotRead(shown, err)
	}
	f := manifest.File{Path: entry, Mode: uint16(info.Mode().Perm()), MTime: protocol.FileTime(info.ModTime())}
	if err := checkEntry(entry, shown); err != nil {
		return err
	}
	switch {
	case info.Mode().IsRegular():
		f.Size = uint64(info.Size())
	case info.IsDir():
		f.Kind = manifest.KindFolder
		if err := s.checkExcluded(info, shown); err != nil {
			return err
		}
		if err := s.walkFolder(root, name, entry, shown); err != nil {
			return err
		}
	case info.Mode()&fs.ModeSymlink != 0:
		if err := link(root, name, shown, &f); err != nil {
			return err
		}
	default:
		return groupcast.Errorf(groupcast.EInvalid, "%s is a %s, not a file", shown, special(info.Mode())).WithHint("leave it out")
	}
	s.tree.Files = append(s.tree.Files, f)
	s.tree.Bytes += f.Stored()
	return nil
}

func (s *scanner) walkFolder(root *os.Root, name, entry, shown string) error {
	d, err := root.Open(name)
	if err != nil {
		return cannotRead(shown, err)
	}
	defer d.Close()
	for {
		const batch = 1024
		list, err := d.ReadDir(batch)
		for _, e := range list {
			if err := s.walk(root, filepath.Join(name, e.Name()), path.Join(entry, e.Name()), filepath.Join(shown, e.Name())); err != nil {
				return err
			}
		}
		if len(list) == 0 {
			if err != nil && len(list) == 0 && !isEOF(err) {
				return cannotRead(shown, err)
			}
			return nil
		}
	}
}

func checkEntry(entry, shown string) error {
	if err := manifest.CheckPath(entry); err != nil {
		return groupcast.Errorf(groupcast.EInvalid, "the name %q cannot be sent: %s", shown, err).WithHint("rename it or leave it out")
	}
	return nil
}

// link makes a symlink entry; its target has to lie inside the tree.
func link(root *os.Root, name, shown string, f *manifest.File) error {
	target, err := root.Readlink(name)
	if err != nil {
		return cannotRead(shown, err)
	}
	if runtime.GOOS == "windows" {
		target = filepath.ToSlash(target)
	}
	f.Kind, f.Target, f.Size, f.Mode = manifest.KindSymlink, target, uint64(len(target)), 0o777
	if err := manifest.CheckTarget(f.Path, target); err != nil {
		return groupcast.Errorf(groupcast.EInvalid, "%s cannot be sent: %s", shown, err).
			WithHint("replace the link by what it points to, or leave it out")
	}
	return nil
}

func special(m fs.FileMode) string {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}
