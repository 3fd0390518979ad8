package spool

import (
	"errors"
	"fmt"
	"io/fs"
)

// Cause says what kept an entry from its name, for faces that put it into their own words.
type Cause string

// The causes of a Rejected outcome, and of KeptBoth (CauseInTheWay).
const (
	CauseName       Cause = "name"       // this machine or its file system does not take the name
	CauseKind       Cause = "kind"       // the file system has no such thing: a link where there are none
	CauseInTheWay   Cause = "in-the-way" // something that groupcast did not deliver, or that was edited since
	CauseUnreadable Cause = "unreadable" // what lies under the name cannot be read, so it is not replaced
	CauseTooLarge   Cause = "too-large"  // larger than the file system keeps
	CauseDenied     Cause = "denied"     // no permission
	CauseIO         Cause = "io"         // the disk failed for this entry, and works for others
)

// DiskError says that the disk as a whole does not take what comes: no entry is at fault, and
// all of them wait until it is well again.
type DiskError struct {
	Kind   DiskKind
	Reason string // in words
	Err    error
}

// DiskKind is what is wrong with a disk.
type DiskKind string

// The kinds.
const (
	DiskSpace    DiskKind = "space"
	DiskQuota    DiskKind = "quota"
	DiskReadOnly DiskKind = "read-only"
	DiskGone     DiskKind = "gone"
	DiskIO       DiskKind = "io"
)

func (d *DiskError) Error() string { return d.Reason }
func (d *DiskError) Unwrap() error { return d.Err }

// diskWords says what a kind means to who looks at the machine.
var diskWords = map[DiskKind]string{
	DiskSpace:    "the disk is full",
	DiskQuota:    "the disk quota is used up",
	DiskReadOnly: "the disk is read-only",
	DiskGone:     "the disk is gone: is it mounted?",
	DiskIO:       "the disk does not work",
}

// diskError makes the typed error of what a system call on the disk answered.
func diskError(err error) *DiskError {
	kind := diskKind(err)
	if kind == "" {
		kind = DiskIO
	}
	return &DiskError{Kind: kind, Reason: fmt.Sprintf("%s: %v", diskWords[kind], err), Err: err}
}

// probeName is a file that tells whether the disk takes anything.
const (
	probeName  = spoolFolder + "/probe"
	probeBytes = 4096
)

// probe writes a small file durably and removes it again: the answer for the disk as a whole.
func (s *Spool) probe() error {
	if err := s.fs.Remove(probeName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	h, err := s.fs.Create(probeName, 0o600)
	if err != nil {
		return err
	}
	_, err = h.WriteAt(make([]byte, probeBytes), 0)
	if err == nil {
		err = h.Sync()
	}
	return errors.Join(err, h.Close(), s.fs.Remove(probeName))
}

// blame says whose fault an error is that came while an entry was worked on: nil for the
// entry's own, a *DiskError for the disk's. Space and quota are the disk's by their nature; of
// everything else the disk is asked.
func (s *Spool) blame(err error) error {
	var known *DiskError
	if errors.As(err, &known) {
		return err
	}
	if kind := diskKind(err); kind == DiskSpace || kind == DiskQuota {
		return diskError(err)
	}
	if sick := s.probe(); sick != nil {
		return diskError(errors.Join(err, sick))
	}
	return nil
}
