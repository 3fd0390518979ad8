// Package diskfs opens a folder of the operating system's such that no name leads out of it and none
// goes through a symbolic link. It is as much of a file system as the receiver's side needs.
package diskfs

import (
	"io/fs"
	"time"
)

// FS is a folder of a file system, as much of it as the receiver's side needs. Names are relative,
// with "/", and never lead out of the folder; no step of a name but the last may be a
// symbolic link (rule R2). The operating system's is Open; a simulated disk is in
// spool/spooltest.
type FS interface {
	Mkdir(name string, mode fs.FileMode) error
	// Create makes a new file; it fails if anything has that name.
	Create(name string, mode fs.FileMode) (File, error)
	// CreateWhole is Create, WriteAt, Chmod, Chtimes and Close of a small file at once; it gives
	// its time as the file system keeps it.
	CreateWhole(name string, data []byte, mode fs.FileMode, mtime time.Time) (time.Time, error)
	// Open opens a regular file and nothing else, without blocking.
	Open(name string, write bool) (File, error)
	Lstat(name string) (fs.FileInfo, error)
	// SameFile says whether two answers of Lstat are of one file that has both names.
	SameFile(a, b fs.FileInfo) bool
	Readdir(name string) ([]fs.DirEntry, error)
	// Rename replaces what has the new name; RenameNew fails with fs.ErrExist then.
	Rename(old, new string) error
	RenameNew(old, new string) error
	Symlink(target, name string) error
	Readlink(name string) (string, error)
	Remove(name string) error
	Chmod(name string, mode fs.FileMode) error
	Chtimes(name string, mtime time.Time) error
	// SyncFolder makes the names of a folder durable.
	SyncFolder(name string) error
	// SyncAll makes everything written so far durable, files and names, as one barrier;
	// errors.ErrUnsupported where the system has none.
	SyncAll() error
	// Free gives the bytes available and the size of the file system.
	Free() (available, size uint64, err error)
	Close() error
}

// File is an open file of an FS.
type File interface {
	ReadAt(b []byte, off int64) (int, error)
	WriteAt(b []byte, off int64) (int, error)
	Allocate(size int64) error // reserves and extends
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
	Chmod(mode fs.FileMode) error
	Sync() error
	Close() error
}
