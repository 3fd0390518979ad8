package diskfs

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// maxOpen bounds the folders that stay open.
const maxOpen = 16

// folderCache opens folders below a root, one step after another (rule R2): what Lstat calls
// a folder is opened, and must be the same one. It keeps the last ones open: what is held is
// a folder that was reached without a link, whatever has its name meanwhile. It is safe for
// concurrent use.
type folderCache struct {
	root *os.Root

	mu    sync.Mutex
	open  map[string]*folder
	clock uint64
}

type folder struct {
	*os.Root
	name  string
	users int
	used  uint64

	once   sync.Once
	self   *os.File // the folder itself, for calls that want a descriptor; opened when it is first asked for
	selfIs error
}

// descriptor gives the folder's own descriptor, valid until it is released.
func (d *folder) descriptor() (int, error) {
	d.once.Do(func() { d.self, d.selfIs = d.Root.Open(".") })
	if d.selfIs != nil {
		return -1, d.selfIs
	}
	return int(d.self.Fd()), nil
}

// close closes a folder that was only looked at: nothing can be lost.
func (d *folder) close() {
	d.once.Do(func() { d.selfIs = os.ErrClosed })
	if d.self != nil {
		d.self.Close()
	}
	d.Root.Close()
}

func newFolderCache(root *os.Root) *folderCache {
	return &folderCache{root: root, open: make(map[string]*folder)}
}

// take gives an open folder, for release; "" and "." are the root.
func (c *folderCache) take(name string) (*folder, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	d := c.open[name]
	if d == nil {
		r, err := c.walk(name)
		if err != nil {
			return nil, err
		}
		c.evict()
		d = &folder{Root: r, name: name}
		c.open[name] = d
	}
	d.users++
	d.used = c.clock
	return d, nil
}

func (c *folderCache) release(d *folder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.users--; d.users == 0 && c.open[d.name] != d {
		d.close() // it was dropped while it was in use
	}
}

// walk opens a folder step by step.
func (c *folderCache) walk(name string) (*os.Root, error) {
	at, err := c.root.OpenRoot(".")
	if err != nil || name == "" || name == "." {
		return at, err
	}
	for step := range strings.SplitSeq(name, "/") {
		next, err := openStep(at, step)
		if err := errors.Join(err, at.Close()); err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

func openStep(at *os.Root, step string) (*os.Root, error) {
	before, err := at.Lstat(step)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, fmt.Errorf("%s is no folder", step)
	}
	next, err := at.OpenRoot(step)
	if err != nil {
		return nil, err
	}
	after, err := next.Stat(".")
	if err == nil && !os.SameFile(before, after) {
		err = fmt.Errorf("%s was replaced while it was opened", step)
	}
	if err != nil {
		return nil, errors.Join(err, next.Close())
	}
	return next, nil
}

// evict drops the folder that was not used for longest.
func (c *folderCache) evict() {
	if len(c.open) < maxOpen {
		return
	}
	var oldest *folder
	for _, d := range c.open {
		if oldest == nil || d.used < oldest.used {
			oldest = d
		}
	}
	c.drop(oldest)
}

func (c *folderCache) drop(d *folder) {
	delete(c.open, d.name)
	if d.users == 0 {
		d.close()
	}
}

// clear drops all folders: names may mean others from now on.
func (c *folderCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.open {
		c.drop(d)
	}
}

// forget drops a folder and those below it: the name is about to mean something else.
func (c *folderCache) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.open {
		if d.name == name || strings.HasPrefix(d.name, name+"/") {
			c.drop(d)
		}
	}
}
