package delivery

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/download"
	"github.com/groupcast/groupcast/internal/lacks"
	"github.com/groupcast/groupcast/internal/offering"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
)

// errFormat is the answer to calls of one format about a transfer of the other one.
var errFormat = groupcast.Errorf(groupcast.ENotFound, "this transfer is of the other format").
	WithHint("fetch manifest and blocks in format 1; skeleton, pages and stream in format 2")

// paging is what the calls about paged transfers keep.
type paging struct {
	open  func(context.Context, store.Transfer) (download.Paged, error)
	lacks *lacks.Lists
	polls download.Polls
}

// pagedSource opens what can be fetched of a paged transfer.
func (e *Engine) pagedSource(ctx context.Context, tr store.Transfer) (download.Paged, error) {
	e.follow(tr)
	open, err := e.sources.Open(ctx, tr.No)
	if err != nil {
		return nil, err
	}
	return open, nil
}

// Skeleton streams the skeleton of a paged transfer that the device is owed.
func (e *Engine) Skeleton(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (io.ReadCloser, error) {
	tr, err := e.entitled(ctx, p.Device.ID, no, true)
	if err != nil {
		return nil, err
	}
	return e.skeletonOf(ctx, p, tr)
}

func (e *Engine) skeletonOf(ctx context.Context, p groupcast.Principal, tr store.Transfer) (io.ReadCloser, error) {
	e.served(tr.No, p.Device.ID)
	e.poke()
	src, err := e.OpenFetch(ctx, tr)
	if err != nil {
		return nil, err
	}
	parts, err := download.Skeleton(src)
	if err != nil {
		e.sourceFault(tr.No, contentOf(tr), err)
		return nil, errors.Join(err, src.Close())
	}
	return e.fetch(ctx, p, tr, parts, false)
}

// TransferPages streams the pages of a paged transfer that the device is owed, from a number on.
func (e *Engine) TransferPages(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, from protocol.PageNo,
) (io.ReadCloser, error) {
	tr, err := e.entitled(ctx, p.Device.ID, no, true)
	if err != nil {
		return nil, err
	}
	return e.pagesOf(ctx, p, tr, from)
}

func (e *Engine) pagesOf(
	ctx context.Context, p groupcast.Principal, tr store.Transfer, from protocol.PageNo,
) (io.ReadCloser, error) {
	if uint32(from) > tr.Pages {
		return nil, groupcast.Errorf(groupcast.EInvalid, "pages from %d on were asked for; there are never more than %d",
			from, tr.Pages).WithHint("ask for those after the newest that is here")
	}
	e.served(tr.No, p.Device.ID)
	src, err := e.OpenFetch(ctx, tr)
	if err != nil {
		return nil, err
	}
	list, err := e.paging.polls.Await(ctx, src, p.Device.ID, from)
	if err != nil || len(list) == 0 {
		if err = errors.Join(err, src.Close()); err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	return e.fetch(ctx, p, tr, download.PagesOf(src, list), false)
}

// Stream streams blocks of a paged transfer that the device is owed.
func (e *Engine) Stream(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, asked protocol.Range,
) (io.ReadCloser, error) {
	tr, err := e.entitled(ctx, p.Device.ID, no, true)
	if err != nil {
		return nil, err
	}
	return e.streamOf(ctx, p, tr, asked)
}

func (e *Engine) streamOf(
	ctx context.Context, p groupcast.Principal, tr store.Transfer, asked protocol.Range,
) (io.ReadCloser, error) {
	if asked.Count == 0 || asked.Count > groupcast.MaxStreamCount ||
		uint64(asked.First)+uint64(asked.Count) > uint64(tr.Blocks) {
		return nil, groupcast.Errorf(groupcast.EInvalid, "%d blocks from block %d on were asked for; there are %d",
			asked.Count, asked.First, tr.Blocks).WithHint("ask for 1 to %d blocks at once", groupcast.MaxStreamCount)
	}
	src, err := e.OpenFetch(ctx, tr)
	if err != nil {
		return nil, err
	}
	return e.fetch(ctx, p, tr, download.BlocksOf(src, offering.FirstStream(tr), asked), e.failed(tr.No, asked))
}

// fetch gives parts of a paged transfer to a device, once it has a slot. What is wrong with the first part is said at
// once.
func (e *Engine) fetch(
	ctx context.Context, p groupcast.Principal, tr store.Transfer, parts download.Source, forged bool,
) (io.ReadCloser, error) {
	if err := e.slots.Enter(ctx, p); err != nil {
		return nil, errors.Join(err, parts.Close())
	}
	s := e.give(ctx, p, tr, parts, forged)
	err := s.Begin()
	if err == nil {
		return s, nil
	}
	if errors.Is(err, pages.ErrNotYet) {
		err = groupcast.Errorf(groupcast.EConflict, "the first of these blocks has no page yet").
			WithHint("read the pages first").Wrap(err)
	}
	return nil, errors.Join(err, s.Close())
}

// OpenFetch opens what can be fetched of a paged transfer.
func (e *Engine) OpenFetch(ctx context.Context, tr store.Transfer) (download.Paged, error) {
	src, err := e.paging.open(ctx, tr)
	if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		e.sourceFault(tr.No, contentOf(tr), err)
	}
	return src, err
}

// KeepLacks keeps the list of the blocks that a device lacks of a paged transfer.
func (e *Engine) KeepLacks(ctx context.Context, dev protocol.DeviceID, no protocol.TransferNo, raw []byte) error {
	tr, err := e.entitled(ctx, dev, no, true)
	if err != nil {
		return err
	}
	return e.paging.lacks.Keep(e.now(), no, dev, raw, tr.Blocks)
}

// pagedReady takes what only an answer to an offer of a paged transfer says: that the device is looking, or the digest
// of a list, which it puts in place. whole: there is nothing more to do.
func (e *Engine) pagedReady(
	ctx context.Context, dev protocol.DeviceID, r *groupcast.Ready,
) (out groupcast.Handout, whole bool, err error) {
	if r.TransferID == nil && !r.Looking && r.LacksDigest == nil {
		return out, false, nil
	}
	tr, err := e.store.Transfer(ctx, r.Transfer)
	if err != nil {
		return out, true, err
	}
	return e.readyFor(tr, dev, r)
}

func (e *Engine) readyFor(
	tr store.Transfer, dev protocol.DeviceID, r *groupcast.Ready,
) (out groupcast.Handout, whole bool, err error) {
	e.mu.Lock()
	last, _ := e.gave(r.Transfer, dev, r.Session)
	e.mu.Unlock()
	switch {
	case !tr.Paged || r.TransferID == nil || *r.TransferID != tr.ID || !last:
		return out, true, errSessionOver
	case r.Looking:
		eta := time.Duration(min(max(r.ETA, 0), int(groupcast.MostLooking/time.Second))) * time.Second
		e.change(func(sch *schedule.Scheduler, now time.Time) { sch.Looking(now, r.Transfer, dev, eta) })
		return out, true, nil
	case r.LacksDigest == nil:
		return out, false, nil
	}
	list, known := e.paging.lacks.Of(r.Transfer, dev, *r.LacksDigest)
	if !known {
		return groupcast.Handout{Lacks: groupcast.LacksSend}, true, nil
	}
	r.Lacks, r.LacksAll = list, false
	return out, false, nil
}

// SessionClock is the time of a session at its sender.
func (e *Engine) SessionClock(ctx context.Context, dev protocol.DeviceID, id protocol.SessionID) (uint64, error) {
	e.mu.Lock()
	run := e.runs[id]
	e.mu.Unlock()
	if run == nil {
		return 0, errSessionOver
	}
	if _, err := e.entitled(ctx, dev, run.no, true); err != nil {
		return 0, err
	}
	return run.sender.Clock(), nil
}
