// Package blockcache keeps blocks that were fetched from afar on a disk: for a relay those of a server, bounded in
// bytes, unreadable without a key that never is on that disk, and compared with their digest each time they are read.
//
// There is no index on the disk. A block is a file under the HMAC of its digest, with its length in the name: one that
// was not written to its end is not as long as it says, and one that was damaged does not open. Either is as good as
// absent, and is fetched again; so nothing is synced, and nothing has to be repaired after a crash.
package blockcache

import (
	"container/list"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// Errors of a cache.
var (
	ErrMissing = errors.New("the block is not in the cache")
	ErrFull    = errors.New("the cache is full of blocks that are in use")
	ErrWrong   = errors.New("the block is another than its digest says")
)

// TooSmallError says that what is in use at once does not fit into the cache.
type TooSmallError struct{ Needs, Quota uint64 }

func (e *TooSmallError) Error() string {
	return fmt.Sprintf("the cache is too small: it may use %d bytes, and %d are needed at once", e.Quota, e.Needs)
}

// Config says what Open makes a cache of.
type Config struct {
	FS    diskfs.FS                          // a folder of its own
	Quota uint64                             // bytes on the disk
	Sum   func(block []byte) protocol.Digest // what blocks are known by
	Now   func() time.Time
}

// Status is what a cache holds and what happened to it.
type Status struct {
	Blocks  int
	Bytes   uint64 // on the disk
	Held    uint64 // of Bytes, or yet to come: in use
	Evicted uint64 // blocks
	Spoiled uint64 // blocks that were damaged on the disk
}

// Cache is safe for concurrent use.
type Cache struct {
	cfg Config

	mu      sync.Mutex // never held while the disk is asked
	blocks  map[name]*entry
	idle    *list.List // of *entry that may be evicted, the last used in front
	used    uint64     // bytes, of blocks that are being written or removed, too
	held    map[name]*holding
	inUse   uint64                 // bytes of held
	claims  map[name]chan struct{} // blocks that are being fetched
	evicted uint64
	spoiled uint64

	underWay int        // blocks that are read, written or removed at this moment
	changed  *sync.Cond // one of them is done
}

// entry is a block on the disk.
type entry struct {
	name    name
	length  int // of the block
	readers int
	busy    chan struct{} // while the file is written or removed; then closed
	at      *list.Element // in idle; nil: held or busy
}

// holding is how often a block is in use, which need not be there.
type holding struct {
	times int
	cost  uint64
}

// sector is what a file takes at least, and in steps of which.
const sector = 4096

// cost is what a block takes on the disk.
func cost(length int) uint64 { return (uint64(length) + sealing + sector - 1) / sector * sector }

// Open finds what is in the folder. What was not written to its end is removed, and so is what exceeds the quota.
func Open(cfg Config) (*Cache, error) {
	c := &Cache{
		cfg: cfg, blocks: map[name]*entry{}, idle: list.New(), held: map[name]*holding{},
		claims: map[name]chan struct{}{},
	}
	c.changed = sync.NewCond(&c.mu)
	found, err := c.find()
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b lying) int { return a.mtime.Compare(b.mtime) })
	for _, f := range found {
		e := &entry{name: f.name, length: f.length}
		e.at = c.idle.PushFront(e)
		c.blocks[f.name] = e
		c.used += cost(f.length)
	}
	if err := c.makeRoom(0); err != nil {
		return nil, err
	}
	c.underWay = 0
	return c, nil
}

// lying is a file that was found.
type lying struct {
	name   name
	length int
	mtime  time.Time
}

// find lists the blocks that lie whole in the folders, and makes the folders.
func (c *Cache) find() (all []lying, err error) {
	for at := range folders {
		folder := folderName(at)
		is, err := diskfs.Folder(c.cfg.FS, folder, 0o700)
		if err == nil && !is {
			err = fmt.Errorf("%s is in the way: it is no folder", folder)
		}
		if err != nil {
			return nil, fmt.Errorf("open the cache: %w", err)
		}
		files, err := c.cfg.FS.Readdir(folder)
		if err != nil {
			return nil, fmt.Errorf("open the cache: %w", err)
		}
		seen := map[name]bool{}
		for _, f := range files {
			n, length, ok := parseFile(f.Name())
			if !ok || n.folder() != at {
				continue // somebody else's: it stays
			}
			info, err := f.Info()
			if err != nil {
				return nil, fmt.Errorf("open the cache: %w", err)
			}
			if seen[n] || !info.Mode().IsRegular() || info.Size() != int64(length)+sealing {
				if err := c.cfg.FS.Remove(path.Join(folder, f.Name())); err != nil {
					return nil, fmt.Errorf("open the cache: %w", err)
				}
				continue
			}
			seen[n] = true
			all = append(all, lying{n, length, info.ModTime()})
		}
	}
	return all, nil
}

// Status says what the cache holds.
func (c *Cache) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Status{
		Blocks: len(c.blocks), Bytes: c.used, Held: c.inUse, Evicted: c.evicted, Spoiled: c.spoiled,
	}
}

// makeRoom evicts what was not used for longest until so much more fits, and takes it for a block that is about to be
// written. Whatever is only busy at this moment is waited for.
func (c *Cache) makeRoom(more uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.used+more > c.cfg.Quota {
		err := c.evict()
		if errors.Is(err, ErrFull) && c.underWay > 0 {
			c.changed.Wait()
			continue
		}
		if err != nil {
			return err
		}
	}
	c.used += more
	c.underWay++
	return nil
}

// done says that a block is not read, written or removed any more; the lock is held.
func (c *Cache) done() {
	c.underWay--
	c.changed.Broadcast()
}

// evict removes a block. The lock is held, and let go while the disk works.
func (c *Cache) evict() error {
	for at := c.idle.Back(); at != nil; at = at.Prev() {
		if e := at.Value.(*entry); e.readers == 0 {
			c.evicted++
			return c.remove(e)
		}
	}
	return ErrFull
}

// remove removes a block that nobody reads. The lock is held, and let go while the disk works.
func (c *Cache) remove(e *entry) error {
	e.busy = make(chan struct{})
	c.rest(e)
	c.underWay++
	c.mu.Unlock()
	err := c.cfg.FS.Remove(e.file())
	c.mu.Lock()
	c.done()
	close(e.busy)
	e.busy = nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.settle(e) // it still takes its room
		return fmt.Errorf("remove a block from the cache: %w", err)
	}
	delete(c.blocks, e.name)
	c.used -= cost(e.length)
	return nil
}

// settle puts a block where it can be evicted, unless it is in use; rest takes it away from there.
func (c *Cache) settle(e *entry) {
	if c.held[e.name] == nil && e.at == nil {
		e.at = c.idle.PushFront(e)
	}
}

func (c *Cache) rest(e *entry) {
	if e.at != nil {
		c.idle.Remove(e.at)
		e.at = nil
	}
}

// touched notes that a block was used.
func (c *Cache) touched(e *entry) {
	if e.at != nil {
		c.idle.MoveToFront(e.at)
	}
}

// write puts a new block's file there. Its room is taken already.
func (c *Cache) write(e *entry, sealed []byte) error {
	err := c.create(e.file(), sealed)
	if err != nil && full(err) { // others use the disk, too
		if room := c.shrink(); room == nil {
			err = c.create(e.file(), sealed)
		}
	}
	if err != nil {
		return fmt.Errorf("write a block into the cache: %w", err)
	}
	return nil
}

// create writes a whole file. What lies there already is what a crash or a failed removal left.
func (c *Cache) create(file string, sealed []byte) error {
	_, err := c.cfg.FS.CreateWhole(file, sealed, 0o600, c.cfg.Now())
	if errors.Is(err, fs.ErrExist) {
		if err = c.cfg.FS.Remove(file); err == nil {
			_, err = c.cfg.FS.CreateWhole(file, sealed, 0o600, c.cfg.Now())
		}
	}
	if err != nil {
		_ = c.cfg.FS.Remove(file) // half of it, if anything: it is not as long as it says
	}
	return err
}

func full(err error) bool {
	kind := trouble.KindOf(err)
	return kind == trouble.DiskSpace || kind == trouble.DiskQuota
}

// shrinkBy is how many blocks make room when the disk is full before the quota is.
const shrinkBy = 16

func (c *Cache) shrink() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := range shrinkBy {
		if err := c.evict(); err != nil {
			if n > 0 && errors.Is(err, ErrFull) {
				return nil
			}
			return err
		}
	}
	return nil
}
