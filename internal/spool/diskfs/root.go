package diskfs

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

// Root is a folder of the operating system's, held open as a root: no name leads out of it,
// and no name goes through a symbolic link.
type Root struct {
	dir     string
	folders *folderCache
}

// Open opens dir, made with its parents if need be.
func Open(dir string) (FS, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", dir, err)
	}
	if err := os.MkdirAll(abs, 0o755); err != nil {
		return nil, fmt.Errorf("make folder %s: %w", dir, err)
	}
	f, err := OpenFound(abs)
	if err != nil {
		return nil, fmt.Errorf("open folder %s: %w", dir, err)
	}
	return f, nil
}

// OpenFound opens a folder by its absolute path, and makes nothing.
func OpenFound(abs string) (*Root, error) {
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, err
	}
	return &Root{dir: abs, folders: newFolderCache(root)}, nil
}

// in does something with a name in its folder.
func (f *Root) in(name string, do func(at *folder, base string) error) error {
	folder, base := path.Split(path.Clean(name))
	at, err := f.folders.take(strings.TrimSuffix(folder, "/"))
	if err != nil {
		return err
	}
	defer f.folders.release(at)
	return do(at, base)
}

func (f *Root) Mkdir(name string, mode fs.FileMode) error {
	return f.in(name, func(at *folder, base string) error { return at.Mkdir(base, mode) })
}

func (f *Root) Create(name string, mode fs.FileMode) (file File, err error) {
	err = f.in(name, func(at *folder, base string) error {
		h, err := at.OpenFile(base, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		if err == nil {
			file = &osFile{h}
		}
		return err
	})
	return file, err
}

func (f *Root) CreateWhole(name string, data []byte, mode fs.FileMode, mtime time.Time) (kept time.Time, err error) {
	err = f.in(name, func(at *folder, base string) (err error) {
		kept, err = createWhole(at, base, data, mode&0o777, mtime)
		return err
	})
	return kept, err
}

func (f *Root) Open(name string, write bool) (file File, err error) {
	err = f.in(name, func(at *folder, base string) error {
		h, err := openRegular(at.Root, base, write)
		if err == nil {
			file = &osFile{h}
		}
		return err
	})
	return file, err
}

// openRegular opens without blocking, so that a FIFO with the name does not block, and then
// accepts only the regular file that Lstat saw.
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

func (f *Root) Lstat(name string) (info fs.FileInfo, err error) {
	err = f.in(name, func(at *folder, base string) (err error) {
		info, err = at.Lstat(base)
		return err
	})
	return info, err
}

func (f *Root) SameFile(a, b fs.FileInfo) bool { return os.SameFile(a, b) }

func (f *Root) Readdir(name string) (entries []fs.DirEntry, err error) {
	err = f.open(name, func(h *os.File) (err error) {
		entries, err = h.ReadDir(-1)
		return err
	})
	return entries, err
}

// open does something with an open folder.
func (f *Root) open(name string, do func(*os.File) error) error {
	at, err := f.folders.take(path.Clean(name))
	if err != nil {
		return err
	}
	defer f.folders.release(at)
	h, err := at.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(do(h), h.Close())
}

func (f *Root) Rename(old, new string) error    { return f.move(old, new, true) }
func (f *Root) RenameNew(old, new string) error { return f.move(old, new, false) }

// move renames between two folders that were walked to, so that no link put in between
// leads the file elsewhere.
func (f *Root) move(old, new string, replace bool) error {
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
func renameChecked(f *Root, from, to place, replace bool) error {
	if !replace {
		if _, err := to.at.Lstat(to.base); err == nil {
			return fs.ErrExist
		}
	}
	return f.folders.root.Rename(from.full, to.full)
}

func (f *Root) Symlink(target, name string) error {
	return f.in(name, func(at *folder, base string) error { return at.Symlink(target, base) })
}

func (f *Root) Readlink(name string) (target string, err error) {
	err = f.in(name, func(at *folder, base string) (err error) {
		target, err = at.Readlink(base)
		return err
	})
	return filepath.ToSlash(target), err
}

func (f *Root) Remove(name string) error {
	f.folders.forget(path.Clean(name)) // it may be a folder that is held
	return f.in(name, func(at *folder, base string) error { return at.Remove(base) })
}

func (f *Root) Chmod(name string, mode fs.FileMode) error {
	return f.in(name, func(at *folder, base string) error { return at.Chmod(base, mode&0o777&^umask()) })
}

func (f *Root) Chtimes(name string, mtime time.Time) error {
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

func (f *Root) SyncAll() error {
	defer f.folders.clear()
	return syncAll(f.folders.root)
}

func (f *Root) SyncFolder(name string) error {
	if !syncsFolders {
		return nil
	}
	return f.open(name, (*os.File).Sync)
}

func (f *Root) Free() (available, size uint64, _ error) { return free(f.dir) }

// InPlace says whether the folder's name still leads to it.
func (f *Root) InPlace() (bool, error) {
	open, err := f.folders.root.Stat(".")
	if err != nil {
		return false, err
	}
	named, err := os.Stat(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(open, named), err
}

func (f *Root) Close() error {
	f.folders.clear()
	return f.folders.root.Close()
}

type osFile struct{ *os.File }

func (h *osFile) Allocate(size int64) error    { return allocate(h.File, size) }
func (h *osFile) Chmod(mode fs.FileMode) error { return h.File.Chmod(mode & 0o777 &^ umask()) }
