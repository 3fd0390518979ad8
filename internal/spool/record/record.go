// Package record is what a receiver notes of its deliveries: what became of each entry, and what was delivered to a
// path before.
package record

import (
	"context"
	"io/fs"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// Delivered is what the ledger remembers of a path, as it was delivered.
type Delivered struct {
	Transfer protocol.TransferNo
	Digest   protocol.Digest
	BLAKE3   bool // the digest is that of format 2
	Size     uint64
	MTime    time.Time // as the file system keeps it
	Name     string    // where it lies below DIR/GROUP, if under another name than the path
	Former   Former    // what lay under the path itself before
}

// Former is what was delivered last under a path itself, while the newest delivery has another name;
// zero: nothing was, or the newest delivery has its own name.
type Former struct {
	Digest protocol.Digest
	Size   uint64
}

// After is what a ledger keeps as Former with a delivery that has name ("" or the path: its own), if
// before is what it knew of the path.
func (before Delivered) After(path, name string) Former {
	switch {
	case name == "" || name == path:
		return Former{}
	case before.Name == "" || before.Name == path:
		return Former{before.Digest, before.Size}
	}
	return before.Former
}

// Ledger remembers what this server delivered to this group (security.md O3, R4). The spool
// reads it, and Commit writes its outcomes into it.
type Ledger interface {
	// Lookup gives the entry of a path (the manifest's name); false if there is none.
	Lookup(path string) (Delivered, bool, error)
	// LookupAll gives the entries of those paths that have one.
	LookupAll(paths []string) (map[string]Delivered, error)
	// Each shows everything that was delivered, in any order. The ledger is not asked for anything else meanwhile.
	Each(ctx context.Context, show func(path string, d Delivered) error) error
	// Record stores outcomes of one batch durably before Commit continues. Those that are
	// Committed, KeptBoth, or AlreadyHad and not Foreign lie there as delivered; of entries
	// with another outcome Lookup keeps returning what it returned before.
	Record(batch []Outcome) error
}

// Result is what became of one entry.
type Result uint8

// The results.
const (
	Committed  Result = iota + 1 // under its name
	KeptBoth                     // under another name: what lay there is not ours or was edited
	AlreadyHad                   // what lies there is the same
	Superseded                   // a newer transfer wrote this path
	Rejected                     // cannot be held: Reason
	Void                         // its source did not have it to the end: nobody gets it
)

// Outcome is what became of one entry of the manifest.
type Outcome struct {
	File     int // index in the manifest
	Path     string
	Kind     manifest.Kind
	Result   Result
	Name     string        // where it lies, below DIR/GROUP
	Foreign  bool          // a folder that was there before and is not groupcast's
	Reason   string        // in words, for KeptBoth and Rejected
	Cause    trouble.Cause // of Rejected and KeptBoth
	Transfer protocol.TransferNo
	Digest   protocol.Digest // SHA-256 or, in format 2, BLAKE3; of a symlink SHA-256 of its target
	BLAKE3   bool
	Size     uint64
	MTime    time.Time
	Mode     fs.FileMode
}
