package delivery

import (
	"context"
	"errors"
	"io"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/bandwidth"
	"github.com/groupcast/groupcast/internal/download"
	"github.com/groupcast/groupcast/internal/offering"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	maxBlocksAsked = 4096 // of one request
	maxShare       = 3    // times a transfer's size that one delivery may ask for over HTTPS (F4)
)

// Manifest streams the manifest of a transfer that the device is owed.
func (e *Engine) Manifest(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (io.ReadCloser, error) {
	tr, err := e.entitled(ctx, p.Device.ID, no, false)
	if err != nil {
		return nil, err
	}
	e.served(no, p.Device.ID)
	e.poke()
	return e.stream(ctx, p, tr, protocol.Range{First: 1, Count: tr.ManifestBlocks})
}

// Blocks streams session blocks of a transfer that the device is owed.
func (e *Engine) Blocks(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, asked protocol.Range,
) (io.ReadCloser, error) {
	tr, err := e.entitled(ctx, p.Device.ID, no, false)
	if err != nil {
		return nil, err
	}
	total := uint64(1) + uint64(tr.ManifestBlocks) + uint64(tr.Blocks)
	if asked.Count == 0 || asked.Count > maxBlocksAsked || uint64(asked.First)+uint64(asked.Count) > total {
		return nil, groupcast.Errorf(groupcast.EInvalid, "blocks %d and %d after it were asked for; there are %d",
			asked.First, asked.Count, total).WithHint("ask for 1 to %d blocks at once", maxBlocksAsked)
	}
	return e.stream(ctx, p, tr, asked)
}

// entitled checks at this moment that a device may have a transfer (C8) of a format.
func (e *Engine) entitled(
	ctx context.Context, dev protocol.DeviceID, no protocol.TransferNo, paged bool,
) (store.Transfer, error) {
	if _, err := e.store.Entitled(ctx, no, dev); err != nil {
		return store.Transfer{}, err
	}
	if !e.owes(no, dev) {
		return store.Transfer{}, errNotOwed
	}
	tr, err := e.store.Transfer(ctx, no)
	if err == nil && tr.Paged != paged {
		err = errFormat
	}
	return tr, err
}

// stream gives blocks to a device as the limits allow.
func (e *Engine) stream(
	ctx context.Context, p groupcast.Principal, tr store.Transfer, asked protocol.Range,
) (io.ReadCloser, error) {
	if err := e.slots.Enter(ctx, p); err != nil {
		return nil, err
	}
	src, err := e.cfg.OpenSource(ctx, tr)
	if err != nil {
		e.slots.Leave(p)
		e.sourceFault(tr.No, contentOf(tr), err)
		return nil, err
	}
	return e.give(ctx, p, tr, download.Blocks(src, asked), e.failed(tr.No, asked)), nil
}

// give gives parts of a transfer to a device that has a slot, as the limits allow; forged: others spoiled what it
// received of them.
func (e *Engine) give(
	ctx context.Context, p groupcast.Principal, tr store.Transfer, src download.Source, forged bool,
) *download.Stream {
	line := e.lines.Enter(tr.No, tr.RateLimit/8, forged)
	return download.New(download.Config{
		Source: src, Now: e.now,
		Others: func() bool { return e.slots.Waiting(p.User.ID) },
		Allow:  func(n int) error { return e.allowBlock(ctx, tr, p.Device.ID, n) },
		Wait:   func(n int) (int, error) { return e.allowPiece(ctx, tr.No, p.Device.ID, line, forged, n) },
		Broke: func(err error) {
			if !errors.Is(err, pages.ErrNotYet) {
				e.sourceFault(tr.No, contentOf(tr), err)
			}
		},
		Over: func(n uint64) {
			e.slots.Leave(p)
			e.lines.Leave(tr.No, tr.RateLimit/8, forged)
			e.gaveOverHTTPS(tr.No, n)
		},
	})
}

// allowBlock is asked before each block leaves.
func (e *Engine) allowBlock(ctx context.Context, tr store.Transfer, dev protocol.DeviceID, n int) error {
	if !e.owes(tr.No, dev) {
		return errNotOwed
	}
	if !e.withinShare(tr, dev, n) {
		e.tooMuch(ctx, tr, dev)
		return errNotOwed
	}
	return nil
}

// allowPiece is called before each piece of a block is sent, of n bytes at most, and says how many bytes
// may be sent: within the limits, and none for devices that were removed meanwhile. A device that is
// served slowly does not count as idle.
func (e *Engine) allowPiece(
	ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID, at *bandwidth.Line, forged bool, n int,
) (int, error) {
	n, err := e.lines.Wait(ctx, at, forged, n)
	if err != nil {
		return 0, err
	}
	if !e.owes(no, dev) {
		return 0, errNotOwed
	}
	e.served(no, dev)
	return n, nil
}

// served says that a device is given something.
func (e *Engine) served(no protocol.TransferNo, dev protocol.DeviceID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sched.LooksOn(e.now(), no, dev) // who looks fetches pages first
}

// withinShare counts what a delivery asked for.
func (e *Engine) withinShare(tr store.Transfer, dev protocol.DeviceID, n int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.book.Gave(tr.No, dev, uint64(n), e.isOwed(tr.No, dev))
	// One that is owed no more is refused elsewhere.
	return e.sched.Fetched(e.now(), tr.No, dev, uint64(n)) <= maxShare*offering.Worth(tr)
}

func (e *Engine) tooMuch(ctx context.Context, tr store.Transfer, dev protocol.DeviceID) {
	end, err := e.endDelivery(ctx, store.Closing{
		Transfer: tr.No, Device: dev, State: groupcast.DeliveryFailed, Reason: "asked for more than its share",
		Last: e.progressOf(tr.No, dev),
	})
	if err != nil {
		e.log.Error("a delivery could not be closed", "transfer", tr.No, "err", err)
		return
	}
	e.finishTransfer(context.WithoutCancel(ctx), end)
}

// gaveOverHTTPS counts what a transfer cost over HTTPS; the store hears of it with the progress.
func (e *Engine) gaveOverHTTPS(no protocol.TransferNo, n uint64) {
	e.mu.Lock()
	_, open := e.infos[no]
	open = open && (e.base == nil || e.base.Err() == nil) // else nobody writes it any more
	if open {
		e.book.Fetched(no, n)
	}
	e.mu.Unlock()
	if !open {
		e.count(no, n)
	}
}

func (e *Engine) count(no protocol.TransferNo, n uint64) {
	if n == 0 {
		return
	}
	err := e.store.AddTransferBytes(context.Background(), e.site(), no, 0, n)
	if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		e.log.Error("bytes over HTTPS could not be noted", "transfer", no, "err", err)
	}
}
