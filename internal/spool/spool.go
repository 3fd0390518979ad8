package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/identity"
	"github.com/groupcast/groupcast/internal/spool/lying"
	"github.com/groupcast/groupcast/internal/spool/record"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// Config says where files go.
type Config struct {
	Dir     string // DIR
	Group   string // files go to DIR/GROUP/path
	GroupID protocol.GroupID
	Server  protocol.ServerID
	Reserve int64     // bytes to leave free: 0 the larger of 1 GiB and 5 %, negative none
	MaxSize uint64    // of a transfer; 0: no limit
	Ledger  Ledger    // nil: nothing was delivered here before
	Adopt   bool      // what lies in DIR/GROUP may be what is to come: it is looked at before anything is fetched
	FS      diskfs.FS // nil: the operating system's
	Shared  *Shared   // with the agent's other spools; nil: there is no other
	Readers int       // files that are compared at once; 0: one
	Known   Identity  // what DIR was known by before; zero: whatever lies there will do
}

// noLedger is empty: no file was delivered.
type noLedger struct{}

func (noLedger) Lookup(string) (Delivered, bool, error) { return Delivered{}, false, nil }
func (noLedger) LookupAll([]string) (map[string]Delivered, error) {
	return nil, nil
}
func (noLedger) Record([]Outcome) error                                           { return nil }
func (noLedger) Each(context.Context, func(path string, d Delivered) error) error { return nil }

// What is noted of deliveries.
type (
	Delivered = record.Delivered
	Former    = record.Former
	Ledger    = record.Ledger
	Result    = record.Result
	Outcome   = record.Outcome
)

// The results.
const (
	Committed  = record.Committed
	KeptBoth   = record.KeptBoth
	AlreadyHad = record.AlreadyHad
	Superseded = record.Superseded
	Rejected   = record.Rejected
	Void       = record.Void
)

// What is refused, what a disk or an entry suffers from, and what DIR is known by.
type (
	Refused   = trouble.Refused
	DiskError = trouble.DiskError
	DiskKind  = trouble.DiskKind
	Cause     = trouble.Cause
	Identity  = identity.Identity
)

// The kinds of disk errors, and the causes of a Rejected outcome, and of KeptBoth (CauseInTheWay).
const (
	DiskSpace       = trouble.DiskSpace
	DiskQuota       = trouble.DiskQuota
	DiskReadOnly    = trouble.DiskReadOnly
	DiskGone        = trouble.DiskGone
	DiskIO          = trouble.DiskIO
	CauseName       = trouble.CauseName
	CauseInTheWay   = trouble.CauseInTheWay
	CauseUnreadable = trouble.CauseUnreadable
)

// Identify gives the identity of dir, which is made if need be and gets one if it has none.
func Identify(dir string) (Identity, error) { return identity.Identify(dir) }

// ParseIdentity reads what Identity.String wrote.
func ParseIdentity(text string) (Identity, error) { return identity.Parse(text) }

// OpenKnown opens dir if it is the folder that is known by this identity, and makes nothing; *Refused if it is not.
func OpenKnown(dir string, id Identity) (diskfs.FS, error) { return identity.Open(dir, id) }

// Names below DIR.
const (
	spoolFolder  = identity.SpoolFolder
	manifestName = "manifest"
	journalName  = "journal"
	packName     = "pack"
)

// Spool stages and commits the transfers of one server and group.
type Spool struct {
	cfg   Config
	fs    diskfs.FS
	lying lying.Disk // the same, looked at
}

// Open opens DIR and DIR/GROUP, which are made if need be; a DIR that is known by its identity
// is not.
func Open(cfg Config) (*Spool, error) {
	if cfg.FS == nil {
		f, err := openDir(cfg.Dir, cfg.Known)
		if err != nil {
			return nil, trouble.OrDisk(err)
		}
		cfg.FS = f
	}
	if cfg.Ledger == nil {
		cfg.Ledger = noLedger{}
	}
	if cfg.Shared == nil {
		cfg.Shared = NewShared()
	}
	s := &Spool{cfg: cfg, fs: cfg.FS, lying: lying.Disk{FS: cfg.FS}}
	for _, folder := range []struct {
		name string
		mode fs.FileMode
	}{{spoolFolder, 0o700}, {cfg.Group, 0o755}} {
		if err := s.folder(folder.name, folder.mode); err != nil {
			_ = cfg.FS.Close() // it was only looked at
			return nil, trouble.OrDisk(err)
		}
	}
	return s, nil
}

func openDir(dir string, id Identity) (diskfs.FS, error) {
	if id == (Identity{}) {
		return diskfs.Open(dir)
	}
	return OpenKnown(dir, id)
}

// stillKnown is checked before anything gets its final name: a disk may have gone meanwhile.
func (s *Spool) stillKnown() error {
	if s.cfg.Known == (Identity{}) {
		return nil
	}
	return identity.Check(s.fs, s.cfg.Dir, s.cfg.Known)
}

// folder makes a folder or finds it; anything else of that name is refused.
func (s *Spool) folder(name string, mode fs.FileMode) error {
	if is, err := diskfs.Folder(s.fs, name, mode); err != nil || is {
		return err
	}
	return trouble.NoFolder(name)
}

// Close closes the folders. Stagings must be closed before.
func (s *Spool) Close() error { return s.fs.Close() }

func (s *Spool) stagingName(no protocol.TransferNo) string {
	return fmt.Sprintf("%s/%x-%d", spoolFolder, s.cfg.Server[:8], no)
}

// Manifest gives the manifest bytes that a staging of this transfer kept, if there is one.
// They prove nothing until Layout.WithManifest accepted them.
func (s *Spool) Manifest(no protocol.TransferNo) ([]byte, bool, error) {
	b, err := diskfs.ReadAll(s.fs, s.stagingName(no)+"/"+manifestName, protocol.MaxManifestBytes)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, diskfs.ErrTooLong) {
		return nil, false, nil
	}
	return b, err == nil, err
}

// Stagings lists the transfers of this server that have a staging, for the caller to drop.
func (s *Spool) Stagings() ([]protocol.TransferNo, error) {
	entries, err := s.fs.Readdir(spoolFolder)
	if err != nil {
		return nil, fmt.Errorf("list the spool: %w", err)
	}
	var out []protocol.TransferNo
	prefix := fmt.Sprintf("%x-", s.cfg.Server[:8])
	for _, e := range entries {
		digits, ours := strings.CutPrefix(e.Name(), prefix)
		if no, err := strconv.ParseUint(digits, 10, 64); ours && err == nil {
			out = append(out, protocol.TransferNo(no))
		}
	}
	return out, nil
}

// discard deletes a staging and what it holds; the ledger knows what was moved out of it.
func (s *Spool) discard(no protocol.TransferNo) error {
	name := s.stagingName(no)
	entries, err := s.fs.Readdir(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("drop the staging of transfer %d: %w", no, err)
	}
	for _, e := range entries {
		if err := s.fs.Remove(name + "/" + e.Name()); err != nil {
			return fmt.Errorf("drop the staging of transfer %d: %w", no, err)
		}
	}
	return s.fs.Remove(name)
}
