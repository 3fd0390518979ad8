package content

import (
	"errors"

	"github.com/groupcast/groupcast"
)

// Reserve keeps an upload from going while a transfer is being made of it.
func (l *Library) Reserve(id string) (done func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserved[id]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.reserved[id]--; l.reserved[id] == 0 {
			delete(l.reserved, id)
		}
	}
}

// IsReserved says whether a transfer is being made of an upload.
func (l *Library) IsReserved(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reserved[id] > 0
}

// InUse says whether a transfer is, or is being, made of an upload.
func (l *Library) InUse(id string) (bool, error) {
	if l.IsReserved(id) {
		return true, nil
	}
	used, err := l.UsedUploads()
	return used[id], err
}

// free deletes an upload unless another transfer was made of it, too: the same files to several
// groups are one upload.
func (l *Library) free(id string) error {
	used, err := l.InUse(id)
	if err != nil || used {
		return err
	}
	if err := l.Uploads.Remove(id); groupcast.ErrorCode(err) != groupcast.ENotFound {
		return err
	}
	return nil
}

// ThrowAway deletes a copy that came to nothing, because of cause.
func (l *Library) ThrowAway(id string, cause error) error {
	if id == "" {
		return cause
	}
	if err := l.Uploads.Remove(id); err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		return errors.Join(cause, err)
	}
	return cause
}
