package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// osFS is a folder of the operating system's, held open as a root: no name leads out of it,
// and no name goes through a symbolic link.
type osFS struct {
	dir string
	way *way
}

// OpenFS opens dir, made with its parents if need be.
func OpenFS(dir string) (FS, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", dir, err)
	}
	if err := os.MkdirAll(abs, 0o755); err != nil {
		return nil, fmt.Errorf("make folder %s: %w", dir, err)
	}
	f, err := openRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("open folder %s: %w", dir, err)
	}
	return f, nil
}

func openRoot(abs string) (*osFS, error) {
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, err
	}
	return &osFS{dir: abs, way: newWay(root)}, nil
}

// in does something with a name in its folder.
func (f *osFS) in(name string, do func(at *folder, base string) error) error {
	folder, base := path.Split(path.Clean(name))
	at, err := f.way.take(strings.TrimSuffix(folder, "/"))
	if err != nil {
		return err
	}
	defer f.way.release(at)
	return do(at, base)
}

func (f *osFS) Mkdir(name string, mode fs.FileMode) error {
	return f.in(name, func(at *folder, base string) error { return at.Mkdir(base, mode) })
}

func (f *osFS) Create(name string, mode fs.FileMode) (file File, err error) {
	err = f.in(name, func(at *folder, base string) error {
		h, err := at.OpenFile(base, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		if err == nil {
			file = &osFile{h}
		}
		return err
	})
	return file, err
}

func (f *osFS) CreateWhole(name string, data []byte, mode fs.FileMode, mtime time.Time) (kept time.Time, err error) {
	err = f.in(name, func(at *folder, base string) (err error) {
		kept, err = createWhole(at, base, data, mode&0o777, mtime)
		return err
	})
	return kept, err
}

func (f *osFS) Open(name string, write bool) (file File, err error) {
	err = f.in(name, func(at *folder, base string) error {
		h, err := openRegular(at.Root, base, write)
		if err == nil {
			file = &osFile{h}
		}
		return err
	})
	return file, err
}

// openRegular opens without blocking, so that a FIFO planted under the name hangs nobody, and
// then takes nothing but the regular file that Lstat saw.
func openRegular(at *os.Root, base string, write bool) (*os.File, error) {
	before, err := at.Lstat(base)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", base)
	}
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	h, err := at.OpenFile(base, flag|nonBlocking, 0)
	if err != nil {
		return nil, err
	}
	after, err := h.Stat()
	if err == nil && !(after.Mode().IsRegular() && os.SameFile(before, after)) {
		err = fmt.Errorf("%s was replaced while it was opened", base)
	}
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (f *osFS) Lstat(name string) (info fs.FileInfo, err error) {
	err = f.in(name, func(at *folder, base string) (err error) {
		info, err = at.Lstat(base)
		return err
	})
	return info, err
}

func (f *osFS) SameFile(a, b fs.FileInfo) bool { return os.SameFile(a, b) }

func (f *osFS) Readdir(name string) (entries []fs.DirEntry, err error) {
	err = f.open(name, func(h *os.File) (err error) {
		entries, err = h.ReadDir(-1)
		return err
	})
	return entries, err
}

// open does something with an open folder.
func (f *osFS) open(name string, do func(*os.File) error) error {
	at, err := f.way.take(path.Clean(name))
	if err != nil {
		return err
	}
	defer f.way.release(at)
	h, err := at.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(do(h), h.Close())
}

func (f *osFS) Rename(old, new string) error    { return f.move(old, new, true) }
func (f *osFS) RenameNew(old, new string) error { return f.move(old, new, false) }

// move renames between two folders that were walked to, so that no link put in between
// leads the file elsewhere.
func (f *osFS) move(old, new string, replace bool) error {
	return f.in(old, func(from *folder, was string) error {
		return f.in(new, func(to *folder, name string) error {
			if err := rename(f, place{from, was, old}, place{to, name, new}, replace); err != nil {
				return &os.LinkError{Op: "rename", Old: old, New: new, Err: err}
			}
			return nil
		})
	})
}

// place is a name in a folder; full is the same below DIR.
type place struct {
	at   *folder
	base string
	full string
}

// renameChecked is rename where the system has no call for two open folders.
func renameChecked(f *osFS, from, to place, replace bool) error {
	if !replace {
		if _, err := to.at.Lstat(to.base); err == nil {
			return fs.ErrExist
		}
	}
	return f.way.root.Rename(from.full, to.full)
}

func (f *osFS) Symlink(target, name string) error {
	return f.in(name, func(at *folder, base string) error { return at.Symlink(target, base) })
}

func (f *osFS) Readlink(name string) (target string, err error) {
	err = f.in(name, func(at *folder, base string) (err error) {
		target, err = at.Readlink(base)
		return err
	})
	return filepath.ToSlash(target), err
}

func (f *osFS) Remove(name string) error {
	f.way.forget(path.Clean(name)) // it may be a folder that is held
	return f.in(name, func(at *folder, base string) error { return at.Remove(base) })
}

func (f *osFS) Chmod(name string, mode fs.FileMode) error {
	return f.in(name, func(at *folder, base string) error { return at.Chmod(base, mode&0o777&^umask()) })
}

func (f *osFS) Chtimes(name string, mtime time.Time) error {
	return f.in(name, func(at *folder, base string) error {
		return nearest(mtime, func(t time.Time) error { return setTime(at, base, t) })
	})
}

// Times that every file system can hold, FAT's being the fewest.
var (
	firstHeld = time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC)
	lastHeld  = time.Date(2107, 12, 30, 0, 0, 0, 0, time.UTC)
)

// nearest sets a time. Most file systems keep the nearest that they can hold by themselves; one
// that refuses gets the nearest that any holds.
func nearest(t time.Time, set func(time.Time) error) error {
	err := set(t)
	switch {
	case err == nil:
	case t.Before(firstHeld):
		return set(firstHeld)
	case t.After(lastHeld):
		return set(lastHeld)
	}
	return err
}

func (f *osFS) SyncAll() error {
	defer f.way.clear()
	return syncAll(f.way.root)
}

func (f *osFS) SyncFolder(name string) error {
	if !syncsFolders {
		return nil
	}
	return f.open(name, (*os.File).Sync)
}

func (f *osFS) Free() (available, size uint64, _ error) { return free(f.dir) }

func (f *osFS) Close() error {
	f.way.clear()
	return f.way.root.Close()
}

type osFile struct{ *os.File }

func (h *osFile) Allocate(size int64) error    { return allocate(h.File, size) }
func (h *osFile) Chmod(mode fs.FileMode) error { return h.File.Chmod(mode & 0o777 &^ umask()) }
