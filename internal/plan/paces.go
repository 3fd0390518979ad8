package plan

import (
	"context"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

const maxKnown = 1000 // transfers whose pace is kept in memory

// Look reads what a pace is worked out from: the deliveries of a transfer, and its course.
type Look func(ctx context.Context, no protocol.TransferNo) ([]groupcast.Delivery, []groupcast.Point, error)

// Paces works out how quickly transfers went, and keeps it. It is safe for concurrent use.
type Paces struct {
	look Look

	mu    sync.Mutex
	known map[protocol.TransferNo]measured
}

// measured is what came of a transfer when so many devices had it.
type measured struct {
	verified int
	known    bool
	pace     groupcast.Pace
}

// NewPaces knows of no transfer yet.
func NewPaces(look Look) *Paces { return &Paces{look: look, known: map[protocol.TransferNo]measured{}} }

// Find gives the pace that a transfer goes by, of a list of transfers that begins with the newest; nil if none of
// them tells. It reads no more of them than it needs.
func (p *Paces) Find(
	ctx context.Context, transfers []groupcast.Transfer, via groupcast.Via, limit uint64,
) (*groupcast.Pace, error) {
	var fit []groupcast.Pace
	for _, t := range transfers {
		m, err := p.of(ctx, t)
		if err != nil {
			return nil, err
		}
		if m.known && m.pace.Via == via && !heldBack(m.pace, limit) {
			fit = append(fit, m.pace)
		}
		if len(fit) == middleOf {
			break
		}
	}
	return Choose(fit, via, limit), nil
}

func (p *Paces) of(ctx context.Context, t groupcast.Transfer) (m measured, err error) {
	if t.Verified == 0 || t.Bytes < leastMeasured || t.StartedAt.IsZero() {
		return m, nil
	}
	p.mu.Lock()
	m, known := p.known[t.No]
	p.mu.Unlock()
	if known && m.verified == t.Verified {
		return m, nil
	}
	deliveries, points, err := p.look(ctx, t.No)
	if err != nil {
		return m, err
	}
	m = measured{verified: t.Verified}
	m.pace, m.known = Measure(t, deliveries, points)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= maxKnown {
		clear(p.known)
	}
	p.known[t.No] = m
	return m, nil
}
