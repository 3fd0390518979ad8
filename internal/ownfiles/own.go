// Package ownfiles knows which files and folders groupcast keeps for itself: nothing of them may be sent, by whatever
// name, path, mount or hard link it is reached (security.md C11).
package ownfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"
)

// lookAge is how long what was found in groupcast's own folders counts.
const lookAge = 10 * time.Second

// Folders are those that groupcast keeps its own files in, with its keys. They are held open, so that they stay the
// same ones when they are renamed. They are safe for concurrent use.
type Folders struct {
	roots []*os.Root

	mu    sync.Mutex
	at    time.Time // of the last look
	found identities
}

// Open holds folders open.
func Open(folders ...string) (*Folders, error) {
	o := &Folders{}
	for _, dir := range folders {
		r, err := os.OpenRoot(dir)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open a folder that may not be sent: %w", err), o.Close())
		}
		o.roots = append(o.roots, r)
	}
	return o, nil
}

// Close lets the folders go.
func (o *Folders) Close() error {
	var errs []error
	for _, r := range o.roots {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// Has says whether something is one of groupcast's own files or folders, as they were found a
// moment ago.
func (o *Folders) Has(info fs.FileInfo) (bool, error) {
	if o == nil {
		return false, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.at) > lookAge {
		if err := o.look(); err != nil {
			return false, err
		}
	}
	return o.found.has(info), nil
}

// Look finds the files as they are now.
func (o *Folders) Look() error {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.look()
}

func (o *Folders) look() error {
	found := identities{}
	for _, r := range o.roots {
		if err := collect(r, &found); err != nil {
			return fmt.Errorf("look through a folder that may not be sent: %w", err)
		}
	}
	o.found, o.at = found, time.Now()
	return nil
}

// collect adds everything in a folder, and the files that links in it point to. Files that disappear
// meanwhile are ignored. Any other error is returned: without the whole list nothing is certain.
func collect(r *os.Root, found *identities) error {
	return fs.WalkDir(r.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil {
			info, err = d.Info()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		found.add(info)
		if info.Mode()&fs.ModeSymlink == 0 {
			return nil
		}
		if target, err := os.Stat(path.Join(r.Name(), name)); err == nil && target.Mode().IsRegular() {
			found.add(target)
		}
		return nil
	})
}
