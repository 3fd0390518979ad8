package presence

import (
	"context"
	"sync"

	"github.com/groupcast/groupcast"
)

// MaxBehind is how many events wait for a reader at most; one that is further behind is cut
// off (C10).
const MaxBehind = 256

// Stream is a bounded queue of events with one reader. Events take memory only while they wait:
// thousands of streams are quiet most of the time.
type Stream[T any] struct {
	mu     sync.Mutex
	events []T
	ended  error         // why it ended; nil while it goes on
	wake   chan struct{} // holds a token when the reader has something to look at
	left   func()        // called once when the reader closes it; may be nil
	closed bool
}

func newStream[T any]() *Stream[T] {
	return &Stream[T]{wake: make(chan struct{}, 1)}
}

// put adds an event and says whether the stream continues. A full stream ends instead.
func (s *Stream[T]) put(event T) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return false
	}
	if len(s.events) == MaxBehind {
		s.finish(groupcast.Errorf(groupcast.EExhausted, "this event stream fell %d events behind", MaxBehind).
			WithHint("subscribe again and read the state"))
		return false
	}
	s.events = append(s.events, event)
	s.signal()
	return true
}

// end ends the stream with a reason, which Next gives from now on. Events that still wait are
// dropped. The first reason stays.
func (s *Stream[T]) end(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish(reason)
}

// finish is end with the lock held.
func (s *Stream[T]) finish(reason error) {
	if s.ended == nil {
		s.ended, s.events = reason, nil
		s.signal()
	}
}

func (s *Stream[T]) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next gives the oldest event, if there is one, or the reason for which the stream ended.
func (s *Stream[T]) next() (event T, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil || len(s.events) == 0 {
		return event, false, s.ended
	}
	event, s.events = s.events[0], s.events[1:]
	if len(s.events) == 0 {
		s.events = nil // gives the array back
	}
	return event, true, nil
}

// Next waits for an event. Its error is the reason for which the stream ended, or that of ctx.
// Events that wait are given even when ctx is done.
func (s *Stream[T]) Next(ctx context.Context) (T, error) {
	for {
		event, ok, err := s.next()
		if ok || err != nil {
			return event, err
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return event, ctx.Err()
		}
	}
}

// Close ends the stream from the reader's side and gives its place back. The reader calls it
// when the stream has ended for another reason, too.
func (s *Stream[T]) Close() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.finish(groupcast.Errorf(groupcast.EUnavailable, "the event stream was closed"))
	s.mu.Unlock()
	if first && s.left != nil {
		s.left()
	}
}

var errShutdown = groupcast.Errorf(groupcast.EUnavailable, "the server is shutting down")
