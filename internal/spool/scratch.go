package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/parts"
)

const scratchName = "fetched"

// Scratch is a file for what is looked at before anything of it is kept.
type Scratch = parts.Scratch

// Scratch makes an empty one for a transfer. The caller removes it.
func (s *Spool) Scratch(no protocol.TransferNo) (*Scratch, error) {
	if err := s.folder(s.stagingName(no), 0o700); err != nil {
		return nil, err
	}
	return parts.NewScratch(s.fs, s.stagingName(no)+"/"+scratchName)
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
