// Package planner gathers what a plan of a send is made of: what is sent, whose devices it is for, what is sent before
// it, and how quickly transfers went. Package plan decides by that what the send would meet.
package planner

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/plan"
	"github.com/groupcast/groupcast/internal/presence"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// Engine knows what is delivered (*delivery.Engine).
type Engine interface {
	MayAdd(g groupcast.Group, now bool) error
	Paused() bool
	Ahead(group protocol.GroupID) protocol.TransferNo
	WouldReplace(
		group protocol.GroupID, entries int, covers func(older string) (covers bool, read int, err error),
	) (older []protocol.TransferNo, all bool)
	Transfer(ctx context.Context, no protocol.TransferNo) (groupcast.Transfer, error)
	Transfers(ctx context.Context, f groupcast.TransferFilter) (groupcast.Page[groupcast.Transfer], error)
	Series(ctx context.Context, no protocol.TransferNo, after time.Time) ([]groupcast.Point, error)
}

// Config says what a planner asks.
type Config struct {
	Store     store.Store
	Content   *content.Library
	Agents    *presence.Agents
	Engine    Engine
	Fits      func(bytes uint64) error // on the server's disk
	MaxRate   uint64                   // of the server, in bytes a second; 0: no limit
	GatherMax time.Duration            // for so long devices that are late are waited for
	Now       func() time.Time
}

// Planner makes plans. It is safe for concurrent use.
type Planner struct {
	cfg   Config
	paces *plan.Paces
}

// New makes a planner.
func New(cfg Config) *Planner {
	p := &Planner{cfg: cfg}
	p.paces = plan.NewPaces(p.lookAt)
	return p
}
