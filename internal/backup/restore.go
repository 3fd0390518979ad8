package backup

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/disk"
	"github.com/groupcast/groupcast/internal/durable"
)

// restoredMark is the file by which a start knows that it is the first one after Restore.
const restoredMark = "restored"

// JustRestored says that no server has started in the folder HOME/server since Restore filled it.
func JustRestored(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, restoredMark))
	return err == nil
}

// Started takes the mark away: what a restore asks of the next start is done, and kept.
func Started(dir string) error { return os.Remove(filepath.Join(dir, restoredMark)) }

// Restore fills the folder HOME/server of a server that does not run from a backup. whole says of
// the folder where it is unpacked whether it is one: what is not changes nothing. The next start
// moves the counters ahead and sends nothing until the memberships are confirmed.
func Restore(dir string, r io.Reader, force bool, whole func(folder string) error) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	if info, err := os.Stat(filepath.Join(dir, database)); err == nil && info.Size() > 0 && !force {
		return groupcast.Errorf(groupcast.EConflict, "%s holds a server already", dir).
			WithHint("restore into another --home, or use --force to replace it")
	}
	if err := fits(dir, r); err != nil {
		return err
	}
	// All of it is unpacked and looked at before anything that is there goes.
	fresh, err := os.MkdirTemp(dir, unpacking)
	if err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	root, err := os.OpenRoot(fresh)
	if err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	err = errors.Join(unpack(root, tar.NewReader(r)), root.Close())
	err = disk.InWords(err)
	if err == nil {
		err = whole(fresh)
	}
	if err == nil {
		err = replace(dir, fresh)
	}
	if removed := os.RemoveAll(fresh); err == nil {
		err = removed
	}
	return err
}

// fits says in words why a backup that is a file cannot be unpacked beside what is there.
func fits(dir string, r io.Reader) error {
	f, isFile := r.(*os.File)
	if !isFile {
		return nil
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil // a pipe: the disk says when it is full
	}
	return disk.Fits(dir, uint64(info.Size()))
}

// replace puts what was unpacked in the place of what was there. The mark comes first: if it
// stops in the middle, the next start still sends nothing.
func replace(dir, fresh string) error {
	when := []byte(time.Now().UTC().Format(time.RFC3339))
	if err := durable.WriteFile(filepath.Join(dir, restoredMark), when); err != nil {
		return err
	}
	old := append([]string{database, database + "-wal", database + "-shm"}, contentFolders...)
	for _, name := range append(old, keyFiles...) {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("clearing the way for a restore: %w", err)
		}
	}
	found, err := os.ReadDir(fresh)
	if err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	for _, f := range found {
		if err := os.Rename(filepath.Join(fresh, f.Name()), filepath.Join(dir, f.Name())); err != nil {
			return fmt.Errorf("restoring %s: %w", f.Name(), err)
		}
	}
	return durable.SyncFolder(dir)
}

func unpack(root *os.Root, t *tar.Reader) error {
	found := map[string]bool{}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return notABackup(err)
		}
		if err := unpackOne(root, t, h); err != nil {
			return err
		}
		found[h.Name] = true
	}
	if !found[database] || !found["ca.key"] {
		return groupcast.Errorf(groupcast.EInvalid, "the backup is incomplete: the database or the CA's key is missing").
			WithHint("use another backup")
	}
	return nil
}

func unpackOne(root *os.Root, t *tar.Reader, h *tar.Header) error {
	folder, _, nested := strings.Cut(h.Name, "/")
	known := h.Name == notice || h.Name == database || slices.Contains(keyFiles, h.Name) ||
		(nested && slices.Contains(contentFolders, folder))
	if !known || h.Typeflag != tar.TypeReg || !filepath.IsLocal(filepath.FromSlash(h.Name)) {
		return groupcast.Errorf(groupcast.EInvalid, "the backup holds %q, which no backup of groupcast does", h.Name)
	}
	if h.Name == notice {
		return nil
	}
	if nested {
		if err := root.MkdirAll(path.Dir(h.Name), 0o700); err != nil {
			return fmt.Errorf("restoring %s: %w", h.Name, err)
		}
	}
	f, err := root.OpenFile(h.Name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("restoring %s: %w", h.Name, err)
	}
	if _, err = io.Copy(f, t); errors.Is(err, io.ErrUnexpectedEOF) {
		err = notABackup(err)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// notABackup is for a file that is something else, or was cut short.
func notABackup(err error) error {
	return groupcast.Errorf(groupcast.EInvalid,
		"this is not a backup of groupcast, or it is damaged or cut short; nothing was changed").
		WithHint("use another backup").Wrap(err)
}
