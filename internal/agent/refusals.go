package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/spool"
)

// hindered returns the refusal for an error of the disk; false if the disk is not the cause.
func hindered(err error) (r spool.Refused, is bool) {
	var bad *manifest.Fault
	if errors.As(err, &bad) {
		return unacceptable(bad), true
	}
	var fault *pages.Fault
	if errors.As(err, &fault) && fault.Final() {
		return spool.Refused{
			Kind:   groupcast.RefusedPages,
			Reason: fmt.Sprintf("what the server signed contradicts itself (%v); send the files as a new transfer", fault),
		}, true
	}
	why := spool.Hindrance(err)
	var refused *spool.Refused
	var disk *spool.DiskError
	switch {
	case errors.As(why, &refused):
		return *refused, true
	case errors.As(why, &disk):
		return spool.Refused{Kind: groupcast.Refusal(disk.Kind), Reason: disk.Reason}, true
	}
	return r, false
}

// look finds out whether a transfer that waits for the disk could be taken now.
func (a *Agent) look(ctx context.Context, l loop.Look) {
	t := a.newTransfer(l.Offer, groupcast.Offered{}, l.Group)
	a.looking.Go(func() {
		var found loop.Outcome
		if err := t.fits(l.Need); err != nil {
			r, is := hindered(err)
			if !is {
				r = spool.Refused{Kind: groupcast.RefusedFolder, Reason: err.Error()}
			}
			found = a.refusal(r)
		}
		a.answer(ctx, func(now time.Time) { a.loop.Looked(now, l.Number, l.Offer.Transfer, found) })
	})
}

// refusal is what becomes of a transfer that this device cannot take.
func (a *Agent) refusal(r spool.Refused) loop.Outcome {
	return loop.Outcome{
		State: groupcast.DeliveryRefused, Kind: r.Kind, Reason: r.Reason, Need: r.Need, Space: r.Space,
		Away: r.Kind == groupcast.RefusedFolder && !a.folderIsBack(),
	}
}

// fits says whether the folder is there, the disk takes something, and there is room.
func (t *transfer) fits(need uint64) error {
	s, err := t.open()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Works(); err != nil {
		return err
	}
	return s.Room(need)
}
