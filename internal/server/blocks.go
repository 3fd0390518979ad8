package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/bandwidth"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	maxBlocksAsked = 4096 // of one request
	maxShare       = 3    // times a transfer's size that one delivery may ask for over HTTPS (F4)
)

// Manifest streams the manifest of a transfer that the device is owed.
func (s *Server) Manifest(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (io.ReadCloser, error) {
	tr, d, err := s.entitled(ctx, p, no)
	if err != nil {
		return nil, err
	}
	s.live.change(func(sch *schedule.Scheduler, now time.Time) { sch.Heard(now, no, d.ID) })
	return s.stream(ctx, p, tr, 1, tr.ManifestBlocks)
}

// Blocks streams session blocks of a transfer that the device is owed.
func (s *Server) Blocks(ctx context.Context, p groupcast.Principal, no protocol.TransferNo, first protocol.BlockNumber, count uint32) (io.ReadCloser, error) {
	tr, _, err := s.entitled(ctx, p, no)
	if err != nil {
		return nil, err
	}
	total := uint64(1) + uint64(tr.ManifestBlocks) + uint64(tr.Blocks)
	if count == 0 || count > maxBlocksAsked || uint64(first)+uint64(count) > total {
		return nil, groupcast.Errorf(groupcast.EInvalid, "blocks %d and %d after it were asked for; there are %d", first, count, total).
			WithHint("ask for 1 to %d blocks at once", maxBlocksAsked)
	}
	return s.stream(ctx, p, tr, first, count)
}

// entitled checks at this moment that a device may have a transfer (C8).
func (s *Server) entitled(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (store.Transfer, groupcast.Device, error) {
	d, err := mustAgent(p)
	if err != nil {
		return store.Transfer{}, d, err
	}
	if _, err := s.store.Entitled(ctx, no, d.ID); err != nil {
		return store.Transfer{}, d, err
	}
	if !s.live.owes(no, d.ID) {
		return store.Transfer{}, d, errNotOwed
	}
	tr, err := s.store.Transfer(ctx, no)
	return tr, d, err
}

func (s *Server) stream(ctx context.Context, p groupcast.Principal, tr store.Transfer, first protocol.BlockNumber, count uint32) (io.ReadCloser, error) {
	if err := s.slots.Enter(ctx, p); err != nil {
		return nil, err
	}
	src, err := s.openSource(ctx, tr)
	if err != nil {
		s.slots.Leave(p)
		s.sourceFault(tr.No, tr.Content, err)
		return nil, err
	}
	forged := s.live.failed(tr.No, protocol.Range{First: first, Count: count})
	line := s.lines.Enter(tr.No, tr.RateLimit/8, forged)
	return &blockStream{
		src: src, next: first, left: count, buf: make([]byte, protocol.BlockSize),
		taker: taker{now: s.now, others: func() bool { return s.slots.Waiting(p.User.ID) }},
		allow: func(n int) error { return s.allowBlock(ctx, tr, p.Device.ID, n) },
		pace:  func(n int) (int, error) { return s.allowPiece(ctx, tr.No, p.Device.ID, line, forged, n) },
		broke: func(err error) { s.sourceFault(tr.No, tr.Content, err) },
		over: func(n uint64) {
			s.slots.Leave(p)
			s.lines.Leave(tr.No, tr.RateLimit/8, forged)
			s.gaveOverHTTPS(tr.No, n)
		},
	}, nil
}

// allowBlock is asked before each block leaves.
func (s *Server) allowBlock(ctx context.Context, tr store.Transfer, dev protocol.DeviceID, n int) error {
	if !s.live.owes(tr.No, dev) {
		return errNotOwed
	}
	if !s.live.withinShare(tr, dev, n) {
		s.tooMuch(ctx, tr, dev)
		return errNotOwed
	}
	return nil
}

// allowPiece is asked before each piece of a block leaves, of n bytes at most, and says how many
// may: the limits hold, and whoever was removed meanwhile gets no more. A device that is
// served slowly is not one that does nothing.
func (s *Server) allowPiece(ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID, at *bandwidth.Line, forged bool, n int) (int, error) {
	n, err := s.lines.Wait(ctx, at, forged, n)
	if err != nil {
		return 0, err
	}
	if !s.live.owes(no, dev) {
		return 0, errNotOwed
	}
	s.live.served(no, dev)
	return n, nil
}

// served says that a device is given something.
func (l *live) served(no protocol.TransferNo, dev protocol.DeviceID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sched.Heard(l.s.now(), no, dev)
}

// withinShare counts what a delivery asked for.
func (l *live) withinShare(tr store.Transfer, dev protocol.DeviceID, n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entry(tr.No, dev).gave += uint64(n)
	// One that is owed no more is refused elsewhere.
	return l.sched.Fetched(l.s.now(), tr.No, dev, uint64(n)) <= maxShare*(tr.Bytes+tr.ManifestBytes+protocol.BlockSize)
}

func (s *Server) tooMuch(ctx context.Context, tr store.Transfer, dev protocol.DeviceID) {
	owed, err := s.store.CloseDelivery(ctx, store.Closing{
		Transfer: tr.No, Device: dev, State: groupcast.DeliveryFailed, Reason: "asked for more than its share",
	}, s.now())
	if err != nil {
		s.log.Error("a delivery could not be closed", "transfer", tr.No, slog.Any("err", err))
		return
	}
	s.live.settle(tr.No, dev)
	if owed == 0 {
		s.complete(context.WithoutCancel(ctx), tr.No)
	}
}

func (s *Server) gaveOverHTTPS(no protocol.TransferNo, n uint64) {
	err := s.store.AddTransferBytes(context.Background(), s.live.here, no, 0, n)
	if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		s.log.Error("bytes over HTTPS could not be noted", "transfer", no, slog.Any("err", err))
	}
}

// blockStream reads blocks one after another.
type blockStream struct {
	src   content.Blocks
	next  protocol.BlockNumber
	left  uint32
	buf   []byte
	rest  []byte
	sent  uint64
	taker taker
	allow func(n int) error
	pace  func(n int) (int, error)
	broke func(error)
	over  func(sent uint64)
	done  bool
}

func (b *blockStream) Read(p []byte) (int, error) {
	if err := b.taker.back(); err != nil {
		return 0, err
	}
	if len(b.rest) == 0 {
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
	n, err := b.pace(min(len(p), len(b.rest)))
	if err != nil {
		return 0, err
	}
	copy(p, b.rest[:n])
	b.rest = b.rest[n:]
	b.sent += uint64(n)
	b.taker.gave(n)
	return n, nil
}

func (b *blockStream) fill() error {
	if b.left == 0 {
		return io.EOF
	}
	if err := b.taker.next(); err != nil {
		return err
	}
	n, err := b.src.ReadBlock(b.next, b.buf)
	if err != nil {
		b.broke(err)
		return fmt.Errorf("reading block %d: %w", b.next, err)
	}
	if err := b.allow(n); err != nil {
		return err
	}
	b.rest = b.buf[:n]
	b.next++
	b.left--
	return nil
}

// Close gives the source back.
func (b *blockStream) Close() error {
	if b.done {
		return nil
	}
	b.done = true
	b.over(b.sent)
	return b.src.Close()
}
