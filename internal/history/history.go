// Package history keeps how transfers went, second by second: the series of those that move now in
// memory, those of all others in the store.
package history

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/telemetry"
)

const (
	maxSeries   = 1000 // transfers sampled at a time
	maxLossMaps = 128  // transfers whose loss map is drawn at a time
)

// Store keeps the bytes of a series (store.Store).
type Store interface {
	SetSeries(ctx context.Context, no protocol.TransferNo, points []byte) error
	Series(ctx context.Context, no protocol.TransferNo) ([]byte, error) // ENotFound if there are none
}

// Book holds the series. It is safe for concurrent use.
type Book struct {
	store Store
	log   *slog.Logger

	mu sync.Mutex
	of map[protocol.TransferNo]*telemetry.Series // of those that move now
}

// New makes a book of which nothing is in memory.
func New(store Store, log *slog.Logger) *Book {
	return &Book{store: store, log: log, of: map[protocol.TransferNo]*telemetry.Series{}}
}

// Add takes a sample of a transfer, and goes on with what is kept of it. One that shows nothing new
// adds nothing.
func (b *Book) Add(ctx context.Context, no protocol.TransferNo, sample telemetry.Sample) {
	b.mu.Lock()
	known, full := b.of[no], len(b.of) >= maxSeries
	b.mu.Unlock()
	if known == nil {
		if full {
			return
		}
		known = b.stored(ctx, no)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if known.Idle(sample) {
		return
	}
	if len(b.of) < maxLossMaps && len(sample.Losses) > 0 {
		known.Draw()
	}
	known.Add(sample)
	b.of[no] = known
}

// Save writes and forgets the series that were last added to before a time.
func (b *Book) Save(ctx context.Context, before time.Time) {
	for no, encoded := range b.quiet(before) {
		err := b.store.SetSeries(ctx, no, encoded)
		if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
			b.log.Error("a transfer's series could not be written", "transfer", no, slog.Any("err", err))
		}
		b.mu.Lock()
		delete(b.of, no)
		b.mu.Unlock()
	}
}

// quiet encodes the series that were last added to before a time.
func (b *Book) quiet(before time.Time) map[protocol.TransferNo][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[protocol.TransferNo][]byte{}
	for no, s := range b.of {
		if !s.Last().Before(before) {
			continue
		}
		encoded, err := s.Encode()
		if err != nil {
			b.log.Error("a transfer's series could not be encoded", "transfer", no, slog.Any("err", err))
		}
		out[no] = encoded
	}
	return out
}

// stored reads what is kept of a transfer; nothing readable is nothing.
func (b *Book) stored(ctx context.Context, no protocol.TransferNo) *telemetry.Series {
	kept, err := b.store.Series(ctx, no)
	if err != nil {
		return &telemetry.Series{}
	}
	out, err := telemetry.Decode(kept)
	if err != nil {
		b.log.Warn("a transfer's series cannot be read", "transfer", no, slog.Any("err", err))
		return &telemetry.Series{}
	}
	return out
}

// Points returns the course of a transfer; nil if nothing is known of it.
func (b *Book) Points(ctx context.Context, no protocol.TransferNo) []groupcast.Point {
	b.mu.Lock()
	if s := b.of[no]; s != nil {
		defer b.mu.Unlock()
		return s.Points()
	}
	b.mu.Unlock()
	return b.stored(ctx, no).Points()
}

// Loss is the loss of a transfer's devices over its whole time.
func (b *Book) Loss(ctx context.Context, no protocol.TransferNo) *telemetry.LossMap {
	b.mu.Lock()
	if s := b.of[no]; s != nil {
		defer b.mu.Unlock()
		return s.Loss()
	}
	b.mu.Unlock()
	return b.stored(ctx, no).Loss()
}
