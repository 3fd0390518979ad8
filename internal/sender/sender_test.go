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
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// TestListsOfRangesAreBounded: what a device says it lacks is in order, apart and within the session,
// or it gets no keys.
func TestListsOfRangesAreBounded(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	blocks := uint32(layoutOf(r.sender).Blocks())
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
	counting := &countingSealer{sealer: r.sender.packetizer.writer.seal}
	r.sender.packetizer.writer.seal = counting
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

func configOf(s *Sender) Config { return s.format.(*plain).cfg }

func layoutOf(s *Sender) *manifest.Layout { return configOf(s).Layout }

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

// TestLayoutIsReadFromTheSource: without a layout the session reads the manifest from its source.
func TestLayoutIsReadFromTheSource(t *testing.T) {
	c := contenttest.New(t, 1<<20)
	r := newRig(t, c, testRate)
	cfg := configOf(r.sender)
	cfg.Layout = nil
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if got := layoutOf(s); got.Root() != c.Layout.Root() || got.Blocks() != c.Layout.Blocks() {
		t.Errorf("another layout: %d blocks", got.Blocks())
	}
	for _, bad := range []struct {
		name   string
		change func(*Config)
		want   error
	}{
		{"the manifest cannot be read", func(cfg *Config) {
			broken := *c
			broken.FailAt = 1
			cfg.Source = &broken
		}, contenttest.ErrSource},
		{"it is another one", func(cfg *Config) { cfg.Terms.IndexDigest[0]++ }, nil},
		{"the terms are none", func(cfg *Config) { cfg.Terms.MaxK = 0 }, nil},
	} {
		t.Run(bad.name, func(t *testing.T) {
			cfg := cfg
			bad.change(&cfg)
			if _, err := New(cfg); err == nil || bad.want != nil && !errors.Is(err, bad.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestDevicesOfASession: what comes for a device that takes no part is refused or ignored.
func TestDevicesOfASession(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	dev, first := r.attach()
	stranger := protocol.NewDeviceID()
	r.sender.Detach(stranger, "")
	r.sender.Complete(stranger)
	body := wire.AppendFeedback(nil, wire.Feedback{})
	for _, c := range []struct {
		name string
		dev  protocol.DeviceID
		body []byte
		want groupcast.Code
	}{
		{"a report", dev, body, ""},
		{"no report", dev, nil, groupcast.EInvalid},
		{"one cut short", dev, body[1:], groupcast.EInvalid},
		{"a stranger's", stranger, body, groupcast.ENotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := r.sender.Feedback(c.dev, c.body)
			if (err == nil) != (c.want == "") || err != nil && groupcast.ErrorCode(err) != c.want {
				t.Errorf("got %v", err)
			}
		})
	}
	again, err := r.sender.Attach(dev, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(first.FeedbackKey, again.FeedbackKey) || slices.Equal(first.FeedbackID, again.FeedbackID) ||
		!slices.Equal(first.SessionSecret, again.SessionSecret) {
		t.Error("the second hand-out has the feedback keys of the first, or another session's secret")
	}
	if n := keysAt(&r.endpoint.demux); n != 1 {
		t.Errorf("%d feedback keys for one device", n)
	}
}

// TestEventsOfASession: what the machine finds out about devices reaches OnEvent, and the session ends
// by itself once nobody is waited for.
func TestEventsOfASession(t *testing.T) {
	r := newRig(t, contenttest.New(t, 200_000), testRate)
	dev, h := r.attach()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	over := make(chan error, 1)
	go func() { over <- r.sender.Run(ctx) }()
	blocks := uint32(layoutOf(r.sender).Blocks())
	done := wire.Feedback{Flags: wire.FeedbackDone, Verified: blocks}
	r.endpoint.demux.handle(sealerOf(t, h).Seal(nil, done))
	r.sender.Complete(dev)
	if err := <-over; err != nil {
		t.Errorf("the session ended with %v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) != 1 || r.events[0].Kind != DeviceDone || r.events[0].Device != dev {
		t.Errorf("events: %+v", r.events)
	}
	if err := r.sender.Run(ctx); !errors.Is(err, ErrSessionOver) {
		t.Errorf("a second Run: %v", err)
	}
	if err := r.sender.Feedback(dev, wire.AppendFeedback(nil, done)); err != nil {
		t.Errorf("feedback after the end: %v", err)
	}
}

// TestKeysEndWithTheSession: once it was stopped, feedback is not opened and the secret is wiped.
func TestKeysEndWithTheSession(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	_, h := r.attach()
	r.sender.Stop()
	r.endpoint.demux.handle(sealerOf(t, h).Seal(nil, wire.Feedback{}))
	if got := r.endpoint.Drops(); got["tag"] != 1 {
		t.Errorf("feedback after the end: %v", got)
	}
	if zero := (seal.Secret{}); r.sender.secret != zero {
		t.Error("the secret is in memory still")
	}
	r.sender.Detach(protocol.NewDeviceID(), "")
	r.sender.Stop() // once more
}
