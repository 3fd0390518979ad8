// Package batch makes one call of many that come at the same time.
package batch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Most is how many are made one call at most; it bounds what one of them waits for.
const Most = 128

// Calls makes one call of those that come at the same time. The caller that has its turn makes it
// for all that wait; while many come, it waits a little for more.
type Calls[T, R any] struct {
	do      func(ctx context.Context, all []T) []R
	turn    chan struct{} // holds one token: whoever has it may call
	mu      sync.Mutex
	waiting []*caller[T, R]
	came    [crowd]time.Time // when the last so many came, in turn
	count   int
}

// caller waits for its answer.
type caller[T, R any] struct {
	asks T
	done chan answered[R]
}

type answered[R any] struct {
	r   R
	err error
}

// New makes calls with do, which answers in the order of what was asked.
func New[T, R any](do func(ctx context.Context, all []T) []R) *Calls[T, R] {
	b := &Calls[T, R]{do: do, turn: make(chan struct{}, 1)}
	b.turn <- struct{}{}
	return b
}

// Call asks together with others. One that is given up before it is anybody's turn is not made.
func (b *Calls[T, R]) Call(ctx context.Context, asks T) (R, error) {
	c := &caller[T, R]{asks: asks, done: make(chan answered[R], 1)}
	b.add(c)
	for {
		select {
		case a := <-c.done:
			return a.r, a.err
		case <-b.turn:
			b.serve(context.WithoutCancel(ctx), c)
		case <-ctx.Done():
			if b.leave(c) {
				var none R
				return none, ctx.Err()
			}
			a := <-c.done
			return a.r, a.err
		}
	}
}

func (b *Calls[T, R]) add(c *caller[T, R]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, c)
	b.came[b.count%crowd] = time.Now()
	b.count++
}

// leave removes a caller with a call that has not begun.
func (b *Calls[T, R]) leave(c *caller[T, R]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := slices.Index(b.waiting, c)
	if at >= 0 {
		b.waiting = slices.Delete(b.waiting, at, at+1)
	}
	return at >= 0
}

// next takes those that have waited longest.
func (b *Calls[T, R]) next() []*caller[T, R] {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.waiting), Most)
	out := slices.Clone(b.waiting[:n])
	b.waiting = slices.Delete(b.waiting, 0, n)
	return out
}

// ErrNotMade is the error of callers if their call ended in a panic.
var ErrNotMade = errors.New("batch: the call was not made")

// serve has the turn, uses it for those that wait, of whom the caller is one, and gives it back.
func (b *Calls[T, R]) serve(ctx context.Context, c *caller[T, R]) {
	defer func() { b.turn <- struct{}{} }()
	if len(c.done) > 0 {
		return // it has its answer: it does not wait for company, nor serves others
	}
	b.company()
	callers := b.next()
	if len(callers) == 0 {
		return
	}
	asked := make([]T, len(callers))
	for i, c := range callers {
		asked[i] = c.asks
	}
	var answers []R
	defer func() {
		for i, c := range callers {
			a := answered[R]{err: ErrNotMade}
			if len(answers) == len(callers) {
				a = answered[R]{r: answers[i]}
			}
			c.done <- a
		}
	}()
	answers = b.do(ctx, asked)
}

const (
	crowd       = 16                    // so many who come within companyWait are one
	companyWait = 50 * time.Millisecond // that one of a crowd waits for more of it at most …
	nobodyComes = 10 * time.Millisecond // … and no longer once nobody comes for so long
	enough      = Most / 2
)

// company waits for more callers while many come: if hundreds of devices answer one after another, each
// would have a call of its own. A caller that comes alone, or with few, does not wait.
func (b *Calls[T, R]) company() {
	for until := time.Now().Add(companyWait); b.more(until); {
		b.mu.Lock()
		before := b.count
		b.mu.Unlock()
		time.Sleep(nobodyComes)
		b.mu.Lock()
		over := b.count == before
		b.mu.Unlock()
		if over {
			return
		}
	}
}

// more says whether it is worth waiting for more: many came lately, and few of them wait yet.
func (b *Calls[T, R]) more(until time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, first := time.Now(), b.came[b.count%crowd] // first of the last so many
	return !first.IsZero() && now.Sub(first) < companyWait && now.Before(until) && len(b.waiting) < enough
}
