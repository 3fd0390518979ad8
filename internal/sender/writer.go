package sender

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// When the interface takes no packets, a train is dropped and writing continues after outagePause; after
// maxOutage the session ends.
const (
	maxOutage   = 20 * time.Second
	outagePause = 50 * time.Millisecond
)

// Goroutines that seal and write. In a virtual switch the system call itself carries a train to every
// receiver and takes longer than building and sealing the next one.
const (
	minWriters = 2
	maxWriters = 4
)

// writers is how many goroutines seal and write.
func writers() int { return min(max(minWriters, runtime.GOMAXPROCS(0)), maxWriters) }

// buffers is the number of trains in memory: one for each writer, one that is being built.
func buffers() int { return writers() + 1 }

// writer seals packets and writes them, on goroutines of its own. Trains may leave in any order, because
// receivers sort by packet number. A SYNC describes what was sent before it: it is written after
// everything that was put before it, and before everything that was put after it.
type writer struct {
	link    *mcast.Link
	group   netip.AddrPort
	stopped *atomic.Bool
	seal    sealer
	tag     protocol.SessionTag
	marks   *marks // nil: packets have no MACs

	free   chan []byte
	ready  chan batch
	failed chan error    // the first error; everything after it is dropped
	done   chan struct{} // closed when all is written

	turn   sync.Mutex   // held while the next batch is taken from ready
	order  sync.RWMutex // read-locked for a train, write-locked for a SYNC, in the order of ready
	over   atomic.Bool  // a write has failed
	outage atomic.Int64 // since when the interface takes nothing, Unix ns; 0: it works
}

// batch is a train or a SYNC. The packets of a train are of one size, numbered from first on and yet to
// be sealed: each has its body where the sealed one goes. Its buffer goes back to free. A SYNC is sealed.
type batch struct {
	packets []byte
	size    int
	first   protocol.PacketNumber
	sync    bool
}

// sealer is the part of seal.Session that seals.
type sealer interface {
	Seal(dst []byte, h wire.Header, body []byte) []byte
}

// newWriter makes a writer for trains of at most so many bytes. The caller starts run.
func newWriter(link *mcast.Link, group netip.AddrPort, bytes int, stopped *atomic.Bool) *writer {
	w := &writer{
		link: link, group: group, stopped: stopped,
		free: make(chan []byte, buffers()), ready: make(chan batch, buffers()),
		failed: make(chan error, 1), done: make(chan struct{}),
	}
	for range buffers() {
		w.free <- make([]byte, 0, bytes)
	}
	return w
}

// buffer waits for a free buffer to build a train in.
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

// put queues packets for writing; the caller must not change them from here on.
func (w *writer) put(ctx context.Context, s batch) error {
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

// end waits until everything that was put is written or dropped. Nothing may be put after it.
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
	for range writers() {
		all.Go(func() { w.loop(ctx) })
	}
	all.Wait()
}

func (w *writer) loop(ctx context.Context) {
	var key markKey
	for {
		s, release, ok := w.take()
		if !ok {
			return
		}
		if !w.over.Load() {
			if err := w.write(ctx, s, &key); err != nil && !w.over.Swap(true) {
				w.failed <- err
			}
		}
		release()
		if !s.sync {
			w.free <- s.packets
		}
	}
}

// take waits for the next batch, and until it may be written at the same time as those taken
// before. The caller releases it when it is written.
func (w *writer) take() (s batch, release func(), ok bool) {
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

// sealTrain seals the packets of a train where they are. Their numbers count as used even if Stop ends it
// before the last (security.md K1, K2).
func (w *writer) sealTrain(s batch, key *markKey) error {
	if w.marks != nil && !key.renew(w.marks) {
		return errStopped
	}
	for i := 0; i < len(s.packets)/s.size; i++ {
		if w.stopped.Load() {
			return errStopped
		}
		p := s.packets[i*s.size : (i+1)*s.size]
		h := wire.Header{Kind: wire.KindData, Tag: w.tag, Number: s.first + protocol.PacketNumber(i)}
		if w.marks != nil {
			key.mark(h, p)
		}
		w.seal.Seal(p[:0], h, p[protocol.GroupHeaderBytes:s.size-protocol.TagBytes])
	}
	return nil
}

// write seals and sends packets. What an interface that is down does not take is lost, and repaired
// like any other loss; only an interface that stays down ends the session.
func (w *writer) write(ctx context.Context, s batch, key *markKey) error {
	if w.stopped.Load() {
		return errStopped
	}
	if !s.sync {
		if err := w.sealTrain(s, key); err != nil {
			return err
		}
	}
	err := w.link.WriteTrain(ctx, w.group, s.packets, s.size)
	switch {
	case err == nil:
		w.outage.Store(0)
		return nil
	case w.stopped.Load() || ctx.Err() != nil:
		return errStopped
	case w.outage.CompareAndSwap(0, time.Now().UnixNano()):
	case time.Since(time.Unix(0, w.outage.Load())) > maxOutage:
		const format = "interface %s takes no packets to %s"
		return groupcast.Errorf(groupcast.EUnavailable, format, w.link.Interface.Name, w.group.Addr()).
			WithHint("check the cable, the interface's state and its routes, or start the server with another interface").
			Wrap(errors.Join(ErrInterface, err))
	}
	pause(ctx, outagePause)
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
