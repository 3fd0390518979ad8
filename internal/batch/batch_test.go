package batch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// asker counts the calls that a batch makes, and answers with twice what was asked. A negative ask panics.
type asker struct {
	calls, most atomic.Int64
	hold        chan struct{} // nil: it answers at once
}

func (a *asker) batch() *Calls[int, int] {
	return New(func(_ context.Context, all []int) []int {
		a.calls.Add(1)
		a.most.Store(max(a.most.Load(), int64(len(all))))
		if a.hold != nil {
			<-a.hold
		}
		out := make([]int, len(all))
		for i, n := range all {
			if n < 0 {
				panic("negative")
			}
			out[i] = 2 * n
		}
		return out
	})
}

func TestEachHearsItsOwnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asker{}
		b := a.batch()
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond / 2)
				if got, err := b.Call(t.Context(), i); err != nil || got != 2*i {
					t.Errorf("%d: %d, %v", i, got, err)
				}
			})
		}
		all.Wait()
		if calls := a.calls.Load(); calls > 50 || a.most.Load() > Most {
			t.Errorf("%d calls, the largest of %d", calls, a.most.Load())
		}
	})
}

// Few wait for nobody.
func TestWhoComesAloneDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asker{}
		b, began := a.batch(), time.Now()
		for i := range crowd - 1 {
			if _, err := b.Call(t.Context(), i); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 0 || a.calls.Load() != crowd-1 {
			t.Errorf("%v for %d calls", took, a.calls.Load())
		}
		if _, err := b.Call(t.Context(), 1); err != nil || time.Since(began) != nobodyComes {
			t.Errorf("one more makes a crowd, of which nobody else comes: %v, %v", time.Since(began), err)
		}
		time.Sleep(companyWait)
		began = time.Now()
		if _, err := b.Call(t.Context(), 1); err != nil || time.Since(began) != 0 {
			t.Errorf("the crowd is gone: %v, %v", time.Since(began), err)
		}
	})
}

// Who gives up before it is their turn has asked for nothing; later the answer comes.
func TestWhoGivesUpIsTakenOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asker{hold: make(chan struct{})}
		b := a.batch()
		first := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_, err := b.Call(ctx, 1)
			first <- err
		}()
		synctest.Wait()
		waits, cancelWaiting := context.WithCancel(t.Context())
		second := make(chan error, 1)
		go func() {
			_, err := b.Call(waits, 2)
			second <- err
		}()
		synctest.Wait()
		cancelWaiting()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("who waits: %v", err)
		}
		cancel()
		synctest.Wait()
		close(a.hold)
		if err := <-first; err != nil {
			t.Errorf("whose call is under way: %v", err)
		}
		if a.calls.Load() != 1 || a.most.Load() != 1 {
			t.Errorf("%d calls, the largest of %d", a.calls.Load(), a.most.Load())
		}
	})
}

// A panic shows where it was caused, and takes nobody's turn with it.
func TestAPanicGivesTheTurnBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asker{hold: make(chan struct{})}
		b := a.batch()
		go func() { _, _ = b.Call(t.Context(), 1) }()
		synctest.Wait()
		heard, panicked := make(chan error, 2), make(chan any, 2)
		for _, n := range []int{-1, 3} {
			go func() {
				defer func() { panicked <- recover() }()
				_, err := b.Call(t.Context(), n)
				heard <- err
			}()
			synctest.Wait()
		}
		close(a.hold)
		if err := <-heard; !errors.Is(err, ErrNotMade) {
			t.Errorf("who shared the call: %v", err)
		}
		if one, two := <-panicked, <-panicked; (one == nil) == (two == nil) {
			t.Errorf("panics: %v and %v", one, two)
		}
		if got, err := b.Call(t.Context(), 4); err != nil || got != 8 {
			t.Errorf("the next one: %d, %v", got, err)
		}
	})
}
