package sender

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testRate = 40 << 20 // bytes a second
	// patience is for a slow machine with the race detector and much else to do.
	patience = time.Minute
)

// rig is an endpoint on loopback with one session.
type rig struct {
	t        testing.TB
	endpoint *Endpoint
	sender   *Sender

	mu     sync.Mutex
	events []Event
}

var ports = struct {
	sync.Mutex
	next uint16
}{next: 17500}

// group gives a group of its own to each test.
func group() netip.AddrPort {
	ports.Lock()
	defer ports.Unlock()
	ports.next++
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 192, 88, byte(ports.next)}), ports.next)
}

func newRig(t testing.TB, c *contenttest.Content, rate uint64) *rig {
	t.Helper()
	r := newBareRig(t)
	var err error
	r.sender, err = New(Config{
		Endpoint: r.endpoint, Key: seal.NewSigningKey(), Terms: c.Terms(group()), Source: c, Layout: c.Layout, Rate: rate,
		OnEvent: r.event,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newPlainRig is newRig with so many bytes, whose source is wrapped.
func newPlainRig(t testing.TB, bytes int, wrap func(BlockSource) BlockSource) *rig {
	t.Helper()
	c := contenttest.New(t, bytes)
	if wrap == nil {
		return newRig(t, c, testRate)
	}
	r := newBareRig(t)
	var err error
	r.sender, err = New(Config{
		Endpoint: r.endpoint, Key: seal.NewSigningKey(), Terms: c.Terms(group()), Source: wrap(c), Layout: c.Layout,
		Rate: testRate, OnEvent: r.event,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newBareRig is an endpoint without a session yet.
func newBareRig(t testing.TB) *rig {
	t.Helper()
	loopback := netip.MustParseAddr("127.0.0.1")
	endpoint, err := OpenEndpoint(EndpointConfig{Interface: "127.0.0.1", Feedback: netip.AddrPortFrom(loopback, 0)})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, endpoint: endpoint}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { endpoint.Run(ctx) })
	t.Cleanup(func() {
		if r.sender != nil {
			r.sender.Stop()
		}
		cancel()
		wg.Wait()
		endpoint.Close()
	})
	return r
}

func (r *rig) event(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// attach adds a device that lacks everything.
func (r *rig) attach() (protocol.DeviceID, groupcast.Handout) {
	r.t.Helper()
	dev := protocol.NewDeviceID()
	h, err := r.sender.Attach(dev, nil, true)
	if err != nil {
		r.t.Fatal(err)
	}
	return dev, h
}

// sealerOf seals feedback with the keys of a hand-out.
func sealerOf(t testing.TB, h groupcast.Handout) *seal.FeedbackSealer {
	t.Helper()
	key, err := seal.ParseSecret(h.FeedbackKey)
	if err != nil {
		t.Fatal(err)
	}
	return seal.NewFeedbackSealer(key, protocol.FeedbackID(h.FeedbackID))
}
