package parts

import "fmt"

// packWindow is how much of a pack is read at once.
const packWindow = 256 << 10

// Pack reads small files out of the staged file in which they lie one after another in their order. It is for one
// goroutine.
type Pack struct {
	cache *Cache
	name  string
	part  *File
	buf   []byte
	first uint64 // where in the pack buf begins
}

// NewPack opens nothing before it is read; Close it.
func NewPack(c *Cache, name string) *Pack { return &Pack{cache: c, name: name} }

// Bytes gives the bytes of a file that begins at a place in the pack, valid until the next call.
func (p *Pack) Bytes(at, size uint64) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	if at < p.first || at+size > p.first+uint64(len(p.buf)) {
		if err := p.read(at, size); err != nil {
			return nil, err
		}
	}
	return p.buf[at-p.first:][:size], nil
}

// read fills the window from at on, with size bytes at least.
func (p *Pack) read(at, size uint64) error {
	if p.part == nil {
		h, err := p.cache.Take(p.name, -1)
		if err != nil {
			return err
		}
		p.part = h
	}
	if want := max(packWindow, int(size)); cap(p.buf) < want {
		p.buf = make([]byte, want)
	}
	p.buf = p.buf[:cap(p.buf)]
	n, err := p.part.ReadAt(p.buf, int64(at))
	p.buf, p.first = p.buf[:n], at
	if uint64(n) < size {
		return fmt.Errorf("read the pack: %w", err)
	}
	return nil
}

// Close gives the staged file back.
func (p *Pack) Close() {
	if p.part != nil {
		p.cache.Release(p.part)
	}
}
