package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

// maxParts bounds the staged files that are open at once, besides those in use.
const maxParts = 32

// parts are the staged files of a staging while blocks go into them. It is safe for
// concurrent use.
type parts struct {
	fs     FS
	sparse map[string]bool // files with holes: no space is reserved, for the holes would have it, too

	mu    sync.Mutex
	open  map[string]*part
	clock uint64
}

type part struct {
	File
	users int
	used  uint64
}

func newParts(f FS) *parts {
	return &parts{fs: f, sparse: map[string]bool{}, open: make(map[string]*part)}
}

// take gives a staged file, for release. With size ≥ 0 one that is not there is made, and
// given that much space.
func (p *parts) take(name string, size int64) (*part, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock++
	h := p.open[name]
	if h == nil {
		f, err := p.find(name, size)
		if err != nil {
			return nil, err
		}
		if err := p.evict(); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		h = &part{File: f}
		p.open[name] = h
	}
	h.users++
	h.used = p.clock
	return h, nil
}

func (p *parts) find(name string, size int64) (File, error) {
	f, err := p.fs.Open(name, true)
	if size < 0 || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f, err = p.fs.Create(name, 0o600)
	if err != nil || size == 0 {
		return f, err
	}
	reserve := f.Allocate
	if p.sparse[name] {
		reserve = f.Truncate
	}
	if err := reserve(size); err != nil {
		return nil, errors.Join(fmt.Errorf("reserve %s: %w", size10(uint64(size)), err), f.Close(), p.fs.Remove(name))
	}
	return f, nil
}

func (p *parts) release(h *part) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.users--
}

// evict closes the file that was not used for longest.
func (p *parts) evict() error {
	if len(p.open) < maxParts {
		return nil
	}
	oldest := ""
	for name, h := range p.open {
		if h.users == 0 && (oldest == "" || h.used < p.open[oldest].used) {
			oldest = name
		}
	}
	return p.close(oldest)
}

// forget closes a file that is about to move.
func (p *parts) forget(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.close(name)
}

func (p *parts) close(name string) error {
	h := p.open[name]
	if h == nil || h.users > 0 {
		return nil
	}
	delete(p.open, name)
	return h.Close()
}

func (p *parts) closeAll() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for name := range p.open {
		errs = append(errs, p.close(name))
	}
	return errors.Join(errs...)
}
