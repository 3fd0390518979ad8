package menu

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
)

func TestFollowerLooksWhenItHearsAndByTheClockWhenItDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		events := make(chan groupcast.Event)
		var looks atomic.Int64
		var hears atomic.Bool
		f := follower{
			events: func(ctx context.Context, each func(groupcast.Event) error) error {
				if !hears.Load() {
					return groupcast.Errorf(groupcast.EUnavailable, "no events")
				}
				for {
					select {
					case e := <-events:
						if err := each(e); err != nil {
							return err
						}
					case <-ctx.Done():
						return ctx.Err()
					}
				}
			},
			take: func(e groupcast.Event) bool { return e.Kind != groupcast.EventProgress },
			look: func(context.Context) time.Duration { looks.Add(1); return 0 },
		}
		over := make(chan struct{})
		go func() { f.run(ctx); close(over) }()
		time.Sleep(time.Minute) // of the test's own clock
		if n := looks.Load(); n < 30 {
			t.Errorf("%d looks in a minute without events", n)
		}
		hears.Store(true)
		time.Sleep(5 * time.Minute) // the stream is opened again
		events <- groupcast.Event{Kind: groupcast.EventHello}
		time.Sleep(time.Second)
		before := looks.Load()
		time.Sleep(time.Minute)
		if n := looks.Load() - before; n < 11 || n > 13 {
			t.Errorf("%d looks in a quiet minute with events", n)
		}
		before = looks.Load()
		for range 100 { // two seconds of many changes
			events <- groupcast.Event{Kind: groupcast.EventDelivery}
			time.Sleep(20 * time.Millisecond)
		}
		if n := looks.Load() - before; n < 7 || n > 10 {
			t.Errorf("%d looks in two busy seconds", n)
		}
		cancel()
		<-over
	})
}
