package content

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/ownfiles"
	"github.com/groupcast/groupcast/internal/stored"
)

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// cannotRead says in words why a file or folder cannot be read.
func cannotRead(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return groupcast.Errorf(groupcast.ENotFound, "no such file or folder: %s", name).WithHint("check the path").Wrap(err)
	case errors.Is(err, fs.ErrPermission):
		return groupcast.Errorf(groupcast.EForbidden, "no permission to read %s", name).
			WithHint("let the user that runs the server read it").Wrap(err)
	}
	return groupcast.Errorf(groupcast.EInvalid, "%s cannot be read", name).Wrap(err)
}

// errNotRegular says that what was expected to be a file is something else.
var errNotRegular = listed.ErrNotRegular

// errOwn says that what was expected to be a file to send is one of groupcast's own files.
var errOwn = errors.New("it is another name of one of groupcast's own files, which nobody may send")

// Permits says whether a file may be read there to be sent: it may have become another name of one
// of groupcast's own since it was found.
func (p Place) Permits(info fs.FileInfo) error {
	if p.own == nil || !ownfiles.Linked(info) {
		return nil
	}
	own, err := p.own.Has(info)
	if err == nil && own {
		err = errOwn
	}
	return err
}

// OpenRegular opens a regular file and nothing else: a FIFO must not block, and links are not followed
// (security.md R2).
func OpenRegular(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	before, err := root.Lstat(name)
	if err != nil {
		return nil, nil, err
	}
	return openSeen(root, name, before)
}

// openSeen is OpenRegular for a file that was just looked at.
func openSeen(root *os.Root, name string, before fs.FileInfo) (*os.File, fs.FileInfo, error) {
	if !before.Mode().IsRegular() {
		return nil, nil, errNotRegular
	}
	f, err := root.OpenFile(name, os.O_RDONLY|Nonblock, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || !os.SameFile(before, info)) {
		err = errNotRegular
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// maxOpenFiles bounds the files that a Source keeps open.
const maxOpenFiles = 64

// opened are the open files of a place: at most maxOpenFiles besides those in use. It is
// safe for concurrent use.
type opened struct {
	place Place
	files []manifest.File

	mu    sync.Mutex
	roots map[string]*os.Root // by Base
	open  map[int]*handle
	clock uint64
}

type handle struct {
	stored.File
	info  fs.FileInfo // as it was when it was opened
	users int
	used  uint64
}

func newOpened(files []manifest.File, p Place) *opened {
	return &opened{place: p, files: files, roots: make(map[string]*os.Root), open: make(map[int]*handle)}
}

// take gives an open file, for release.
func (o *opened) take(i int) (*handle, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clock++
	h := o.open[i]
	if h == nil {
		f, info, err := o.openFile(o.files[i].Path)
		if err != nil {
			return nil, err
		}
		o.evict()
		h = &handle{File: f, info: info}
		o.open[i] = h
	}
	h.users++
	h.used = o.clock
	return h, nil
}

// openFile opens a file that may be read.
func (o *opened) openFile(path string) (stored.File, fs.FileInfo, error) {
	if o.place.files != nil {
		return o.place.files.Open(context.Background(), path)
	}
	root, name, err := o.locate(path)
	if err != nil {
		return nil, nil, err
	}
	f, info, err := OpenRegular(root, name)
	if err != nil {
		return nil, nil, err
	}
	if err := o.place.Permits(info); err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func (o *opened) release(h *handle) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h.users--
}

// evict closes the file that was not used for longest.
func (o *opened) evict() {
	if len(o.open) < maxOpenFiles {
		return
	}
	oldest := -1
	for i, h := range o.open {
		if h.users == 0 && (oldest < 0 || h.used < o.open[oldest].used) {
			oldest = i
		}
	}
	if oldest >= 0 {
		o.open[oldest].Close() // read only: nothing can be lost
		delete(o.open, oldest)
	}
}

// forget closes a file that is no longer needed or no longer what it was.
func (o *opened) forget(i int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if h := o.open[i]; h != nil && h.users == 0 {
		h.Close()
		delete(o.open, i)
	}
}

// locate returns the root of an entry and its name below it.
func (o *opened) locate(entry string) (*os.Root, string, error) {
	r, name, found := o.place.rootOf(entry)
	if !found {
		return nil, "", fmt.Errorf("no folder is known for %q", entry)
	}
	root := o.roots[r.Base]
	if root == nil {
		var err error
		if root, err = os.OpenRoot(r.Base); err != nil {
			return nil, "", err
		}
		o.roots[r.Base] = root
	}
	return root, name, nil
}

func (o *opened) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var errs []error
	for i, h := range o.open {
		errs = append(errs, h.Close())
		delete(o.open, i)
	}
	for base, r := range o.roots {
		errs = append(errs, r.Close())
		delete(o.roots, base)
	}
	return errors.Join(errs...)
}
