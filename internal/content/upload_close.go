package content

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/durable"
)

// Files of the folder of uploads itself. wholeName says that everything below was made durable
// when the folder was closed; bootName in which run of the machine it was opened last.
const (
	wholeName = ".whole"
	bootName  = ".boot"
)

var errClosed = groupcast.Errorf(groupcast.EUnavailable, "the server is being stopped").
	WithHint("go on when it is back: nothing that came is lost")

// reopen says whether what was written last is all there: the folder was closed in order, or
// the machine has not been started again since, so that only the program ended.
func (u *Uploads) reopen() (whole bool, err error) {
	mark, boot := filepath.Join(u.dir, wholeName), filepath.Join(u.dir, bootName)
	if err := os.Remove(mark); err == nil {
		whole = true
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("open the folder of uploads: %w", err)
	}
	now := bootID()
	if now == "" {
		return whole, durable.SyncFolder(u.dir)
	}
	last, err := os.ReadFile(boot)
	if err == nil && string(last) == now {
		return true, durable.SyncFolder(u.dir)
	}
	if err := durable.WriteFile(boot, []byte(now)); err != nil {
		// A disk that is full: what comes is then not trusted after the next start.
		return whole, durable.SyncFolder(u.dir)
	}
	return whole, nil
}

// Close ends writing. What came is durable once the last write has ended.
func (u *Uploads) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil
	}
	u.closed = true
	if len(u.busy) > 0 {
		return nil // the last of them does it
	}
	return u.markWhole()
}

// markWhole makes all unfinished uploads durable and says so; the lock is held.
func (u *Uploads) markWhole() error {
	for id := range u.lacks {
		up, err := u.find(id)
		if err != nil {
			return err
		}
		if err := u.bytes(up).Sync(); err != nil {
			return fmt.Errorf("close upload %s: %w", id, err)
		}
	}
	return durable.WriteFile(filepath.Join(u.dir, wholeName), nil)
}
