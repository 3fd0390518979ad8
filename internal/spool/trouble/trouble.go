// Package trouble sorts what goes wrong on a receiver's disk: an entry that cannot have its name (Cause), a disk that
// does not take what comes (DiskError), and a transfer that cannot be held (Refused).
package trouble

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/groupcast/groupcast"
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
	DiskDenied   DiskKind = "denied"
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
	DiskDenied:   "no permission to write there",
	DiskIO:       "the disk does not work",
}

// Disk makes the typed error of what a system call on the disk answered.
func Disk(err error) *DiskError {
	var known *DiskError
	if errors.As(err, &known) {
		return known
	}
	kind := KindOf(err)
	switch {
	case kind != "":
	case errors.Is(err, fs.ErrPermission):
		kind = DiskDenied
	default:
		kind = DiskIO
	}
	return &DiskError{Kind: kind, Reason: diskWords[kind] + ": " + Plain(err), Err: err}
}

// OrDisk is the disk's error, unless it is a refusal in words, the context's end or an error
// of groupcast's own books.
func OrDisk(err error) error {
	var refused *Refused
	var own *Own
	if err == nil || errors.As(err, &refused) || errors.As(err, &own) || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return Disk(err)
}

// Refused says why a transfer or a file cannot be held, in words. Kind is space, size,
// names, folder or version, as groupcast.Ready has it.
type Refused struct {
	Kind   groupcast.Refusal
	Reason string
	Need   uint64 // for want of space: how much it still takes
	Space  *groupcast.Space
}

// NoFolder refuses a folder whose name something else has.
func NoFolder(name string) *Refused {
	return &Refused{
		Kind: groupcast.RefusedFolder, Reason: name + " is a link or a file, not a folder: move it away",
	}
}

func (r *Refused) Error() string { return r.Reason }

// Plain is what the system answered first, without the names of staged files around it.
func Plain(err error) string {
	for {
		inner := errors.Unwrap(err)
		var several interface {
			error
			Unwrap() []error
		}
		if inner == nil && errors.As(err, &several) && len(several.Unwrap()) > 0 {
			inner = several.Unwrap()[0]
		}
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// Own is an error of the ledger: no entry's fault, and not of this disk.
type Own struct{ Err error }

func (o *Own) Error() string { return o.Err.Error() }
func (o *Own) Unwrap() error { return o.Err }

// Hindrance sorts an error that came from the disk: a *DiskError or *Refused inside it, or a
// *DiskError made of what the system answered; nil for an error that does not say that the disk
// is at fault.
func Hindrance(err error) error {
	var r *Refused
	if errors.As(err, &r) {
		return r
	}
	var d *DiskError
	if errors.As(err, &d) {
		return d
	}
	if kind := KindOf(err); kind != "" && fromFile(err) {
		return Disk(err)
	}
	return nil
}

// fromFile says that an error came from a file, not from a socket: both have some numbers.
func fromFile(err error) bool {
	var path *fs.PathError
	var link *os.LinkError
	return errors.As(err, &path) || errors.As(err, &link) || errors.Is(err, syscall.ENOSPC)
}

// Unreadable says that the file with a name could not be compared.
type Unreadable struct {
	Name string
	Err  error
}

func (u *Unreadable) Error() string { return fmt.Sprintf("cannot read %s: %v", u.Name, u.Err) }
func (u *Unreadable) Unwrap() error { return u.Err }
