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

// osFS is a folder of the operating system's, held open as a root: no name leads out of it.
type osFS struct {
	root *os.Root
	dir  string
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
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("open folder %s: %w", dir, err)
	}
	return &osFS{root: root, dir: abs}, nil
}

// OpenFolder walks down step by step: what Lstat calls a folder is opened, and must be the
// same one.
func (f *osFS) OpenFolder(name string) (FS, error) {
	at, dir := f.root, f.dir
	for part := range strings.SplitSeq(name, "/") {
		next, err := openStep(at, part)
		if at != f.root {
			err = errors.Join(err, at.Close())
		}
		if err != nil {
			return nil, err
		}
		at, dir = next, filepath.Join(dir, part)
	}
	return &osFS{root: at, dir: dir}, nil
}

func openStep(at *os.Root, part string) (*os.Root, error) {
	before, err := at.Lstat(part)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, fmt.Errorf("%s is no folder", part)
	}
	next, err := at.OpenRoot(part)
	if err != nil {
		return nil, err
	}
	after, err := next.Stat(".")
	if err == nil && !os.SameFile(before, after) {
		err = fmt.Errorf("%s was replaced while it was opened", part)
	}
	if err != nil {
		return nil, errors.Join(err, next.Close())
	}
	return next, nil
}

func (f *osFS) Mkdir(name string, mode fs.FileMode) error { return f.root.Mkdir(name, mode) }

func (f *osFS) Create(name string, mode fs.FileMode) (File, error) {
	h, err := f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	return &osFile{h}, nil
}

// Open opens without blocking, so that a FIFO planted under the name hangs nobody, and then
// takes nothing but the regular file that Lstat saw.
func (f *osFS) Open(name string, write bool) (File, error) {
	before, err := f.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	h, err := f.root.OpenFile(name, flag|nonBlocking, 0)
	if err != nil {
		return nil, err
	}
	after, err := h.Stat()
	if err == nil && !(after.Mode().IsRegular() && os.SameFile(before, after)) {
		err = fmt.Errorf("%s was replaced while it was opened", name)
	}
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return &osFile{h}, nil
}

func (f *osFS) Lstat(name string) (fs.FileInfo, error) { return f.root.Lstat(name) }

func (f *osFS) Readdir(name string) ([]fs.DirEntry, error) {
	h, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	entries, err := h.ReadDir(-1)
	return entries, errors.Join(err, h.Close())
}

func (f *osFS) Rename(old, new string) error            { return f.root.Rename(old, new) }
func (f *osFS) Symlink(target, name string) error       { return f.root.Symlink(target, name) }
func (f *osFS) Readlink(name string) (string, error)    { return f.root.Readlink(name) }
func (f *osFS) Remove(name string) error                { return f.root.Remove(name) }
func (f *osFS) Chmod(name string, m fs.FileMode) error  { return f.root.Chmod(name, m&0o777&^umask()) }
func (f *osFS) Chtimes(name string, mt time.Time) error { return f.root.Chtimes(name, mt, mt) }
func (f *osFS) SyncAll() error                          { return syncAll(f.root, f.dir) }
func (f *osFS) Free() (available, size uint64, _ error) { return free(f.dir) }
func (f *osFS) Close() error                            { return f.root.Close() }

func (f *osFS) SyncFolder(name string) error {
	if !syncsFolders {
		return nil
	}
	h, err := f.root.Open(path.Clean(name))
	if err != nil {
		return err
	}
	return errors.Join(h.Sync(), h.Close())
}

type osFile struct{ *os.File }

func (h *osFile) Allocate(size int64) error    { return allocate(h.File, size) }
func (h *osFile) Chmod(mode fs.FileMode) error { return h.File.Chmod(mode & 0o777 &^ umask()) }
