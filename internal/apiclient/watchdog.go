package apiclient

import (
	"context"
	"math/rand/v2"
	"time"
)

// watchdog ends the request it watches when nothing was heard for readStall.
type watchdog struct {
	cancel context.CancelCauseFunc
	ended  func() error // why the request's context ended; nil while it has not
	timer  *time.Timer
}

func watch(ctx context.Context) (context.Context, *watchdog) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &watchdog{
		cancel: cancel,
		ended:  func() error { return context.Cause(ctx) },
		timer:  time.AfterFunc(readStall, func() { cancel(context.DeadlineExceeded) }),
	}
}

func (w *watchdog) alive() { w.timer.Reset(readStall) }

func (w *watchdog) end() {
	w.timer.Stop()
	w.cancel(context.Canceled)
}

// cause distinguishes a silent server from a caller that cancelled.
func (w *watchdog) cause(err error) error {
	if why := w.ended(); why != nil {
		return why
	}
	return err
}

// Longest pauses of Backoff.
const (
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 60 * time.Second
)

// Backoff spreads the attempts to come back: each pause is random between nothing and a bound
// that doubles up to a minute, so that ten thousand devices do not come back at once.
type Backoff struct{ bound time.Duration }

// Next gives the next pause.
func (b *Backoff) Next() time.Duration {
	b.bound = min(max(2*b.bound, firstBackoff), maxBackoff)
	return rand.N(b.bound)
}

// Wait pauses, unless ctx ends first.
func (b *Backoff) Wait(ctx context.Context) error { return sleep(ctx, b.Next()) }

// Reset starts again after a success.
func (b *Backoff) Reset() { b.bound = 0 }
