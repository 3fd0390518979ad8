package menu

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
)

// How often the server is looked at.
const (
	lookLeast         = 250 * time.Millisecond // however much changes
	lookWithEvents    = 5 * time.Second        // while its events are heard: they are hints, and some things make none
	lookWithoutEvents = time.Second            // while they are not
)

// listen reads what changes until it ends, as apiclient's Events does.
type listen func(ctx context.Context, each func(groupcast.Event) error) error

// follower looks at the server whenever something has changed there. Its functions are called
// one after another.
type follower struct {
	events listen
	take   func(groupcast.Event) (changed bool)
	look   func(ctx context.Context) (pause time.Duration) // pause: the least until the next look
	wake   <-chan struct{}                                 // look at once; nil: never
}

// run follows until ctx ends. Where there are no events, or not now, it looks by the clock.
func (f follower) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	heard, gone, over := make(chan groupcast.Event), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		f.readEvents(ctx, heard, gone)
	}()
	defer func() { cancel(); <-over }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time
	idle, pause := lookWithoutEvents, lookLeast
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-heard:
			idle = lookWithEvents
			if f.take(e) {
				timer.Reset(max(0, pause-time.Since(last)))
			}
		case <-gone:
			idle = lookWithoutEvents
			timer.Reset(max(0, pause-time.Since(last)))
		case <-f.wake:
			timer.Reset(0)
		case <-timer.C:
			pause = max(lookLeast, f.look(ctx))
			last = time.Now()
			timer.Reset(max(idle, pause))
		}
	}
}

// readEvents hands on events and opens a stream that ended again.
func (f follower) readEvents(ctx context.Context, heard chan<- groupcast.Event, gone chan<- struct{}) {
	var pause apiclient.Backoff
	for ctx.Err() == nil {
		_ = f.events(ctx, func(e groupcast.Event) error { // why it ended is seen by who looks
			pause.Reset()
			select {
			case heard <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		select {
		case gone <- struct{}{}:
		case <-ctx.Done():
		}
		_ = pause.Wait(ctx) // ctx's end is the loop's, too
	}
}
