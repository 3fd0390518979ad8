package home

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/groupcast/groupcast"
)

// errHeld is what the system says when another process holds a lock.
var errHeld = errors.New("held by another process")

// Lock says that this process is the only one in its role at this home. The system takes it
// back when the process ends, however it ends.
type Lock struct{ file *os.File }

// Lock takes the role's lock, or says which process holds it.
func (h Home) Lock(r Role) (*Lock, error) {
	folder, err := h.Folder(r)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of %s: %w", r.command(), err)
	}
	if err := lockFile(f); err != nil {
		holder := holderOf(f)
		f.Close() // the error is the lock's
		if !errors.Is(err, errHeld) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		return nil, groupcast.Errorf(groupcast.EConflict, "`%s` already runs with the home %s%s", r.command(), h.path,
			holder).
			WithHint("stop it first, or give this one a home of its own: --home DIR")
	}
	if err := sign(f); err != nil {
		f.Close() // which gives the lock back
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &Lock{f}, nil
}

// sign writes who holds the lock, for processes that find it taken.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

func holderOf(f *os.File) string {
	b, err := io.ReadAll(io.LimitReader(io.NewSectionReader(f, 0, 20), 20))
	if err != nil {
		return ""
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}

// Release gives the lock back. The file stays: removing it would let two hold it.
func (l *Lock) Release() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("release lock: %w", err)
	}
	return nil
}
