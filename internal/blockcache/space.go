package blockcache

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	nonceBytes = 12
	tagBytes   = 16
	sealing    = nonceBytes + tagBytes // that a file is longer than its block
)

// KeyBytes is the length of a space's key.
const KeyBytes = 32

// Space is the blocks of one key. Others have names of their own, even for the same content: that a block is here
// already says nothing of what another space has. It is safe for concurrent use.
type Space struct {
	cache *Cache
	names []byte
	aead  cipher.AEAD
}

// Space gives the blocks that were sealed under a key, which stays in memory.
func (c *Cache) Space(key [KeyBytes]byte) (*Space, error) {
	names, err := hkdf.Expand(sha256.New, key[:], "groupcast cache name", KeyBytes)
	if err != nil {
		return nil, err
	}
	block, err := hkdf.Expand(sha256.New, key[:], "groupcast cache block", KeyBytes)
	if err != nil {
		return nil, err
	}
	b, err := aes.NewCipher(block)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(b)
	return &Space{cache: c, names: names, aead: aead}, err
}

func (s *Space) name(d protocol.Digest) name {
	m := hmac.New(sha256.New, s.names)
	m.Write(d[:])
	return name(m.Sum(nil)[:len(name{})])
}

// bound is what a sealed block belongs to: its name and its length.
func bound(e *entry) []byte {
	return binary.BigEndian.AppendUint32(append(make([]byte, 0, len(e.name)+4), e.name[:]...), uint32(e.length))
}

// Has says whether a block lies in the cache. It may turn out to be damaged when it is read.
func (s *Space) Has(d protocol.Digest) bool {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	e := s.cache.blocks[s.name(d)]
	return e != nil && e.busy == nil
}

// Get reads a block into buf and gives its length. ErrMissing: it is not there, or was damaged; any other error is the
// disk's, and says nothing of what is there.
func (s *Space) Get(d protocol.Digest, buf []byte) (int, error) {
	c := s.cache
	c.mu.Lock()
	e := c.blocks[s.name(d)]
	if e == nil || e.busy != nil {
		c.mu.Unlock()
		return 0, ErrMissing
	}
	e.readers++
	c.underWay++
	c.touched(e)
	c.mu.Unlock()
	n, err := s.read(e, d, buf)
	c.mu.Lock()
	defer c.mu.Unlock()
	e.readers--
	c.done()
	if !errors.Is(err, ErrMissing) {
		return n, err
	}
	if c.blocks[e.name] == e && e.busy == nil && e.readers == 0 {
		c.spoiled++
		err = errors.Join(err, c.remove(e))
	}
	return 0, err
}

func (s *Space) read(e *entry, d protocol.Digest, buf []byte) (int, error) {
	if len(buf) < e.length {
		return 0, fmt.Errorf("a block of %d bytes into %d", e.length, len(buf))
	}
	f, err := s.cache.cfg.FS.Open(e.file(), false)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, ErrMissing
	}
	if err != nil {
		return 0, fmt.Errorf("read a block from the cache: %w", err)
	}
	defer f.Close()
	sealed := make([]byte, e.length+sealing+1) // one more than there may be
	n, err := f.ReadAt(sealed, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read a block from the cache: %w", err)
	}
	if n != e.length+sealing {
		return 0, ErrMissing
	}
	plain, err := s.aead.Open(sealed[nonceBytes:nonceBytes], sealed[:nonceBytes], sealed[nonceBytes:n], bound(e))
	if err != nil || s.cache.cfg.Sum(plain) != d {
		return 0, ErrMissing
	}
	return copy(buf, plain), nil
}

// Put keeps a block, if it is what its digest says: else ErrWrong. ErrFull: everything else in the cache is in use.
// One that is there already is not written again.
func (s *Space) Put(d protocol.Digest, block []byte) error {
	if len(block) == 0 || len(block) > protocol.BlockSize || s.cache.cfg.Sum(block) != d {
		return ErrWrong
	}
	c := s.cache
	e := &entry{name: s.name(d), length: len(block), busy: make(chan struct{})}
	for {
		c.mu.Lock()
		there := c.blocks[e.name]
		if there == nil {
			break
		}
		busy := there.busy
		c.touched(there)
		c.mu.Unlock()
		if busy == nil {
			return nil
		}
		<-busy
	}
	c.blocks[e.name] = e
	c.mu.Unlock()
	room := c.makeRoom(cost(e.length))
	err := room
	if err == nil {
		err = c.write(e, s.seal(e, block))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	close(e.busy)
	e.busy = nil
	if room == nil {
		c.done()
	}
	if err == nil {
		c.settle(e)
		return nil
	}
	delete(c.blocks, e.name)
	if room == nil {
		c.used -= cost(e.length)
	}
	return err
}

func (s *Space) seal(e *entry, block []byte) []byte {
	sealed := make([]byte, nonceBytes, len(block)+sealing)
	rand.Read(sealed)
	return s.aead.Seal(sealed, sealed, block, bound(e))
}
