// Package parts holds the files of a staging open while blocks go into them.
package parts

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/units"
)

// maxOpen bounds the staged files that are open at once, besides those in use.
const maxOpen = 32

// Cache is the staged files of a staging while blocks go into them. It is safe for
// concurrent use.
type Cache struct {
	fs     diskfs.FS
	sparse map[string]bool // files with holes: no space is reserved, for the holes would have it, too

	mu    sync.Mutex
	open  map[string]*File
	clock uint64
}

// File is one of them, while it is used.
type File struct {
	diskfs.File
	users int
	used  uint64
}

// New makes one for the files of a folder.
func New(f diskfs.FS) *Cache {
	return &Cache{fs: f, sparse: map[string]bool{}, open: make(map[string]*File)}
}

// Take gives a staged file, for release. With size ≥ 0 one that is not there is made, and
// given that much space.
func (c *Cache) Take(name string, size int64) (*File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	h := c.open[name]
	if h == nil {
		f, err := c.find(name, size)
		if err != nil {
			return nil, err
		}
		if err := c.evict(); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		h = &File{File: f}
		c.open[name] = h
	}
	h.users++
	h.used = c.clock
	return h, nil
}

func (c *Cache) find(name string, size int64) (diskfs.File, error) {
	f, err := c.fs.Open(name, true)
	if size < 0 || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f, err = c.fs.Create(name, 0o600)
	if err != nil || size == 0 {
		return f, err
	}
	reserve := f.Allocate
	if c.sparse[name] {
		reserve = f.Truncate
	}
	if err := reserve(size); err != nil {
		err = fmt.Errorf("reserve %s: %w", units.FormatSize(uint64(size)), err)
		return nil, errors.Join(err, f.Close(), c.fs.Remove(name))
	}
	return f, nil
}

// Release gives it back.
func (c *Cache) Release(h *File) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h.users--
}

// evict closes the file that was not used for longest.
func (c *Cache) evict() error {
	if len(c.open) < maxOpen {
		return nil
	}
	oldest := ""
	for name, h := range c.open {
		if h.users == 0 && (oldest == "" || h.used < c.open[oldest].used) {
			oldest = name
		}
	}
	return c.close(oldest)
}

// Forget closes a file that is about to move.
func (c *Cache) Forget(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.close(name)
}

func (c *Cache) close(name string) error {
	h := c.open[name]
	if h == nil || h.users > 0 {
		return nil
	}
	delete(c.open, name)
	return h.Close()
}

// CloseAll closes all of them.
func (c *Cache) CloseAll() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for name := range c.open {
		errs = append(errs, c.close(name))
	}
	return errors.Join(errs...)
}

// Sparse says that a file has holes, before it is taken for the first time.
func (c *Cache) Sparse(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sparse[name] = true
}
