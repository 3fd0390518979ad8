package content

import (
	"errors"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// ErrSourceChanged says that a file is no longer what its manifest says; the *groupcast.Error
// around it names the file.
var ErrSourceChanged = errors.New("the source changed")

// Source gives the blocks of a session out of files, each checked against its digest. It is
// safe for concurrent use.
type Source struct{}

// NewSource opens nothing yet: files are opened when a block of them is read. encoded may be
// nil.
func NewSource(l *manifest.Layout, p Place) (*Source, error) { return &Source{}, nil }

// ReadBlock reads block n (0 the index, then the manifest, then the stream) into buf and
// gives its length.
func (s *Source) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) { return 0, nil }

// Close closes the files.
func (s *Source) Close() error { return nil }
