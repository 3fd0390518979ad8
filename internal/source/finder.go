package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/stored"
)

// finder finds the files of a place by their paths. It keeps the folder open that it was in last: files that follow
// one another mostly lie together. It is for one goroutine.
type finder struct {
	place  content.Place
	ctx    context.Context     // of whoever reads; nothing is read afterwards
	byName map[string]int      // root of a top-level name; nil: one has all
	roots  map[string]*os.Root // by Base
	folder string              // key of `in`
	in     *os.Root
}

func newFinder(ctx context.Context, p content.Place) *finder {
	f := &finder{place: p, ctx: ctx, roots: map[string]*os.Root{}, byName: map[string]int{}}
	for i, r := range p.Roots {
		f.byName[r.Name] = i
	}
	return f
}

// rootOf is Place.rootOf without a search.
func (f *finder) rootOf(entry string) (content.Root, string, bool) {
	top, below, _ := strings.Cut(entry, "/")
	i, found := f.byName[top]
	if !found {
		if i, found = f.byName[""]; !found {
			return content.Root{}, "", false
		}
		below = entry
	}
	r := f.place.Roots[i]
	return r, filepath.Join(r.Path, filepath.FromSlash(below)), true
}

// locate gives the open folder that an entry lies in, and its name there.
func (f *finder) locate(entry string) (*os.Root, string, error) {
	r, path, found := f.rootOf(entry)
	if !found {
		return nil, "", fmt.Errorf("no folder is known for %q", entry)
	}
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir)
	key := r.Base + "\x00" + dir
	if f.in != nil && f.folder == key {
		return f.in, name, nil
	}
	f.leave()
	root := f.roots[r.Base]
	if root == nil {
		var err error
		if root, err = os.OpenRoot(r.Base); err != nil {
			return nil, "", err
		}
		f.roots[r.Base] = root
	}
	in, err := root.OpenRoot(dir)
	if err != nil {
		return nil, "", err
	}
	f.folder, f.in = key, in
	return in, name, nil
}

// leave lets go of the folder that was used last: the next file is found by its whole path.
func (f *finder) leave() {
	if f.in != nil {
		f.in.Close() // read only: nothing can be lost
		f.in = nil
	}
}

func (f *finder) lstat(entry string) (fs.FileInfo, error) {
	if files := f.place.Files(); files != nil {
		return files.Lstat(entry)
	}
	in, name, err := f.locate(entry)
	if err != nil {
		return nil, err
	}
	return in.Lstat(name)
}

// open opens a regular file; its errors are not typed.
func (f *finder) open(entry string) (stored.File, fs.FileInfo, error) {
	if files := f.place.Files(); files != nil {
		return files.Open(f.ctx, entry)
	}
	in, name, err := f.locate(entry)
	if err != nil {
		return nil, nil, err
	}
	if !listed.HasInodes {
		return opened(content.OpenRegular(in, name))
	}
	file, err := in.OpenFile(name, os.O_RDONLY|content.Nonblock, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// opened is a file as what is read; nil if there is none.
func opened(file *os.File, info fs.FileInfo, err error) (stored.File, fs.FileInfo, error) {
	if err != nil {
		return nil, nil, err
	}
	return file, info, nil
}

// answers says whether the folder that an entry was found below is there and can be read: what is wrong with the
// entry is its own then.
func (f *finder) answers(entry string) bool {
	if f.place.Files() != nil {
		return false // what is away there is away as a whole
	}
	r, _, found := f.rootOf(entry)
	if !found || !r.There() {
		return false
	}
	d, err := os.Open(r.Base)
	if errors.Is(err, fs.ErrNotExist) {
		return true // it was deleted, and its disk is there
	}
	if err != nil {
		return false
	}
	defer d.Close()
	_, err = d.Readdirnames(1)
	return err == nil || errors.Is(err, io.EOF)
}

func (f *finder) close() {
	f.leave()
	for _, r := range f.roots {
		r.Close() // read only: nothing can be lost
	}
	clear(f.roots)
}
