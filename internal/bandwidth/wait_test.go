package bandwidth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// drain takes n bytes over HTTPS, as a stream does.
func drain(ctx context.Context, l *Lines, x *Line, forged bool, n int) error {
	for n > 0 {
		got, err := l.Wait(ctx, x, forged, n)
		if err != nil {
			return err
		}
		if got <= 0 || got > n || got > httpsPiece {
			return fmt.Errorf("leave for %d of %d bytes", got, n)
		}
		n -= got
	}
	return nil
}

// What goes over HTTPS keeps to the limit of its transfer and to that of all, with what TLS, TCP and IP add.
func TestHTTPSKeepsToTheLimit(t *testing.T) {
	for name, c := range map[string]struct{ all, one uint64 }{
		"of all":                {1 << 20, 0},
		"of the transfer":       {0, 1 << 20},
		"of the smaller of two": {8 << 20, 1 << 20},
		"of all, the smaller":   {1 << 20, 8 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := New(time.Now, c.all, func(uint64) {})
				x := l.Enter(1, c.one, false)
				began := time.Now()
				if err := drain(t.Context(), l, x, false, 20<<20); err != nil {
					t.Fatal(err)
				}
				l.Leave(1, c.one, false)
				if took := time.Since(began).Seconds(); took < 20 || took > 22 { // a twentieth more is not data
					t.Errorf("20 MiB at 1 MiB/s took %.1f s", took)
				}
			})
		})
	}
}

func TestWithoutALimitNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(time.Now, 0, func(uint64) {})
		x := l.Enter(1, 0, false)
		began := time.Now()
		if err := drain(t.Context(), l, x, false, 1<<30); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("1 GiB took %v", took)
		}
	})
}

// Streams of one transfer get along: each has its turn, and together they keep to the limit.
func TestStreamsShareALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const streams, each = 4, 4 << 20
		l := New(time.Now, 2<<20, func(uint64) {})
		began := time.Now()
		var all sync.WaitGroup
		var ends [streams]time.Duration
		for i := range streams {
			all.Go(func() {
				x := l.Enter(1, 0, false)
				defer l.Leave(1, 0, false)
				if err := drain(t.Context(), l, x, false, each); err != nil {
					t.Error(err)
				}
				ends[i] = time.Since(began)
			})
		}
		all.Wait()
		for i, at := range ends {
			if at < 7*time.Second || at > 9*time.Second {
				t.Errorf("stream %d ended after %v; all had to after some 8 s", i, at)
			}
		}
	})
}

// A stream that nobody reads any more stops waiting, with the reason, and takes nothing.
func TestAStreamThatEndsStopsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(time.Now, 1000, func(uint64) {})
		x := l.Enter(1, 0, false)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		began := time.Now()
		err := drain(ctx, l, x, false, 1<<20)
		if err == nil || time.Since(began) > 31*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		gone, stop := context.WithCancel(t.Context())
		stop()
		if n, err := l.Wait(gone, x, false, 1<<20); n != 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("leave for %d bytes, %v", n, err)
		}
	})
}

// A limit that shrinks while a stream waits neither ends the stream nor lets it through.
func TestALimitThatShrinksMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(time.Now, 100<<20, func(uint64) {})
		x := l.Enter(1, 0, false)
		done := make(chan error, 1)
		go func() { done <- drain(t.Context(), l, x, false, 64<<20) }()
		time.Sleep(100 * time.Millisecond)
		l.Begin(1, 0, &fixed{})
		l.Uses(10 << 20) // HTTPS has a 64th of it beside multicast
		time.Sleep(10 * time.Second)
		select {
		case err := <-done:
			t.Fatalf("it went through at once: %v", err)
		default:
		}
		l.Uses(0)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// What nobody uses any more is forgotten, so that transfers of years cost nothing.
func TestLinesThatAreOverAreForgotten(t *testing.T) {
	now := time.Unix(1000, 0)
	l := New(func() time.Time { return now }, 0, func(uint64) {})
	for no := range 100 {
		f := &fixed{}
		l.Begin(protocol.TransferNo(no), 1000, f)
		l.Enter(protocol.TransferNo(no), 1000, no%2 == 0)
		l.End(protocol.TransferNo(no), 1000, f)
		l.Leave(protocol.TransferNo(no), 1000, no%2 == 0)
	}
	if l.Uses(0); len(l.of) == 0 {
		t.Error("a device that asks for one stretch after the other loses its share in between")
	}
	now = now.Add(httpsLinger)
	if l.Uses(0); len(l.of) != 0 {
		t.Errorf("%d lines are left", len(l.of))
	}
}
