package spool

import (
	"context"
	"io/fs"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Config says where files go.
type Config struct {
	Dir     string // DIR
	Group   string // files go to DIR/GROUP/path
	GroupID protocol.GroupID
	Server  protocol.ServerID
	Reserve int64  // bytes to leave free: 0 the larger of 1 GiB and 5 %, negative none
	MaxSize uint64 // of a transfer; 0: no limit
	Ledger  Ledger
	FS      FS // nil: the operating system's
}

// Delivered is what the ledger remembers of a path, as it was delivered.
type Delivered struct {
	Transfer protocol.TransferNo
	Digest   protocol.Digest
	Size     uint64
	MTime    time.Time // as the file system keeps it
	Name     string    // where it lies below DIR/GROUP, if under another name than the path
}

// Ledger remembers what this server delivered to this group (security.md O3, R4). The spool
// reads it; whoever calls Commit writes its outcomes into it.
type Ledger interface {
	// Lookup gives the entry of a path (the manifest's name); false if there is none.
	Lookup(path string) (Delivered, bool, error)
	// Record stores outcomes of one batch durably before Commit goes on.
	Record(batch []Outcome) error
}

// Refused says why a transfer or a file cannot be held, in words. Kind is space, names,
// folder or version, as groupcast.Ready has it.
type Refused struct {
	Kind   string
	Reason string
}

func (r *Refused) Error() string { return r.Reason }

// Result is what became of one entry.
type Result uint8

// The results.
const (
	Committed  Result = iota + 1 // under its name
	KeptBoth                     // under another name: what lay there is not ours or was edited
	AlreadyHad                   // what lies there is the same
	Superseded                   // a newer transfer wrote this path
	Rejected                     // cannot be held: Reason
)

// Outcome is what became of one entry of the manifest.
type Outcome struct {
	File     int // index in the manifest
	Path     string
	Kind     manifest.Kind
	Result   Result
	Name     string // where it lies, below DIR/GROUP
	Reason   string // in words, for KeptBoth and Rejected
	Transfer protocol.TransferNo
	Digest   protocol.Digest
	Size     uint64
	MTime    time.Time
	Mode     fs.FileMode
}

// Spool stages and commits the transfers of one server and group.
type Spool struct{}

// Open opens DIR and DIR/GROUP, which are made if need be.
func Open(cfg Config) (*Spool, error) { return &Spool{}, nil }

// Close closes the folders. Stagings must be closed before.
func (s *Spool) Close() error { return nil }

// Manifest gives the manifest bytes that a staging of this transfer kept, if there is one.
// They prove nothing until Layout.WithManifest accepted them.
func (s *Spool) Manifest(no protocol.TransferNo) ([]byte, bool, error) { return nil, false, nil }

// Stagings lists the transfers of this server that have a staging, for the caller to drop.
func (s *Spool) Stagings() ([]protocol.TransferNo, error) { return nil, nil }

// Drop deletes a staging and what it holds.
func (s *Spool) Drop(no protocol.TransferNo) error { return nil }

// Stage opens or resumes the staging of a transfer: it checks names and space, looks up what
// is there already, makes the files and reads the journal. An error is *Refused when the
// device cannot take part.
func (s *Spool) Stage(ctx context.Context, no protocol.TransferNo, layout *manifest.Layout) (*Staging, error) {
	return &Staging{}, nil
}

// Staging is one transfer on its way to the disk. WriteBlock, ReadBlock, Sync and Has are
// safe for concurrent use.
type Staging struct{}

// WriteBlock writes a verified block into its own extents and journals it. A block that is
// there already is not written again.
func (g *Staging) WriteBlock(n protocol.BlockNumber, data []byte) error { return nil }

// ReadBlock reads a block that was written; false in Has: an error.
func (g *Staging) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) { return 0, nil }

// Sync makes what was written durable and says so in the journal.
func (g *Staging) Sync() error { return nil }

// Has is a copy of the set of session blocks that need not be fetched.
func (g *Staging) Has() *protocol.BlockSet { return protocol.NewBlockSet(0) }

// Missing is how many blocks are still to come; Bytes how much of the stream is there.
func (g *Staging) Missing() int  { return 0 }
func (g *Staging) Bytes() uint64 { return 0 }

// Commit moves every file whose blocks are all there to its final name and gives what became
// of the entries. It may be called again; entries that have an outcome keep it.
func (g *Staging) Commit(ctx context.Context) ([]Outcome, error) { return nil, nil }

// Done says whether every entry has an outcome.
func (g *Staging) Done() bool { return false }

// Close closes the files; the staging stays on disk for a resume.
func (g *Staging) Close() error { return nil }

// Remove deletes the staging: when it is done, or given up.
func (g *Staging) Remove() error { return nil }
