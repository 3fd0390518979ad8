package recent

import (
	"cmp"
	"context"
	"time"

	"github.com/groupcast/groupcast/internal/store"
)

// closing and handout are what one caller wants written, and the time at which.
type (
	closing struct {
		store.Closing
		at time.Time
	}
	handout struct {
		store.Handout
		at time.Time
	}
)

// CloseDelivery ends a delivery in one transaction with others that end at the same time.
func (s *Store) CloseDelivery(ctx context.Context, c store.Closing, at time.Time) (owed int, err error) {
	closed, err := s.closings.Call(ctx, closing{c, at})
	return closed.Owed, cmp.Or(err, closed.Err)
}

func closeAll(s store.Store) func(ctx context.Context, all []closing) []store.Closed {
	return func(ctx context.Context, all []closing) []store.Closed {
		closings, at := make([]store.Closing, len(all)), time.Time{}
		for i, c := range all {
			closings[i], at = c.Closing, later(at, c.at)
		}
		return s.CloseDeliveries(ctx, closings, at)
	}
}

// AddHandouts notes that devices are handed a session's key; one alone, together with others.
func (s *Store) AddHandouts(ctx context.Context, handouts []store.Handout, at time.Time) []error {
	if len(handouts) != 1 {
		return s.Store.AddHandouts(ctx, handouts, at)
	}
	failed, err := s.handouts.Call(ctx, handout{handouts[0], at})
	return []error{cmp.Or(err, failed)}
}

func addAll(s store.Store) func(ctx context.Context, all []handout) []error {
	return func(ctx context.Context, all []handout) []error {
		handouts, at := make([]store.Handout, len(all)), time.Time{}
		for i, h := range all {
			handouts[i], at = h.Handout, later(at, h.at)
		}
		return s.AddHandouts(ctx, handouts, at)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
