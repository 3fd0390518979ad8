package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

const scratchName = "fetched"

// Scratch is a file for a manifest that is looked at before anything of it is kept: it may be as large
// as a manifest can be, and is not believed yet.
type Scratch struct {
	spool *Spool
	name  string
	file  diskfs.File
	size  int64
}

// Scratch makes an empty one for a transfer. The caller removes it.
func (s *Spool) Scratch(no protocol.TransferNo) (*Scratch, error) {
	if err := s.folder(s.stagingName(no), 0o700); err != nil {
		return nil, err
	}
	c := &Scratch{spool: s, name: s.stagingName(no) + "/" + scratchName}
	if err := s.fs.Remove(c.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, diskError(err)
	}
	var err error
	if c.file, err = s.fs.Create(c.name, 0o600); err != nil {
		return nil, diskError(fmt.Errorf("make room for a manifest: %w", err))
	}
	return c, nil
}

// Write appends.
func (c *Scratch) Write(b []byte) (int, error) {
	n, err := c.file.WriteAt(b, c.size)
	c.size += int64(n)
	if err != nil {
		err = diskError(fmt.Errorf("keep a manifest while it comes: %w", err))
	}
	return n, err
}

// Reader reads all of it from the beginning.
func (c *Scratch) Reader() io.Reader { return io.NewSectionReader(c.file, 0, c.size) }

// Remove deletes it.
func (c *Scratch) Remove() error {
	return errors.Join(c.file.Close(), c.spool.fs.Remove(c.name))
}

// OpenManifest is Manifest for one that need not be in memory.
func (s *Spool) OpenManifest(no protocol.TransferNo) (io.ReadCloser, bool, error) {
	f, err := s.fs.Open(s.stagingName(no)+"/"+manifestName, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("open the manifest that is kept: %w", err)
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, 0, protocol.MaxManifestBytes+1), f}, true, nil
}
