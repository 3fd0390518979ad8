package packs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/groupcast/groupcast/internal/blockcache"
	"github.com/groupcast/groupcast/internal/bucket"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/stored"
)

// content is an upload that is read, by any number of readers.
type content struct {
	layout
	k   *Keeper
	id  string
	dir string

	mu      sync.Mutex
	leaves  map[int][]byte  // of the packs that were needed last
	recent  []decrypted     // blocks that were read last, the oldest first
	bad     map[int]badPack // packs that are not what was written
	cursors []cursor        // where readers are, the one that moved last at the end
	ahead   map[int]bool    // packs that are fetched before they are needed
}

type decrypted struct {
	block int
	data  []byte
}

// badPack is why a pack cannot be read, and until when that counts.
type badPack struct {
	err   error
	until time.Time
}

// cursor is the furthest pack that somebody has read who reads one after another.
type cursor struct{ pack int }

// Bounds of what is in memory of a content that is read, and of what is fetched before it is needed.
const (
	mostContents = 8 // that are shared by all who read them
	mostLeaves   = 64
	mostRecent   = 16
	mostCursors  = 4
	packsAhead   = 8
	badFor       = time.Minute
)

// Files opens the files to read them. All readers of an upload share one content.
func (b *afar) Files() stored.Files {
	b.k.mu.Lock()
	defer b.k.mu.Unlock()
	for i, c := range b.k.contents {
		if c.id == b.id {
			b.k.contents = append(slices.Delete(b.k.contents, i, i+1), c)
			return c
		}
	}
	c := &content{
		layout: layOut(b.files), k: b.k, id: b.id, dir: b.dir, leaves: map[int][]byte{}, bad: map[int]badPack{},
		ahead: map[int]bool{},
	}
	if b.k.contents = append(b.k.contents, c); len(b.k.contents) > mostContents {
		b.k.contents = slices.Delete(b.k.contents, 0, 1) // who reads it has it
	}
	return c
}

// Lstat says what a file is. It was declared so, and never changes.
func (c *content) Lstat(name string) (fs.FileInfo, error) {
	i, found := c.find(name)
	if !found {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return declared{&c.files[i]}, nil
}

// Open opens a file; its reads end with ctx.
func (c *content) Open(ctx context.Context, name string) (stored.File, fs.FileInfo, error) {
	i, found := c.find(name)
	if !found {
		return nil, nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	f := &file{c: c, ctx: ctx, at: i}
	return f, declared{&c.files[i]}, nil
}

// declared is what is known of a file.
type declared struct{ f *manifest.File }

func (d declared) Name() string       { return path.Base(d.f.Path) }
func (d declared) Size() int64        { return int64(d.f.Size) }
func (d declared) Mode() fs.FileMode  { return fs.FileMode(d.f.Mode) & fs.ModePerm }
func (d declared) ModTime() time.Time { return protocol.TimeOf(d.f.MTime) }
func (d declared) IsDir() bool        { return false }
func (d declared) Sys() any           { return nil }

// file is one that is read.
type file struct {
	c   *content
	ctx context.Context // of whoever opened it
	at  int
}

func (f *file) Stat() (fs.FileInfo, error) { return declared{&f.c.files[f.at]}, nil }
func (f *file) Close() error               { return nil }

// ReadAt reads what was uploaded, or nothing: each byte is of a block that has the digest that it had then.
func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	c := f.c
	size := int64(c.files[f.at].Size)
	for n < len(p) && off+int64(n) < size {
		at := c.starts[f.at] + uint64(off) + uint64(n)
		data, err := c.block(f.ctx, int(at/protocol.BlockSize))
		if err != nil {
			return n, typed(err)
		}
		end := min(int64(len(p)), size-off)
		n += copy(p[n:end], data[at%protocol.BlockSize:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// errBad is what is wrong with an object in the bucket: listed.ErrOther or fs.ErrNotExist.
type errBad struct{ error }

func (e errBad) Error() string { return "in the bucket: " + e.error.Error() }
func (e errBad) Unwrap() error { return e.error }

// typed hides what is in an error that says nothing of the file: whatever is not there may be of this machine.
func typed(err error) error {
	if errors.As(err, new(errBad)) || errors.Is(err, context.Canceled) {
		return err
	}
	return errors.New(err.Error())
}

// block gives a block of the stream, which nobody may change.
func (c *content) block(ctx context.Context, n int) ([]byte, error) {
	if data := c.remembered(n); data != nil {
		return data, nil
	}
	pack := n / blocksOfPack
	leaves, err := c.leavesOf(pack)
	if err != nil {
		return nil, err
	}
	d := leaf(leaves, n%blocksOfPack)
	buf := make([]byte, c.blockLength(n))
	for try := 0; ; try++ {
		got, err := c.k.cfg.Cache.Get(d, buf)
		switch {
		case err == nil:
			c.remember(n, buf[:got])
			c.fetchAhead(pack)
			return buf[:got], nil
		case !errors.Is(err, blockcache.ErrMissing):
			return nil, err
		case try == evictions:
			return nil, errors.New("the cache is too small: what was fetched is gone before it can be read")
		}
		if err := c.fetch(ctx, pack); err != nil && !c.k.cfg.Cache.Has(d) {
			return nil, err
		}
	}
}

// evictions is how often a block may be gone from the cache before it was read.
const evictions = 5

func (c *content) remembered(n int) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.recent {
		if r.block == n {
			return r.data
		}
	}
	return nil
}

func (c *content) remember(n int, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recent = append(c.recent, decrypted{n, data})
	if len(c.recent) > mostRecent {
		c.recent = slices.Delete(c.recent, 0, 1)
	}
}

// leavesOf gives the digests of a pack's blocks.
func (c *content) leavesOf(pack int) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.leaves[pack]; l != nil {
		return l, nil
	}
	f, err := os.Open(filepath.Join(c.dir, leavesName))
	if err != nil {
		return nil, fmt.Errorf("read the digests of an upload: %w", err)
	}
	defer f.Close()
	l, err := readLeaves(f, pack)
	if err != nil {
		return nil, err
	}
	if !c.known(pack, l) {
		return nil, fmt.Errorf("the digests of pack %d are not there", pack)
	}
	if len(c.leaves) == mostLeaves {
		clear(c.leaves)
	}
	c.leaves[pack] = l
	return l, nil
}

// fetch brings a pack into the cache, as long as there is hope: a bucket that does not answer is asked again and again
// for a while.
func (c *content) fetch(ctx context.Context, pack int) error {
	ctx, cancel := context.WithTimeout(ctx, c.k.patience)
	defer cancel()
	defer context.AfterFunc(c.k.life, cancel)()
	for try := 0; ; try++ {
		if err := c.knownBad(pack); err != nil {
			return err
		}
		err := c.fill(ctx, pack)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, blockcache.ErrWrong), errors.Is(err, bucket.ErrOther):
			return c.isBad(pack, errBad{listed.ErrOther})
		case errors.Is(err, bucket.ErrGone):
			if c.k.there(ctx) {
				return c.isBad(pack, errBad{fs.ErrNotExist})
			}
			err = errors.New("the bucket is not the one that files were written to: its mark is missing")
		}
		if wait := bucket.Pause(ctx, retryPause<<min(try, 5)); wait != nil {
			return err
		}
	}
}

const (
	retryPause = 200 * time.Millisecond // which doubles
	fillPause  = 100 * time.Millisecond // within one try
)

func (c *content) knownBad(pack int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b, known := c.bad[pack]; known && c.k.cfg.Now().Before(b.until) {
		return b.err
	}
	return nil
}

// isBad remembers for a while that a pack is not what was written: each file that has a part of it asks.
func (c *content) isBad(pack int, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bad[pack] = badPack{err, c.k.cfg.Now().Add(badFor)}
	return err
}

// fill fetches what is not in the cache of a pack.
func (c *content) fill(ctx context.Context, pack int) error {
	leaves, err := c.leavesOf(pack)
	if err != nil {
		return err
	}
	select {
	case c.k.gets <- struct{}{}:
		defer func() { <-c.k.gets }()
	case <-ctx.Done():
		return ctx.Err()
	}
	first := pack * blocksOfPack
	blocks := make([]blockcache.Block, 0, blocksOfPack)
	for at, left := 0, c.packLength(pack); left > 0; at++ {
		n := min(left, protocol.BlockSize)
		left -= n
		blocks = append(blocks, blockcache.Block{
			Number: protocol.BlockNumber(first + at), Digest: leaf(leaves, at), Length: n,
		})
	}
	_, err = c.k.cfg.Cache.Fill(ctx, blockcache.Filling{
		Blocks: blocks, Get: c.get, InFlight: 1,
		Passing: func(err error) bool { return !errors.Is(err, bucket.ErrGone) && !errors.Is(err, bucket.ErrOther) },
		Pause:   func(ctx context.Context, try int) error { return bucket.Pause(ctx, time.Duration(try)*fillPause) },
	})
	return err
}

// get reads blocks of one pack. Behind one that is wrong others may be right.
func (c *content) get(ctx context.Context, r protocol.Range, put func(protocol.BlockNumber, []byte) error) error {
	first := int(r.First)
	pack := first / blocksOfPack
	begin := uint64(first) * protocol.BlockSize
	end := min(uint64(r.End())*protocol.BlockSize, c.bytes)
	in := int64(begin - uint64(pack)*packBytes)
	body, err := c.k.cfg.Bucket.Get(ctx, keyOf(c.id, pack), in, int64(end-begin), int64(c.packLength(pack)))
	if err != nil {
		return err
	}
	defer body.Close()
	buf := make([]byte, protocol.BlockSize)
	var wrong error
	for n := first; n < int(r.End()); n++ {
		data := buf[:c.blockLength(n)]
		if _, err := io.ReadFull(body, data); err != nil {
			return err
		}
		switch err := put(protocol.BlockNumber(n), data); {
		case errors.Is(err, blockcache.ErrWrong):
			wrong = err
		case err != nil:
			return err
		}
	}
	return wrong
}

// fetchAhead fetches the packs behind one that was read, if they are read one after another.
func (c *content) fetchAhead(pack int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.moved(pack) {
		return
	}
	for next := pack + 1; next <= pack+packsAhead && next < c.packs(); next++ {
		if c.ahead[next] {
			continue
		}
		c.ahead[next] = c.k.background(func() {
			if !c.cached(next) {
				_ = c.fetch(c.k.life, next) // whoever needs it asks again, and hears why not
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.ahead, next)
		})
	}
}

// moved says whether somebody who reads one pack after another has come to this one; the lock is held.
func (c *content) moved(pack int) bool {
	at := slices.IndexFunc(c.cursors, func(x cursor) bool { return pack >= x.pack-1 && pack <= x.pack+1 })
	if at < 0 {
		c.cursors = append(c.cursors, cursor{pack})
		if len(c.cursors) > mostCursors {
			c.cursors = slices.Delete(c.cursors, 0, 1)
		}
		return pack == 0
	}
	if c.cursors[at].pack >= pack {
		return false
	}
	c.cursors = append(slices.Delete(c.cursors, at, at+1), cursor{pack})
	return true
}

// cached says whether a pack seems to be in the cache.
func (c *content) cached(pack int) bool {
	leaves, err := c.leavesOf(pack)
	if err != nil {
		return false
	}
	last := (c.packLength(pack) - 1) / protocol.BlockSize
	return c.k.cfg.Cache.Has(leaf(leaves, 0)) && c.k.cfg.Cache.Has(leaf(leaves, last))
}
