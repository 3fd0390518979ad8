package receiver

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/recv"
)

// clock answers for the sender's clock.
type clock func(context.Context) (time.Duration, error)

// TestAServerTooFarAwayEndsTheSession: packets with MACs would all come too late. One slow answer among quick ones, or
// a question that fails, is no reason.
func TestAServerTooFarAwayEndsTheSession(t *testing.T) {
	o := newPagedOrigin(t, 0, 1<<20)
	slow := func(context.Context) (time.Duration, error) {
		time.Sleep(recv.MostRoundTrip + 10*time.Millisecond)
		return time.Second, nil
	}
	failing := func(context.Context) (time.Duration, error) { return 0, errors.New("not now") }
	quick := func(context.Context) (time.Duration, error) { return time.Second, nil }
	for name, c := range map[string]struct {
		clocks []clock // the last goes on
		want   error
	}{
		"always slow":         {[]clock{slow}, ErrTooFar},
		"never an answer":     {[]clock{failing}, ErrTooFar},
		"slow, then quick":    {[]clock{slow, quick}, context.DeadlineExceeded},
		"failing, then quick": {[]clock{failing, failing, quick}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := o.config(newEndpoint(t, nil), newPagedMemory(o))
			cfg.Offer.Flags |= format2.OfferMACs
			asked := 0
			cfg.Clock = func(ctx context.Context) (time.Duration, error) {
				asked++
				return c.clocks[min(asked, len(c.clocks))-1](ctx)
			}
			r, err := NewPaged(cfg)
			if err != nil {
				t.Fatal(err)
			}
			within := 10 * time.Second
			if !errors.Is(c.want, ErrTooFar) {
				within = time.Second
			}
			ctx, stop := context.WithTimeout(t.Context(), within)
			defer stop()
			if err := r.Run(ctx); !errors.Is(err, c.want) {
				t.Errorf("%v after %d questions", err, asked)
			}
		})
	}
}
