package content

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"
)

// ownAge is how long what was found in groupcast's own folders counts.
const ownAge = 10 * time.Second

// Own are the folders that groupcast keeps its own files in, with its keys: nothing of them may be
// sent, by whatever name, path, mount or hard link it is reached (security.md C11). They are held
// open, so that they stay the same ones when they are renamed. It is safe for concurrent use.
type Own struct {
	roots []*os.Root

	mu    sync.Mutex
	at    time.Time // of the last look
	found identities
}

// OpenOwn holds folders open.
func OpenOwn(folders ...string) (*Own, error) {
	o := &Own{}
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
func (o *Own) Close() error {
	var errs []error
	for _, r := range o.roots {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// Has says whether something is one of groupcast's own files or folders, as they were found a
// moment ago.
func (o *Own) Has(info fs.FileInfo) (bool, error) {
	if o == nil {
		return false, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.at) > ownAge {
		if err := o.look(); err != nil {
			return false, err
		}
	}
	return o.found.has(info), nil
}

// Look finds the files as they are now.
func (o *Own) Look() error {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.look()
}

func (o *Own) look() error {
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
