package sender

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/mcast"
)

// How an interface that fails is borne.
const (
	brokenFor   = 20 * time.Second
	brokenPause = 50 * time.Millisecond
)

const (
	// hands write at the same time: in a virtual switch the system call carries a train to every
	// receiver, which takes longer than all the rest.
	hands = 2
	// buffers are the trains of a session in memory: each hand has one, the next is sealed.
	buffers = hands + 1
)

// writer writes sealed packets on goroutines of its own. Trains may overtake one another, the
// numbers of their packets tell; but a SYNC speaks of what was sent before it, so that it waits
// until that is written, and what was put after it waits for the SYNC.
type writer struct {
	link    *mcast.Link
	group   netip.AddrPort
	stopped *atomic.Bool

	free   chan []byte
	ready  chan shipment
	failed chan error    // the first error; everything after it is dropped
	done   chan struct{} // closed when all is written

	turn   sync.Mutex   // of taking the next shipment
	order  sync.RWMutex // read for a train, written for a SYNC; taken in turn
	over   atomic.Bool  // it has failed
	broken atomic.Int64 // since when the interface takes nothing, Unix ns; 0: it works
}

// shipment is packets of one size, the last may be shorter. Its buffer goes back to free, if it
// is one of the writer's.
type shipment struct {
	packets []byte
	size    int
	ours    bool
	sync    bool
}

// newWriter makes a writer of trains of at most so many bytes; run has to be called.
func newWriter(link *mcast.Link, group netip.AddrPort, bytes int, stopped *atomic.Bool) *writer {
	w := &writer{
		link: link, group: group, stopped: stopped,
		free: make(chan []byte, buffers), ready: make(chan shipment, buffers),
		failed: make(chan error, 1), done: make(chan struct{}),
	}
	for range buffers {
		w.free <- make([]byte, 0, bytes)
	}
	return w
}

// buffer waits for one to build a train in.
func (w *writer) buffer(ctx context.Context) ([]byte, error) {
	select {
	case b := <-w.free:
		return b[:0], nil
	case err := <-w.failed:
		return nil, err
	case <-ctx.Done():
		return nil, errStopped
	}
}

// put hands packets over; they must not change from here on.
func (w *writer) put(ctx context.Context, s shipment) error {
	if w.stopped.Load() {
		return errStopped
	}
	select {
	case w.ready <- s:
		return nil
	case err := <-w.failed:
		return err
	case <-ctx.Done():
		return errStopped
	}
}

// end waits until all that was put is written or dropped. Nothing may be put after it.
func (w *writer) end() error {
	close(w.ready)
	<-w.done
	select {
	case err := <-w.failed:
		return err
	default:
		return nil
	}
}

// run writes until end is called.
func (w *writer) run(ctx context.Context) {
	defer close(w.done)
	var all sync.WaitGroup
	for range hands {
		all.Go(func() { w.hand(ctx) })
	}
	all.Wait()
}

func (w *writer) hand(ctx context.Context) {
	for {
		s, release, ok := w.take()
		if !ok {
			return
		}
		if !w.over.Load() {
			if err := w.write(ctx, s); err != nil && !w.over.Swap(true) {
				w.failed <- err
			}
		}
		release()
		if s.ours {
			w.free <- s.packets
		}
	}
}

// take waits for the next shipment, and until it may be written beside those taken before.
func (w *writer) take() (s shipment, release func(), ok bool) {
	w.turn.Lock()
	defer w.turn.Unlock()
	s, ok = <-w.ready
	switch {
	case !ok:
		return s, nil, false
	case s.sync:
		w.order.Lock()
		return s, w.order.Unlock, true
	}
	w.order.RLock()
	return s, w.order.RUnlock, true
}

// write sends sealed packets. What an interface that is down does not take is lost like any
// other packet; only one that stays down ends the session.
func (w *writer) write(ctx context.Context, s shipment) error {
	if w.stopped.Load() {
		return errStopped
	}
	err := w.link.WriteTrain(ctx, w.group, s.packets, s.size)
	switch {
	case err == nil:
		w.broken.Store(0)
		return nil
	case w.stopped.Load() || ctx.Err() != nil:
		return errStopped
	case w.broken.CompareAndSwap(0, time.Now().UnixNano()):
	case time.Since(time.Unix(0, w.broken.Load())) > brokenFor:
		return groupcast.Errorf(groupcast.EUnavailable, "interface %s takes no packets to %s", w.link.Interface.Name, w.group.Addr()).
			WithHint("check the cable, the interface's state and its routes, or name another with --interface").Wrap(errors.Join(ErrInterface, err))
	}
	pause(ctx, brokenPause)
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
