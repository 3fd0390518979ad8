package content

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pattern"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Root is where the entries below one top-level name lie.
type Root struct {
	Name string `json:"name"`           // first component of the manifest's paths; "" for all of them
	Base string `json:"base"`           // folder that is opened as a root
	Path string `json:"path"`           // of the entry inside Base
	Disk string `json:"disk,omitempty"` // the file system that Base was on
}

// Place says where the files of a manifest lie. It is stored beside the manifest.
type Place struct {
	Roots []Root `json:"roots"`
	own   *Own   // what may not be read there; nil: it is an upload, which is groupcast's own
}

// rootOf finds the root of an entry, and its path below it.
func (p Place) rootOf(entry string) (Root, string, bool) {
	top, below, _ := strings.Cut(entry, "/")
	for _, r := range p.Roots {
		if r.Name == "" {
			below = entry
		} else if r.Name != top {
			continue
		}
		return r, filepath.Join(r.Path, filepath.FromSlash(below)), true
	}
	return Root{}, "", false
}

// ScanOptions bound what may be scanned.
type ScanOptions struct {
	Below   string       // paths are taken relative to this folder and may not leave it; "" for any path
	Exclude []string     // folders nobody may send
	Own     *Own         // groupcast's own files, which nobody may send either (security.md C11)
	Without *pattern.Set // what is left out on purpose
}

// Tree is what was found: entries in manifest order, without digests.
type Tree struct {
	Files   []manifest.File
	Place   Place
	Bytes   uint64
	LeftOut groupcast.LeftOuts // what was found and cannot be sent, or is excluded
	ids     []listed.Identity  // of Files as they were found; none: nobody looked
}

// byPath sorts a tree.
type byPath struct{ *Tree }

func (t byPath) Len() int           { return len(t.Files) }
func (t byPath) Less(i, j int) bool { return t.Files[i].Path < t.Files[j].Path }
func (t byPath) Swap(i, j int) {
	t.Files[i], t.Files[j] = t.Files[j], t.Files[i]
	t.ids[i], t.ids[j] = t.ids[j], t.ids[i]
}

// Scan lists the files and folders under paths. `/a/b/dir` gives dir/…, `/a/file` gives file.
// One bad entry does not end it: it goes to LeftOut, and it is the caller's to say whether the
// rest is sent without it.
func Scan(ctx context.Context, paths []string, o ScanOptions) (*Tree, error) {
	s := scanner{ctx: ctx, options: o}
	for _, dir := range o.Exclude {
		info, err := os.Stat(dir)
		if err != nil {
			return nil, fmt.Errorf("look at a folder that may not be sent: %w", err)
		}
		s.excluded = append(s.excluded, info)
	}
	if err := o.Own.Look(); err != nil {
		return nil, err
	}
	s.tree.Place.own = o.Own
	for _, p := range paths {
		if err := s.add(p); err != nil {
			return nil, err
		}
	}
	sort.Sort(byPath{&s.tree})
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
	if errors.Is(err, fs.ErrPermission) {
		s.leaveOut(r.Name, groupcast.WhyForbidden, "")
		return nil
	}
	if err != nil {
		return cannotRead(given, err)
	}
	defer root.Close()
	if info, err := root.Lstat(r.Path); err != nil {
		return cannotRead(given, err) // what is named has to be there
	} else if err := s.checkExcluded(info, given); err != nil {
		return err
	}
	if info, err := os.Stat(r.Base); err == nil {
		r.Disk = diskOf(info)
	}
	s.tree.Place.Roots = append(s.tree.Place.Roots, r)
	return s.walk(root, r.Path, r.Name)
}

// locate finds the folder to open for a path. A path that was named may be a symbolic link: what it
// points to is meant.
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

// checkAncestors refuses what is inside an excluded folder, by any name.
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
	own, err := s.options.Own.Has(info)
	if err != nil {
		return err
	}
	if own || slices.ContainsFunc(s.excluded, func(x fs.FileInfo) bool { return os.SameFile(x, info) }) {
		return groupcast.Errorf(groupcast.EForbidden, "%s is of groupcast's own home, which holds the server's keys", name).
			WithHint("leave it out, or keep groupcast's home in another folder")
	}
	return nil
}

// leaveOut notes an entry that cannot be sent.
func (s *scanner) leaveOut(entry string, why groupcast.Why, detail string) {
	s.tree.LeftOut.Add(entry, why, detail)
}

// unreadable notes an entry that cannot be read. What has gone since its folder was read is as
// if it had never been there.
func (s *scanner) unreadable(entry string, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrPermission):
		s.leaveOut(entry, groupcast.WhyForbidden, "")
	default:
		s.leaveOut(entry, groupcast.WhyUnreadable, Cause(err))
	}
}

// Cause is what went wrong with a file, without its name.
func Cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// walk adds the entry at name (inside root) and everything below it. Its errors end the scan.
func (s *scanner) walk(root *os.Root, name, entry string) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if len(s.tree.Files) >= protocol.MaxFiles {
		return groupcast.Errorf(groupcast.EInvalid, "more than %d files are too many for one transfer", protocol.MaxFiles).
			WithHint("split it into several")
	}
	info, err := root.Lstat(name)
	if err != nil {
		s.unreadable(entry, err)
		return nil
	}
	if s.options.Without.Excludes(entry, info.IsDir()) {
		s.leaveOut(entry, groupcast.WhyExcluded, "")
		return nil
	}
	if err := manifest.CheckPath(entry); err != nil {
		s.leaveOut(entry, groupcast.WhyName, manifest.Rule(err))
		return nil
	}
	if s.checkExcluded(info, entry) != nil {
		s.leaveOut(entry, groupcast.WhyHome, "")
		return nil
	}
	var id listed.Identity
	f := manifest.File{Path: entry, Mode: uint16(info.Mode().Perm()), MTime: protocol.FileTime(info.ModTime())}
	switch {
	case info.Mode().IsRegular():
		if info = s.readable(root, name, entry, info); info == nil {
			return nil
		}
		id = listed.Of(info)
		f.Size, f.MTime = id.Size, protocol.FileTime(info.ModTime())
	case info.IsDir():
		f.Kind = manifest.KindFolder
		if read, err := s.walkFolder(root, name, entry); err != nil || !read {
			return err
		}
	case info.Mode()&fs.ModeSymlink != 0:
		if !s.link(root, name, &f) {
			return nil
		}
	default:
		s.leaveOut(entry, special(info.Mode()), "")
		return nil
	}
	s.tree.Files, s.tree.ids = append(s.tree.Files, f), append(s.tree.ids, id)
	s.tree.Bytes += f.Stored()
	return nil
}

// readable says what a file is that can be opened and was looked at before; one that cannot is noted.
func (s *scanner) readable(root *os.Root, name, entry string, before fs.FileInfo) fs.FileInfo {
	f, info, err := openSeen(root, name, before)
	if err != nil {
		s.unreadable(entry, err)
		return nil
	}
	f.Close()
	return info
}

// walkFolder adds the entries of a folder. It returns false for one that cannot be read.
// What lies in it is found from itself, not step by step from the root.
func (s *scanner) walkFolder(root *os.Root, name, entry string) (bool, error) {
	in, err := root.OpenRoot(name)
	if err != nil {
		s.unreadable(entry, err)
		return false, nil
	}
	defer in.Close()
	d, err := in.Open(".")
	if err != nil {
		s.unreadable(entry, err)
		return false, nil
	}
	defer d.Close()
	for {
		const batch = 1024
		list, err := d.ReadDir(batch)
		for _, e := range list {
			if err := s.walk(in, e.Name(), path.Join(entry, e.Name())); err != nil {
				return false, err
			}
		}
		if len(list) == 0 {
			if err != nil && !isEOF(err) {
				s.unreadable(entry, err)
			}
			return true, nil
		}
	}
}

// link makes a symlink entry; its target has to lie inside the tree.
func (s *scanner) link(root *os.Root, name string, f *manifest.File) bool {
	target, err := root.Readlink(name)
	if err != nil {
		s.unreadable(f.Path, err)
		return false
	}
	if runtime.GOOS == "windows" {
		target = filepath.ToSlash(target)
	}
	f.Kind, f.Target, f.Size, f.Mode = manifest.KindSymlink, target, uint64(len(target)), 0o777
	if err := manifest.CheckTarget(f.Path, target); err != nil {
		s.leaveOut(f.Path, groupcast.WhyTarget, manifest.Rule(err))
		return false
	}
	return true
}

func special(m fs.FileMode) groupcast.Why {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return groupcast.WhyPipe
	case m&fs.ModeSocket != 0:
		return groupcast.WhySocket
	case m&fs.ModeDevice != 0:
		return groupcast.WhyDevice
	}
	return groupcast.WhySpecial
}
