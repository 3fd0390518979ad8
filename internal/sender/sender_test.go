package sender

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// TestListsOfRangesAreBounded: what a device says it lacks is in order, apart and within the session,
// or it gets no keys.
func TestListsOfRangesAreBounded(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	blocks := uint32(r.sender.cfg.Layout.Blocks())
	for name, lacks := range map[string][]protocol.Range{
		"overlapping":  {{First: 0, Count: 3}, {First: 1, Count: 3}},
		"out of order": {{First: 3, Count: 1}, {First: 1, Count: 1}},
		"beyond":       {{First: 0, Count: blocks + 1}},
		"too many":     slices.Repeat([]protocol.Range{{First: 0, Count: blocks}}, protocol.MaxNACKRanges+1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.sender.Attach(protocol.NewDeviceID(), lacks, false)
			if bad := new(protocol.RangesError); !errors.As(err, &bad) {
				t.Errorf("got %v", err)
			}
		})
	}
	good := []protocol.Range{{First: 0, Count: 1}, {First: 1, Count: blocks - 1}}
	if _, err := r.sender.Attach(protocol.NewDeviceID(), good, false); err != nil {
		t.Error(err)
	}
}

// TestKeysAreNotAskedForWithoutEnd: each hand-out looks at every block of the session.
func TestKeysAreNotAskedForWithoutEnd(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	dev := protocol.NewDeviceID()
	var err error
	got := 0
	for range 5 * attachesBurst {
		if _, err = r.sender.Attach(dev, nil, true); err == nil {
			got++
		}
	}
	if got < attachesBurst || got > 2*attachesBurst || groupcast.ErrorCode(err) != groupcast.EExhausted {
		t.Errorf("%d hand-outs, then %v", got, err)
	}
	if _, err := r.sender.Attach(protocol.NewDeviceID(), nil, true); err != nil {
		t.Errorf("another device: %v", err)
	}
}

// countingSealer says when packets were sealed.
type countingSealer struct {
	sealer
	n atomic.Uint64
}

func (s *countingSealer) Seal(dst []byte, h wire.Header, body []byte) []byte {
	s.n.Add(1)
	return s.sealer.Seal(dst, h, body)
}

func TestAfterStopNothingIsSealed(t *testing.T) {
	r := newRig(t, contenttest.New(t, 4<<20), 4<<20)
	counting := &countingSealer{sealer: r.sender.packetizer.seal}
	r.sender.packetizer.seal = counting
	r.attach()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.sender.Run(ctx); err != nil {
			t.Errorf("a stopped session ends with %v", err)
		}
	})
	for counting.n.Load() < 100 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	r.sender.Stop()
	n := counting.n.Load()
	if _, err := r.sender.Attach(protocol.NewDeviceID(), nil, true); !errors.Is(err, ErrSessionOver) {
		t.Errorf("attach after stop: %v", err)
	}
	time.Sleep(50 * time.Millisecond)
	if now := counting.n.Load(); now != n || n == 0 {
		t.Errorf("%d packets sealed when Stop returned, %d later", n, now)
	}
	if n := keysAt(&r.endpoint.demux); n != 0 {
		t.Errorf("%d feedback keys outlive the session", n)
	}
	wg.Wait()
}

// keysAt is how many devices have feedback keys. The loop of a session may be ending still.
func keysAt(d *feedbackDemux) int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.keys)
}

func TestStopBeforeRun(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	r.sender.Stop()
	if err := r.sender.Run(t.Context()); !errors.Is(err, ErrSessionOver) {
		t.Errorf("got %v", err)
	}
}

func TestSourceThatFailsEndsTheSession(t *testing.T) {
	c := contenttest.New(t, 3<<20)
	c.FailAt = 7
	r := newRig(t, c, testRate)
	r.attach()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.sender.Run(ctx); !errors.Is(err, contenttest.ErrSource) {
		t.Errorf("got %v", err)
	}
}
