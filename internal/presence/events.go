package presence

import (
	"context"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
)

// Events gives everybody who subscribed each event of the server. Its methods never wait and are
// safe for concurrent use.
type Events struct {
	now     func() time.Time
	share   *auth.Share
	mu      sync.Mutex
	version uint64 // the number of the last event
	streams map[*Stream[groupcast.Event]]groupcast.Principal
}

// NewEvents makes an Events without subscribers. Bounds say how many streams there may be.
func NewEvents(bounds auth.Bounds, now func() time.Time) *Events {
	return &Events{now: now, share: auth.NewShare(bounds), streams: map[*Stream[groupcast.Event]]groupcast.Principal{}}
}

// Subscribe opens a stream, which begins with an EventHello. It counts against the bounds until
// the reader closes it, even when it ended before that.
func (e *Events) Subscribe(p groupcast.Principal) (*Stream[groupcast.Event], error) {
	if err := e.share.Take(context.Background(), p.User.ID, auth.RankOf(p)); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	st := newStream[groupcast.Event]()
	st.left = func() {
		e.share.Give(p.User.ID)
		e.forget(st)
	}
	e.streams[st] = p
	st.put(groupcast.Event{Version: e.version, Kind: groupcast.EventHello, At: e.now()})
	return st, nil
}

func (e *Events) forget(st *Stream[groupcast.Event]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.streams, st)
}

// Publish numbers an event, says when it was and gives it to every subscriber.
func (e *Events) Publish(event groupcast.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.version++
	event.Version, event.At = e.version, e.now()
	for st := range e.streams {
		if !st.put(event) {
			delete(e.streams, st)
		}
	}
}

// End ends the streams of all that match, with a reason.
func (e *Events) End(match func(groupcast.Principal) bool, reason error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for st, p := range e.streams {
		if match(p) {
			st.end(reason)
			delete(e.streams, st)
		}
	}
}

// Close ends every stream: the server goes down.
func (e *Events) Close() {
	e.End(func(groupcast.Principal) bool { return true }, errShutdown)
}
