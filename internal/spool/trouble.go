package spool

import (
	"context"
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

// diskError makes the typed error of what a system call on the disk answered.
func diskError(err error) *DiskError {
	var known *DiskError
	if errors.As(err, &known) {
		return known
	}
	kind := diskKind(err)
	switch {
	case kind != "":
	case errors.Is(err, fs.ErrPermission):
		kind = DiskDenied
	default:
		kind = DiskIO
	}
	return &DiskError{Kind: kind, Reason: diskWords[kind] + ": " + plain(err), Err: err}
}

// refusedOr is the disk's error, unless it is a refusal in words, the context's end or an error
// of groupcast's own books.
func refusedOr(err error) error {
	var refused *Refused
	var own *ownError
	if err == nil || errors.As(err, &refused) || errors.As(err, &own) || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return diskError(err)
}

// probeName is a file that is written to find out whether the disk works.
const (
	probeName  = spoolFolder + "/probe"
	probeBytes = 4096
	probeEvery = 64 // errors that are plainly about a name, from one look at the disk to the next
)

// probe writes a small file durably and removes it again: the answer for the disk as a whole. Transfers
// ask at the same time, and there is one file.
func (s *Spool) probe() error {
	s.cfg.Shared.probing.Lock()
	defer s.cfg.Shared.probing.Unlock()
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

// faulty gives what an error means that came while an entry was worked on: the end of the work
// if it is the context's or the disk's, else the outcome of this entry.
func (g *Staging) faulty(ctx context.Context, i int, doing string, err error) (*Outcome, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if sick := g.blame(err); sick != nil {
		return nil, fmt.Errorf("%s: %s: %w", g.files[i].Path, doing, sick)
	}
	o := g.outcome(i, Rejected, "cannot "+doing+": "+plain(err))
	if o.Cause = causeOf(err); o.Cause == CauseName {
		o.Reason = notTaken + plain(err)
	}
	var u *unreadable
	if errors.As(err, &u) {
		o.Cause, o.Reason = CauseUnreadable, "what lies under its name cannot be read, so it is not replaced: "+plain(u.err)
	}
	return &o, nil
}

// notTaken precedes what a file system answers to a name that it does not take: some say that
// there is no such file.
const notTaken = "the file system here does not take this name: "

// plain is what the system answered first, without the names of staged files around it.
func plain(err error) string {
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

// blame finds the cause of an error that came while an entry was worked on: nil for the entry itself, a
// *DiskError for the disk. Space and quota are the disk's; for all other errors the disk is tested.
func (g *Staging) blame(err error) error {
	var own *ownError
	var known *DiskError
	if errors.As(err, &own) {
		return err
	}
	if errors.As(err, &known) {
		return err
	}
	if kind := diskKind(err); kind == DiskSpace || kind == DiskQuota {
		return diskError(err)
	}
	if causeOf(err) != CauseIO { // one of many names like it: not each is worth a barrier
		if n := g.excused.Add(1); n%probeEvery != 1 {
			return nil
		}
	}
	if sick := g.spool.probe(); sick != nil {
		return diskError(errors.Join(err, sick))
	}
	return nil
}

// ownError is an error of the ledger: no entry's fault, and not of this disk.
type ownError struct{ err error }

func (o *ownError) Error() string { return o.err.Error() }
func (o *ownError) Unwrap() error { return o.err }
