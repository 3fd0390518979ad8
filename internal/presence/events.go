package server

import (
	"context"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
)

// maxBehind is how many events a subscriber may be behind before it is cut off (C10).
const maxBehind = 256

// queue is one bounded stream to one reader. Its writers never wait. What it holds takes memory
// only while something waits in it: thousands of streams are quiet most of the time.
type queue[T any] struct {
	mu    sync.Mutex
	items []T
	more  chan struct{} // holds one word while there are items
	ended chan struct{}
	once  sync.Once
	gone  sync.Once
	err   error
	left  func() // tells the owner that the reader went
}

func newQueue[T any]() *queue[T] {
	return &queue[T]{more: make(chan struct{}, 1), ended: make(chan struct{})}
}

// put adds an event and says whether the queue lives on; a full one is cut off instead.
func (q *queue[T]) put(v T) bool {
	select {
	case <-q.ended:
		return false
	default:
	}
	q.mu.Lock()
	fits := len(q.items) < maxBehind
	if fits {
		q.items = append(q.items, v)
	}
	q.mu.Unlock()
	if !fits {
		q.end(groupcast.Errorf(groupcast.EExhausted, "this event stream fell %d events behind", maxBehind).
			WithHint("subscribe again and read the state"))
		return false
	}
	select {
	case q.more <- struct{}{}:
	default:
	}
	return true
}

// take gives the oldest item, if there is one.
func (q *queue[T]) take() (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return v, false
	}
	v, q.items = q.items[0], q.items[1:]
	if len(q.items) == 0 {
		q.items = nil // the memory behind it goes
	}
	return v, true
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
	for {
		select {
		case <-q.ended:
			return none, q.err
		default:
		}
		if v, ok := q.take(); ok {
			return v, nil
		}
		select {
		case <-q.more:
		case <-q.ended:
			return none, q.err
		case <-ctx.Done():
			return none, ctx.Err()
		}
	}
}

// Close ends the stream from the reader's side.
func (q *queue[T]) Close() {
	q.end(groupcast.Errorf(groupcast.EUnavailable, "the event stream was closed"))
	if q.left != nil {
		q.gone.Do(q.left)
	}
}

// hub tells people's streams what changed.
type hub struct {
	share   *auth.Share
	mu      sync.Mutex
	version uint64
	streams map[*queue[groupcast.Event]]groupcast.Principal
	now     func() time.Time
}

func newHub(now func() time.Time) *hub {
	return &hub{share: auth.NewShare(peopleStreams()), streams: map[*queue[groupcast.Event]]groupcast.Principal{}, now: now}
}

func (h *hub) subscribe(p groupcast.Principal) (*queue[groupcast.Event], error) {
	if err := h.share.Take(context.Background(), p.User.ID, auth.RankOf(p)); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	q := newQueue[groupcast.Event]()
	q.left = func() {
		h.share.Give(p.User.ID)
		h.forget(q)
	}
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
