package spool

import (
	"context"
	"errors"
	"fmt"

	"github.com/groupcast/groupcast/internal/spool/room"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

const (
	probeName  = spoolFolder + "/probe"
	probeEvery = 64 // errors that are plainly about a name, from one look at the disk to the next
)

// probe finds out whether the disk works. Transfers ask at the same time, and there is one file for it.
func (s *Spool) probe() error {
	s.cfg.Shared.probing.Lock()
	defer s.cfg.Shared.probing.Unlock()
	return room.Probe(s.fs, probeName)
}

// faulty gives what an error means that came while an entry was worked on: the end of the work
// if it is the context's or the disk's, else the outcome of this entry.
func (g *Staging) faulty(ctx context.Context, i int, doing string, err error) (*Outcome, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if sick := g.blame(err); sick != nil {
		return nil, fmt.Errorf("%s: %s: %w", g.layout.Entry(i).Path, doing, sick)
	}
	o := g.outcome(i, Rejected, "cannot "+doing+": "+trouble.Plain(err))
	if o.Cause = trouble.CauseOf(err); o.Cause == CauseName {
		o.Reason = notTaken + trouble.Plain(err)
	}
	var u *trouble.Unreadable
	if errors.As(err, &u) {
		o.Cause = CauseUnreadable
		o.Reason = "what lies under its name cannot be read, so it is not replaced: " + trouble.Plain(u.Err)
	}
	return &o, nil
}

// notTaken precedes what a file system answers to a name that it does not take: some say that
// there is no such file.
const notTaken = "the file system here does not take this name: "

// blame finds the cause of an error that came while an entry was worked on: nil for the entry itself, a
// *DiskError for the disk. Space and quota are the disk's; for all other errors the disk is tested.
func (g *Staging) blame(err error) error {
	var own *trouble.Own
	var known *DiskError
	if errors.As(err, &own) {
		return err
	}
	if errors.As(err, &known) {
		return err
	}
	if kind := trouble.KindOf(err); kind == DiskSpace || kind == DiskQuota {
		return trouble.Disk(err)
	}
	if trouble.CauseOf(err) != trouble.CauseIO { // one of many names like it: not each is worth a barrier
		if n := g.excused.Add(1); n%probeEvery != 1 {
			return nil
		}
	}
	if sick := g.spool.probe(); sick != nil {
		return trouble.Disk(errors.Join(err, sick))
	}
	return nil
}
