package sender

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
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
