// Package backup writes what a server is into a tar, while it runs, and fills a home from one: the
// database, the keys and on demand the content.
package backup

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
)

// What a backup holds, in this order. db.sqlite is a copy made by the database itself.
const (
	notice   = "README"
	database = "db.sqlite"
)

// The temporary folders in HOME/server begin with these.
const (
	copying   = ".backup-"
	unpacking = ".restore-"
)

// Leftovers are the patterns of what remains in HOME/server of a backup or a restore that was killed.
func Leftovers() []string { return []string{copying + "*", unpacking + "*"} }

// keyFiles are the server's identity in HOME/server.
var keyFiles = []string{"ca.pem", "ca.key", "sign.pem", "sign.key", "tls.pem", "tls.key"}

// contentFolders hold uploaded files.
var contentFolders = []string{"content", "uploads"}

const noticeText = `This is a backup of a groupcast server. It holds the server's CA and signing keys and its
accounts: whoever has it can be this server. Keep it where only administrators can read it.
`

// Server is what a backup is made of.
type Server struct {
	Dir   string                                       // HOME/server
	Copy  func(ctx context.Context, path string) error // makes a copy of the database that runs
	Holds func(bytes uint64) error                     // says why the disk has no room for it
	Now   func() time.Time
}

// Open begins a backup: a tar of database and keys, and on demand of the content. The database is copied
// by now.
func (s Server) Open(ctx context.Context, o groupcast.BackupOptions) (io.ReadCloser, error) {
	if info, err := os.Stat(filepath.Join(s.Dir, database)); err == nil {
		if err := s.Holds(uint64(info.Size())); err != nil {
			return nil, err
		}
	}
	temp, err := os.MkdirTemp(s.Dir, copying)
	if err != nil {
		return nil, fmt.Errorf("making room for a backup: %w", err)
	}
	copied := filepath.Join(temp, database)
	if err := s.Copy(ctx, copied); err != nil {
		return nil, errors.Join(err, os.RemoveAll(temp))
	}
	r, w := io.Pipe()
	b := &stream{PipeReader: r, temp: temp}
	b.writing.Go(func() { w.CloseWithError(s.write(w, copied, o)) })
	return b, nil
}

// stream is a backup being read; closing it ends the writer and removes the copy.
type stream struct {
	*io.PipeReader
	temp    string
	writing sync.WaitGroup
}

func (b *stream) Close() error {
	err := b.PipeReader.Close()
	b.writing.Wait()
	return errors.Join(err, os.RemoveAll(b.temp))
}

func (s Server) write(w io.Writer, copied string, o groupcast.BackupOptions) error {
	t := tar.NewWriter(w)
	readme := &tar.Header{Name: notice, Mode: 0o600, Size: int64(len(noticeText)), ModTime: s.Now()}
	if err := t.WriteHeader(readme); err != nil {
		return err
	}
	if _, err := io.WriteString(t, noticeText); err != nil {
		return err
	}
	if err := addFile(t, copied, database); err != nil {
		return err
	}
	for _, name := range keyFiles {
		err := addFile(t, filepath.Join(s.Dir, name), name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if o.Content {
		for _, folder := range contentFolders {
			if err := addFolder(t, s.Dir, folder); err != nil {
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
