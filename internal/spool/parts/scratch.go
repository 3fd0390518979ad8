package parts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// Scratch is a file for a manifest that is looked at before anything of it is kept: it may be as large
// as a manifest can be, and is not believed yet.
type Scratch struct {
	fs   diskfs.FS
	name string
	file diskfs.File
	size int64
}

// NewScratch makes an empty one; what had the name goes.
func NewScratch(f diskfs.FS, name string) (*Scratch, error) {
	c := &Scratch{fs: f, name: name}
	if err := f.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, trouble.Disk(err)
	}
	var err error
	if c.file, err = f.Create(name, 0o600); err != nil {
		return nil, trouble.Disk(fmt.Errorf("make room for a manifest: %w", err))
	}
	return c, nil
}

// Write appends.
func (c *Scratch) Write(b []byte) (int, error) {
	n, err := c.file.WriteAt(b, c.size)
	c.size += int64(n)
	if err != nil {
		err = trouble.Disk(fmt.Errorf("keep a manifest while it comes: %w", err))
	}
	return n, err
}

// WriteAt writes a piece, in any order.
func (c *Scratch) WriteAt(b []byte, at int64) (int, error) {
	n, err := c.file.WriteAt(b, at)
	if err != nil {
		err = trouble.Disk(fmt.Errorf("keep a list of entries while it comes: %w", err))
	}
	return n, err
}

// ReadAt reads a piece that was written.
func (c *Scratch) ReadAt(b []byte, at int64) (int, error) { return c.file.ReadAt(b, at) }

// Reader reads all of it from the beginning.
func (c *Scratch) Reader() io.Reader { return io.NewSectionReader(c.file, 0, c.size) }

// Remove deletes it.
func (c *Scratch) Remove() error {
	return errors.Join(c.file.Close(), c.fs.Remove(c.name))
}
