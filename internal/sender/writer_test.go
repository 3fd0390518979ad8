package sender

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Trains are written side by side, but a SYNC after all that was put before it and before all
// that was put after it.
func TestSyncIsWrittenInItsPlace(t *testing.T) {
	var stopped atomic.Bool
	w := newWriter(nil, netip.AddrPort{}, 10, &stopped)
	for _, s := range []batch{{size: 1}, {size: 2}, {size: 3, sync: true}} {
		if err := w.put(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	type taken struct {
		size    int
		release func()
	}
	next := make(chan taken)
	go func() {
		for {
			s, release, ok := w.take()
			if !ok {
				close(next)
				return
			}
			next <- taken{s.size, release}
		}
	}()
	want := func(size int) func() {
		t.Helper()
		got := <-next
		if got.size != size {
			t.Fatalf("batch %d instead of %d", got.size, size)
		}
		return got.release
	}
	none := func(why string) {
		t.Helper()
		select {
		case got := <-next:
			t.Fatalf("batch %d was taken although %s", got.size, why)
		case <-time.After(20 * time.Millisecond):
		}
	}
	first, second := want(1), want(2)
	none("two trains are being written")
	first()
	none("one train is being written")
	second()
	sync := want(3)
	if err := w.put(t.Context(), batch{size: 4}); err != nil {
		t.Fatal(err)
	}
	none("a SYNC is being written")
	sync()
	want(4)()
	close(w.ready)
	if _, more := <-next; more {
		t.Error("a batch after the end")
	}
}

// closedLink is a link that takes nothing.
func closedLink(t *testing.T) *mcast.Link {
	t.Helper()
	ifi, err := mcast.InterfaceByName("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	l, err := mcast.OpenLink(ifi, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l
}

// TestInterfaceThatIsDown: what it does not take is lost; only after a while the session ends, with an
// error that says what to do.
func TestInterfaceThatIsDown(t *testing.T) {
	for _, c := range []struct {
		name    string
		since   time.Duration // that it takes nothing
		stopped bool
		want    error
	}{
		{"from now on", 0, false, nil},
		{"for a short time", maxOutage / 2, false, nil},
		{"for too long", 2 * maxOutage, false, ErrInterface},
		{"and the session was stopped", 2 * maxOutage, true, errStopped},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stopped atomic.Bool
			stopped.Store(c.stopped)
			w := newWriter(closedLink(t), group(), 10, &stopped)
			if c.since > 0 {
				w.outage.Store(time.Now().Add(-c.since).UnixNano())
			}
			err := w.write(t.Context(), batch{packets: []byte{1}, size: 1, sync: true}, nil)
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("got %v", err)
			}
			if w.outage.Load() == 0 && !c.stopped {
				t.Error("the outage was not noted")
			}
		})
	}
}

// TestWriterEndsWithTheFirstError: everything after it is dropped, and nobody waits for a buffer.
func TestWriterEndsWithTheFirstError(t *testing.T) {
	var stopped atomic.Bool
	w := newWriter(closedLink(t), group(), protocol.DataOverhead, &stopped)
	w.outage.Store(time.Now().Add(-2 * maxOutage).UnixNano())
	w.seal = openSealer{}
	go w.run(t.Context())
	var err error
	for range 10 * buffers() {
		var b []byte
		if b, err = w.buffer(t.Context()); err != nil {
			break
		}
		if err = w.put(t.Context(), batch{packets: b[:cap(b)], size: cap(b)}); err != nil {
			break
		}
	}
	if late := w.end(); err == nil {
		err = late
	}
	if !errors.Is(err, ErrInterface) || groupcast.ErrorCode(err) != groupcast.EUnavailable {
		t.Errorf("got %v", err)
	}
}

func TestWriterThatWasStoppedTakesNothing(t *testing.T) {
	var stopped atomic.Bool
	w := newWriter(nil, netip.AddrPort{}, 10, &stopped)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range buffers() {
		<-w.free
	}
	if _, err := w.buffer(ctx); !errors.Is(err, errStopped) {
		t.Errorf("a buffer after the end: %v", err)
	}
	for len(w.ready) < cap(w.ready) {
		w.ready <- batch{}
	}
	if err := w.put(ctx, batch{}); !errors.Is(err, errStopped) {
		t.Errorf("put after the end: %v", err)
	}
	stopped.Store(true)
	if err := w.put(t.Context(), batch{}); !errors.Is(err, errStopped) {
		t.Errorf("put after Stop: %v", err)
	}
}

// openSealer seals nothing.
type openSealer struct{}

func (openSealer) Seal(dst []byte, _ wire.Header, _ []byte) []byte { return dst }
