package content

import (
	"io"

	"github.com/groupcast/groupcast/internal/manifest"
)

// Uploads is the folder that keeps uploads: one folder each, with its entries and content.
type Uploads struct{}

// UploadLimits bound what lies there unfinished.
type UploadLimits struct {
	MaxBytes uint64 // declared by all unfinished uploads together
	MaxOpen  int    // unfinished uploads
}

// OpenUploads opens the folder dir (made if need be).
func OpenUploads(dir string, l UploadLimits) (*Uploads, error) { return &Uploads{}, nil }

// Create declares an upload's entries (Kind, Path, Mode, MTime, Size, Target) and makes its
// folder; id is the caller's.
func (u *Uploads) Create(id string, entries []manifest.File) error { return nil }

// Entries gives the entries as declared.
func (u *Uploads) Entries(id string) ([]manifest.File, error) { return nil, nil }

// Have gives how many bytes of each entry are there, in the order of Entries.
func (u *Uploads) Have(id string) ([]uint64, error) { return nil, nil }

// Write appends to one file from offset on, which must be what is there (EConflict
// otherwise). It gives how many bytes are there afterwards, also with an error.
func (u *Uploads) Write(id, path string, offset uint64, r io.Reader) (uint64, error) {
	return 0, nil
}

// Complete checks that every byte is there, makes everything durable, and gives the tree to
// Build.
func (u *Uploads) Complete(id string) (*Tree, error) { return &Tree{}, nil }

// Remove deletes an upload, finished or not.
func (u *Uploads) Remove(id string) error { return nil }

// List gives the IDs of what is there, for the caller to expire.
func (u *Uploads) List() ([]string, error) { return nil, nil }
