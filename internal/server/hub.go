package server

import (
	"context"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
)

const (
	maxBehind      = 256  // events a subscriber may be behind before it is cut off (C10)
	maxSubscribers = 1000 // of administrators' event streams
)

// queue is one bounded stream to one reader. Its writers never wait.
type queue[T any] struct {
	ch    chan T
	ended chan struct{}
	once  sync.Once
	err   error
	left  func() // tells the owner that the reader went
}

func newQueue[T any]() *queue[T] {
	return &queue[T]{ch: make(chan T, maxBehind), ended: make(chan struct{})}
}

// put adds an event and says whether the queue lives on; a full one is cut off instead.
func (q *queue[T]) put(v T) bool {
	select {
	case <-q.ended:
		return false
	default:
	}
	select {
	case q.ch <- v:
		return true
	default:
		q.end(groupcast.Errorf(groupcast.EExhausted, "this event stream fell %d events behind", maxBehind).
			WithHint("subscribe again and read the state"))
		return false
	}
}

func (q *queue[T]) end(err error) {
	q.once.Do(func() {
		q.err = err
		close(q.ended)
	})
}

// Next waits for an event; after the end what is queued is dropped.
func (q *queue[T]) Next(ctx context.Context) (T, error) {
	var none T
	select {
	case <-q.ended:
		return none, q.err
	default:
	}
	select {
	case v := <-q.ch:
		return v, nil
	case <-q.ended:
		return none, q.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// Close ends the stream from the reader's side.
func (q *queue[T]) Close() {
	q.end(groupcast.Errorf(groupcast.EUnavailable, "the event stream was closed"))
	if q.left != nil {
		q.left()
	}
}

// hub tells administrators' streams what changed.
type hub struct {
	mu      sync.Mutex
	version uint64
	streams map[*queue[groupcast.Event]]groupcast.Principal
	now     func() time.Time
}

func newHub(now func() time.Time) *hub {
	return &hub{streams: map[*queue[groupcast.Event]]groupcast.Principal{}, now: now}
}

func (h *hub) subscribe(p groupcast.Principal) (*queue[groupcast.Event], error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.streams) >= maxSubscribers {
		return nil, groupcast.Errorf(groupcast.EExhausted, "there are %d event streams already", maxSubscribers)
	}
	q := newQueue[groupcast.Event]()
	q.left = func() { h.forget(q) }
	h.streams[q] = p
	q.put(groupcast.Event{Version: h.version, Kind: groupcast.EventHello, At: h.now()})
	return q, nil
}

func (h *hub) forget(q *queue[groupcast.Event]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.streams, q)
}

// tell numbers an event and gives it to everybody.
func (h *hub) tell(e groupcast.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.version++
	e.Version, e.At = h.version, h.now()
	for q := range h.streams {
		if !q.put(e) {
			delete(h.streams, q)
		}
	}
}

// drop ends the streams of principals that may no longer have them.
func (h *hub) drop(gone func(groupcast.Principal) bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for q, p := range h.streams {
		if gone(p) {
			q.end(err)
			delete(h.streams, q)
		}
	}
}

func (h *hub) close() {
	h.drop(func(groupcast.Principal) bool { return true }, errShutdown)
}

var errShutdown = groupcast.Errorf(groupcast.EUnavailable, "the server is shutting down")
