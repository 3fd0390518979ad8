package server

import (
	"errors"

	"github.com/groupcast/groupcast"
)

// take keeps an upload from going while a transfer is being made of it.
func (l *library) take(id string) (done func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken[id]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.taken[id]--; l.taken[id] == 0 {
			delete(l.taken, id)
		}
	}
}

func (l *library) isTaken(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken[id] > 0
}

// inUse says whether a transfer is, or is being, made of an upload.
func (l *library) inUse(id string) (bool, error) {
	if l.isTaken(id) {
		return true, nil
	}
	used, err := l.usedUploads()
	return used[id], err
}

// free deletes an upload unless another transfer was made of it, too: the same files to several
// groups are one upload.
func (l *library) free(id string) error {
	used, err := l.inUse(id)
	if err != nil || used {
		return err
	}
	if err := l.uploads.Remove(id); groupcast.ErrorCode(err) != groupcast.ENotFound {
		return err
	}
	return nil
}

// throwAway deletes a copy that came to nothing, because of cause.
func (l *library) throwAway(id string, cause error) error {
	if id == "" {
		return cause
	}
	if err := l.uploads.Remove(id); err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		return errors.Join(cause, err)
	}
	return cause
}
