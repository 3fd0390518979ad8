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

// History has the series of transfers. It is safe for concurrent use.
type History struct {
	store Store
	log   *slog.Logger

	mu sync.Mutex
	of map[protocol.TransferNo]*telemetry.Series // of those that move now
}

// New makes a History with nothing in memory.
func New(store Store, log *slog.Logger) *History {
	return &History{store: store, log: log, of: map[protocol.TransferNo]*telemetry.Series{}}
}

// Add adds a sample to the series of a transfer, which it reads from the store if need be. One with
// nothing new is ignored.
func (h *History) Add(ctx context.Context, no protocol.TransferNo, sample telemetry.Sample) {
	h.mu.Lock()
	known, full := h.of[no], len(h.of) >= maxSeries
	h.mu.Unlock()
	if known == nil {
		if full {
			return
		}
		known = h.stored(ctx, no)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if known.Idle(sample) {
		return
	}
	if len(h.of) < maxLossMaps && len(sample.Losses) > 0 {
		known.Draw()
	}
	known.Add(sample)
	h.of[no] = known
}

// Save writes and forgets the series that were last added to before a time.
func (h *History) Save(ctx context.Context, before time.Time) {
	for no, encoded := range h.quiet(before) {
		err := h.store.SetSeries(ctx, no, encoded)
		if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
			h.log.Error("a transfer's series could not be written", "transfer", no, "err", err)
		}
		h.mu.Lock()
		delete(h.of, no)
		h.mu.Unlock()
	}
}

// quiet encodes the series that were last added to before a time.
func (h *History) quiet(before time.Time) map[protocol.TransferNo][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[protocol.TransferNo][]byte{}
	for no, s := range h.of {
		if !s.Last().Before(before) {
			continue
		}
		encoded, err := s.Encode()
		if err != nil {
			h.log.Error("a transfer's series could not be encoded", "transfer", no, "err", err)
		}
		out[no] = encoded
	}
	return out
}

// stored reads what is kept of a transfer; nothing readable is nothing.
func (h *History) stored(ctx context.Context, no protocol.TransferNo) *telemetry.Series {
	kept, err := h.store.Series(ctx, no)
	if err != nil {
		return &telemetry.Series{}
	}
	out, err := telemetry.Decode(kept)
	if err != nil {
		h.log.Warn("a transfer's series cannot be read", "transfer", no, "err", err)
		return &telemetry.Series{}
	}
	return out
}

// Points returns the course of a transfer; nil if nothing is known of it.
func (h *History) Points(ctx context.Context, no protocol.TransferNo) []groupcast.Point {
	h.mu.Lock()
	if s := h.of[no]; s != nil {
		defer h.mu.Unlock()
		return s.Points()
	}
	h.mu.Unlock()
	return h.stored(ctx, no).Points()
}

// Loss is the loss of a transfer's devices over its whole time.
func (h *History) Loss(ctx context.Context, no protocol.TransferNo) *telemetry.LossMap {
	h.mu.Lock()
	if s := h.of[no]; s != nil {
		defer h.mu.Unlock()
		return s.Loss()
	}
	h.mu.Unlock()
	return h.stored(ctx, no).Loss()
}
