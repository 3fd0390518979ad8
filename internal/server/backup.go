package server

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/disk"
	"github.com/groupcast/groupcast/internal/durable"
)

// What a backup holds, in this order. db.sqlite is a copy made by the database itself.
const (
	backupNotice   = "README"
	backupDatabase = "db.sqlite"
	restoredMark   = "restored"
)

// keyFiles are the server's identity in HOME/server.
var keyFiles = []string{"ca.pem", "ca.key", "sign.pem", "sign.key", "tls.pem", "tls.key"}

// contentFolders hold uploaded files.
var contentFolders = []string{"content", "uploads"}

const noticeText = `This is a backup of a groupcast server. It holds the server's CA and signing keys and its
accounts: whoever has it can be this server. Keep it where only administrators can read it.
`

// Backup streams a tar of database and keys, and on demand of the content.
func (s *Server) Backup(ctx context.Context, p groupcast.Principal, o groupcast.BackupOptions) (io.ReadCloser, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	if info, err := os.Stat(filepath.Join(s.cfg.Dir, backupDatabase)); err == nil {
		if err := s.cfg.Room.Holds(uint64(info.Size())); err != nil {
			return nil, err
		}
	}
	temp, err := os.MkdirTemp(s.cfg.Dir, ".backup-")
	if err != nil {
		return nil, fmt.Errorf("making room for a backup: %w", err)
	}
	copied := filepath.Join(temp, backupDatabase)
	if err := s.store.Backup(ctx, copied); err != nil {
		return nil, errors.Join(err, os.RemoveAll(temp))
	}
	s.audit(ctx, p, "backup", "", "")
	r, w := io.Pipe()
	b := &backupStream{PipeReader: r, temp: temp}
	b.writing.Go(func() { w.CloseWithError(s.writeBackup(w, copied, o)) })
	return b, nil
}

// backupStream is a backup being read; closing it ends the writer and removes the copy.
type backupStream struct {
	*io.PipeReader
	temp    string
	writing sync.WaitGroup
}

func (b *backupStream) Close() error {
	err := b.PipeReader.Close()
	b.writing.Wait()
	return errors.Join(err, os.RemoveAll(b.temp))
}

func (s *Server) writeBackup(w io.Writer, database string, o groupcast.BackupOptions) error {
	t := tar.NewWriter(w)
	notice := &tar.Header{Name: backupNotice, Mode: 0o600, Size: int64(len(noticeText)), ModTime: s.now()}
	if err := t.WriteHeader(notice); err != nil {
		return err
	}
	if _, err := io.WriteString(t, noticeText); err != nil {
		return err
	}
	if err := addFile(t, database, backupDatabase); err != nil {
		return err
	}
	for _, name := range keyFiles {
		err := addFile(t, filepath.Join(s.cfg.Dir, name), name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if o.Content {
		for _, folder := range contentFolders {
			if err := addFolder(t, s.cfg.Dir, folder); err != nil {
				return err
			}
		}
	}
	return t.Close()
}

func addFile(t *tar.Writer, from, name string) error {
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("backing up %s: %w", name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("backing up %s: %w", name, err)
	}
	h := &tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.CopyN(t, f, info.Size())
	return err
}

func addFolder(t *tar.Writer, dir, folder string) error {
	return filepath.WalkDir(filepath.Join(dir, folder), func(at string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		return addFile(t, at, filepath.ToSlash(name))
	})
}

// Restore fills the folder HOME/server of a server that does not run from a backup. whole says of
// the folder where it is unpacked whether it is one: what is not changes nothing. The next start
// moves the counters ahead and sends nothing until the memberships are confirmed.
func Restore(dir string, r io.Reader, force bool, whole func(folder string) error) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	if info, err := os.Stat(filepath.Join(dir, backupDatabase)); err == nil && info.Size() > 0 && !force {
		return groupcast.Errorf(groupcast.EConflict, "%s holds a server already", dir).
			WithHint("restore into another --home, or use --force to replace it")
	}
	if err := fits(dir, r); err != nil {
		return err
	}
	// All of it is unpacked and looked at before anything that is there goes.
	fresh, err := os.MkdirTemp(dir, ".restore-")
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
	if err := durable.WriteFile(filepath.Join(dir, restoredMark), []byte(time.Now().UTC().Format(time.RFC3339))); err != nil {
		return err
	}
	old := append([]string{backupDatabase, backupDatabase + "-wal", backupDatabase + "-shm"}, contentFolders...)
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
	if !found[backupDatabase] || !found["ca.key"] {
		return groupcast.Errorf(groupcast.EInvalid, "the backup is incomplete: the database or the CA's key is missing").WithHint("use another backup")
	}
	return nil
}

func unpackOne(root *os.Root, t *tar.Reader, h *tar.Header) error {
	folder, _, nested := strings.Cut(h.Name, "/")
	known := h.Name == backupNotice || h.Name == backupDatabase || slices.Contains(keyFiles, h.Name) ||
		(nested && slices.Contains(contentFolders, folder))
	if !known || h.Typeflag != tar.TypeReg || !filepath.IsLocal(filepath.FromSlash(h.Name)) {
		return groupcast.Errorf(groupcast.EInvalid, "the backup holds %q, which no backup of groupcast does", h.Name)
	}
	if h.Name == backupNotice {
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
	return groupcast.Errorf(groupcast.EInvalid, "this is not a backup of groupcast, or it is damaged or cut short; nothing was changed").
		WithHint("use another backup").Wrap(err)
}

// finishRestore comes at the first start after Restore (O4): numbers that the lost part of
// the server's life may have used are never used again, and nothing is sent.
func (s *Server) finishRestore(ctx context.Context) error {
	if !s.justRestored() {
		return nil
	}
	offers, transfers, err := s.numbers(ctx)
	if err != nil {
		return err
	}
	s.setBacks.mu.Lock()
	defer s.setBacks.mu.Unlock()
	s.setBacks.pending = &setBack{How: groupcast.SetBackRestored, Offers: offers + far, Transfers: transfers + farTransfers}
	if err := s.keepSetBack(ctx); err != nil {
		return err
	}
	s.audit(ctx, groupcast.Principal{Local: true}, "restore", "", "started from a backup")
	s.log.Warn(errUnconfirmed.Error())
	return os.Remove(filepath.Join(s.cfg.Dir, restoredMark))
}

// justRestored says that this is the first start after Restore.
func (s *Server) justRestored() bool {
	_, err := os.Stat(filepath.Join(s.cfg.Dir, restoredMark))
	return err == nil
}
