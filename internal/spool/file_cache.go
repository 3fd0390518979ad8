package spool

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

// fileCache is the staged files of a staging while blocks go into them. It is safe for
// concurrent use.
type fileCache struct {
	fs     diskfs.FS
	sparse map[string]bool // files with holes: no space is reserved, for the holes would have it, too

	mu    sync.Mutex
	open  map[string]*part
	clock uint64
}

type part struct {
	diskfs.File
	users int
	used  uint64
}

func newFileCache(f diskfs.FS) *fileCache {
	return &fileCache{fs: f, sparse: map[string]bool{}, open: make(map[string]*part)}
}

// take gives a staged file, for release. With size ≥ 0 one that is not there is made, and
// given that much space.
func (c *fileCache) take(name string, size int64) (*part, error) {
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
		h = &part{File: f}
		c.open[name] = h
	}
	h.users++
	h.used = c.clock
	return h, nil
}

func (c *fileCache) find(name string, size int64) (diskfs.File, error) {
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

func (c *fileCache) release(h *part) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h.users--
}

// evict closes the file that was not used for longest.
func (c *fileCache) evict() error {
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

// forget closes a file that is about to move.
func (c *fileCache) forget(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.close(name)
}

func (c *fileCache) close(name string) error {
	h := c.open[name]
	if h == nil || h.users > 0 {
		return nil
	}
	delete(c.open, name)
	return h.Close()
}

func (c *fileCache) closeAll() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for name := range c.open {
		errs = append(errs, c.close(name))
	}
	return errors.Join(errs...)
}
