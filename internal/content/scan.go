package content

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/ownfiles"
	"github.com/groupcast/groupcast/internal/pattern"
	"github.com/groupcast/groupcast/internal/stored"
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
	Roots []Root            `json:"roots"`
	own   *ownfiles.Folders // what may not be read there; nil: it is an upload, which is groupcast's own
	files stored.Files      // where they are if they do not lie on this machine's disk; else nil
}

// Files are the files of a place that does not lie on this machine's disk; nil: it does.
func (p Place) Files() stored.Files { return p.files }

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
	Below   string            // paths are taken relative to this folder and may not leave it; "" for any path
	Exclude []string          // folders nobody may send
	Own     *ownfiles.Folders // groupcast's own files, which nobody may send either (security.md C11)
	Without *pattern.Set      // what is left out on purpose
}

// Tree is what was found: entries in manifest order, without digests.
type Tree struct {
	Files   []manifest.File
	Place   Place
	Bytes   uint64
	LeftOut groupcast.LeftOuts // what was found and cannot be sent, or is excluded
	ids     []listed.Identity  // of Files as they were found; none: nobody looked
}

// Scan lists the files and folders under paths. `/a/b/dir` gives dir/…, `/a/file` gives file.
// One bad entry does not end it: it goes to LeftOut, and it is the caller's to say whether the
// rest is sent without it.
func Scan(ctx context.Context, paths []string, o ScanOptions) (*Tree, error) {
	t := &Tree{}
	var err error
	t.Place, t.LeftOut, err = walk(ctx, paths, o, manifestLimits, func(f *manifest.File, id listed.Identity) error {
		t.Files, t.ids = append(t.Files, *f), append(t.ids, id)
		t.Bytes += f.Stored()
		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, err := manifest.Cut(t.Files); err != nil {
		return nil, groupcast.Errorf(groupcast.EInvalid, "%s", err).WithHint(splitIt)
	}
	return t, nil
}

// walk is Scan without a list: what is found is given one after another, in the order of a manifest.
func walk(
	ctx context.Context, paths []string, o ScanOptions, most limits, take taker,
) (Place, groupcast.LeftOuts, error) {
	w := &walker{ctx: ctx, options: o, most: most, take: take}
	for _, dir := range o.Exclude {
		info, err := os.Stat(dir)
		if err != nil {
			return Place{}, w.left, fmt.Errorf("look at a folder that may not be sent: %w", err)
		}
		w.excluded = append(w.excluded, info)
	}
	if err := o.Own.Look(); err != nil {
		return Place{}, w.left, err
	}
	for _, p := range paths {
		if err := w.add(p); err != nil {
			return Place{}, w.left, err
		}
	}
	err := w.walkRoots()
	return Place{Roots: w.roots, own: o.Own}, w.left, err
}

// add finds the root of one of the paths given.
func (w *walker) add(given string) error {
	r, err := w.locate(given)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(w.roots, func(o Root) bool { return o.Name == r.Name }) {
		return groupcast.Errorf(groupcast.EInvalid, "two of the paths are named %q", r.Name).WithHint("send them one by one")
	}
	if err := w.checkAncestors(filepath.Join(r.Base, r.Path)); err != nil {
		return err
	}
	root, err := os.OpenRoot(r.Base)
	if errors.Is(err, fs.ErrPermission) {
		w.leaveOut(r.Name, groupcast.WhyForbidden, "")
		return nil
	}
	if err != nil {
		return cannotRead(given, err)
	}
	defer root.Close()
	if info, err := root.Lstat(r.Path); err != nil {
		return cannotRead(given, err) // what is named has to be there
	} else if err := w.checkExcluded(info, given); err != nil {
		return err
	}
	if info, err := os.Stat(r.Base); err == nil {
		r.Disk = diskOf(info)
	}
	w.roots = append(w.roots, r)
	return nil
}

// locate finds the folder to open for a path. A path that was named may be a symbolic link: what it
// points to is meant.
func (w *walker) locate(given string) (Root, error) {
	if w.options.Below != "" {
		local := filepath.Clean(given)
		if !filepath.IsLocal(local) || local == "." {
			return Root{}, groupcast.Errorf(groupcast.EInvalid, "%q is no path below %s", given, w.options.Below)
		}
		return Root{Name: filepath.Base(local), Base: w.options.Below, Path: local}, nil
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
func (w *walker) checkAncestors(full string) error {
	for dir := full; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil {
			if err := w.checkExcluded(info, dir); err != nil {
				return err
			}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (w *walker) checkExcluded(info fs.FileInfo, name string) error {
	own, err := w.options.Own.Has(info)
	if err != nil {
		return err
	}
	if own || slices.ContainsFunc(w.excluded, func(x fs.FileInfo) bool { return os.SameFile(x, info) }) {
		return groupcast.Errorf(groupcast.EForbidden, "%s is of groupcast's own home, which holds the server's keys", name).
			WithHint("leave it out, or keep groupcast's home in another folder")
	}
	return nil
}
