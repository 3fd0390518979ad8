package presence

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

var errOver = errors.New("over")

// waiting takes the events that a stream holds now, and gives the error that follows them.
func waiting[T any](s *Stream[T]) (out []T, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		event, err := s.Next(ctx)
		if err != nil {
			return out, err
		}
		out = append(out, event)
	}
}

func TestStream(t *testing.T) {
	fill := func(n int) func(s *Stream[int]) {
		return func(s *Stream[int]) {
			for i := range n {
				s.put(i)
			}
		}
	}
	ends := func(s *Stream[int]) { s.end(errOver) }
	for _, c := range []struct {
		name  string
		steps []func(*Stream[int])
		gives int            // events, counted from 0
		err   error          // what comes then, or …
		code  groupcast.Code // … its code
	}{
		{name: "empty", err: context.Canceled},
		{name: "in order", steps: []func(*Stream[int]){fill(3)}, gives: 3, err: context.Canceled},
		{name: "full", steps: []func(*Stream[int]){fill(MaxBehind)}, gives: MaxBehind, err: context.Canceled},
		{name: "one more than it holds", steps: []func(*Stream[int]){fill(MaxBehind + 1)}, code: groupcast.EExhausted},
		{name: "far more than it holds", steps: []func(*Stream[int]){fill(3 * MaxBehind)}, code: groupcast.EExhausted},
		{name: "ended", steps: []func(*Stream[int]){ends}, err: errOver},
		{name: "ended with events in it", steps: []func(*Stream[int]){fill(3), ends}, err: errOver},
		{name: "the first reason stays", steps: []func(*Stream[int]){ends, fill(3), (*Stream[int]).Close}, err: errOver},
		{name: "cut off, then ended", steps: []func(*Stream[int]){fill(MaxBehind + 1), ends}, code: groupcast.EExhausted},
		{name: "closed", steps: []func(*Stream[int]){fill(3), (*Stream[int]).Close}, code: groupcast.EUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStream[int]()
			for _, step := range c.steps {
				step(s)
			}
			for range 2 { // the reason is given each time
				got, err := waiting(s)
				if len(got) != c.gives {
					t.Fatalf("%d events, want %d", len(got), c.gives)
				}
				for i, event := range got {
					if event != i {
						t.Fatalf("event %d is %d", i, event)
					}
				}
				if c.err != nil && !errors.Is(err, c.err) || c.code != "" && groupcast.ErrorCode(err) != c.code {
					t.Fatalf("then %v, want %v%v", err, c.err, c.code)
				}
				c.gives = 0
			}
		})
	}
}

// A reader that waits hears of an event and of the end at once.
func TestAWaitingReaderIsWoken(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*Stream[int])
		err  error
	}{
		{"by an event", func(s *Stream[int]) { s.put(7) }, nil},
		{"by the end", func(s *Stream[int]) { s.end(errOver) }, errOver},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			s := newStream[int]()
			got := make(chan error)
			go func() {
				_, err := s.Next(ctx)
				got <- err
			}()
			c.do(s)
			if err := <-got; !errors.Is(err, c.err) {
				t.Fatal(err)
			}
		})
	}
}

// What has left a stream, and what waited when it ended, takes no memory.
func TestAQuietStreamHoldsNoMemory(t *testing.T) {
	for _, c := range []struct {
		name  string
		empty func(*Stream[int])
	}{
		{"read to the end", func(s *Stream[int]) { _, _ = waiting(s) }},
		{"ended", func(s *Stream[int]) { s.end(errOver) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStream[int]()
			for i := range MaxBehind {
				s.put(i)
			}
			if c.empty(s); s.events != nil {
				t.Fatalf("room for %d events is kept", cap(s.events))
			}
		})
	}
}

// Many write while one reads: nothing is lost or given twice before the reader stops.
func TestManyWriters(t *testing.T) {
	const writers, each = 16, MaxBehind / 16
	s := newStream[int]()
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				s.put(w*each + i)
			}
		})
	}
	seen := map[int]bool{}
	for range writers * each {
		event, err := s.Next(t.Context())
		if err != nil || seen[event] {
			t.Fatalf("event %d, seen before: %v, %v", event, seen[event], err)
		}
		seen[event] = true
	}
	all.Wait()
	if rest, _ := waiting(s); len(rest) > 0 {
		t.Fatalf("%d events too many", len(rest))
	}
}
