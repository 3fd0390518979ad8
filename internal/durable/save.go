package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/groupcast/groupcast"
)

// abandoned is the age from which on a partly written file is a leftover.
const abandoned = time.Hour

// Save writes a new private file, whole or not at all. Where the system can, it has no name
// before it is whole: then not even a kill leaves anything behind.
func Save(path string, from io.Reader) (int64, error) {
	sweepParts(path)
	f, name, err := unnamed(path)
	if err != nil {
		f, err = os.CreateTemp(filepath.Dir(path), partName(path)) // mode 0600
		if err != nil {
			return 0, groupcast.Errorf(groupcast.EInvalid, "cannot write %s", path).WithHint("check folder and permissions").
				Wrap(err)
		}
		name = func() error { return os.Rename(f.Name(), path) }
		defer func() { _ = os.Remove(f.Name()) }() // it is gone already if it was renamed
	}
	n, err := io.Copy(f, from)
	err = errors.Join(err, f.Sync())
	if err == nil {
		err = name()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return n, fmt.Errorf("write %s: %w", path, err)
	}
	return n, nil
}

// partName is the pattern of names of half-written files.
func partName(path string) string { return "." + filepath.Base(path) + ".*.part" }

// sweepParts removes what an earlier run that was killed left of the same file.
func sweepParts(path string) {
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), partName(path)))
	if err != nil {
		return
	}
	for _, part := range left {
		if info, err := os.Lstat(part); err == nil && time.Since(info.ModTime()) > abandoned {
			_ = os.Remove(part) // what cannot be removed is in nobody's way
		}
	}
}
