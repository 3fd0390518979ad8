package spooltest

import (
	"io"
	"io/fs"
	"path"
	"syscall"
	"time"
)

type file struct {
	d    *Disk
	n    *node
	name string
}

func (f *file) ReadAt(b []byte, off int64) (int, error) {
	if err := f.d.step(); err != nil {
		return 0, err
	}
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(b []byte, off int64) (int, error) {
	if err := f.d.step(); err != nil {
		return 0, err
	}
	if err := f.grow(off + int64(len(b))); err != nil {
		half := b[:len(b)/2]
		if f.grow(off+int64(len(half))) == nil {
			f.d.Counts.Short++
			return copy(f.n.data[off:], half), err
		}
		return 0, err
	}
	f.n.mtime = f.d.clock
	return copy(f.n.data[off:], b), nil
}

func (f *file) grow(size int64) error {
	more := size - int64(len(f.n.data))
	if more <= 0 {
		return nil
	}
	if f.d.Capacity > 0 && f.d.used()+uint64(more) > f.d.Capacity {
		f.d.Counts.Full++
		return &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
	}
	f.n.data = append(f.n.data, make([]byte, more)...)
	return nil
}

func (f *file) Allocate(size int64) error {
	if err := f.d.step(); err != nil {
		return err
	}
	return f.grow(size)
}

func (f *file) Truncate(size int64) error {
	if err := f.d.step(); err != nil {
		return err
	}
	if size <= int64(len(f.n.data)) {
		f.n.data = f.n.data[:size:size]
		return nil
	}
	return f.grow(size)
}

func (f *file) Stat() (fs.FileInfo, error) {
	if err := f.d.step(); err != nil {
		return nil, err
	}
	return info{path.Base(f.name), f.n}, nil
}

func (f *file) Chmod(mode fs.FileMode) error {
	if err := f.d.step(); err != nil {
		return err
	}
	f.n.mode = f.n.mode&^0o777 | mode&0o777
	return nil
}

func (f *file) Sync() error {
	if err := f.d.step(); err != nil {
		return err
	}
	if f.d.FailSync != nil {
		return f.d.FailSync
	}
	if f.d.LieOnSync != nil && f.d.LieOnSync(f.name) {
		return nil
	}
	f.n.keep()
	return nil
}

func (f *file) Close() error { return nil }

type info struct {
	name string
	n    *node
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return int64(len(i.n.data)) }
func (i info) Mode() fs.FileMode  { return i.n.mode }
func (i info) ModTime() time.Time { return i.n.mtime }
func (i info) IsDir() bool        { return i.n.mode.IsDir() }
func (i info) Sys() any           { return nil }
