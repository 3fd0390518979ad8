package sessiontest

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is for a slow machine with the race detector and much else to do.
const patience = time.Minute

// rig is a server's side with one session.
type rig struct {
	t        testing.TB
	c        *contenttest.Content
	endpoint *sender.Endpoint
	key      seal.SigningKey
	sender   *sender.Sender
	ifi      string
	server   netip.Addr
	group    netip.AddrPort

	mu     sync.Mutex
	events []sender.Event
}

var ports = struct {
	sync.Mutex
	next uint16
}{next: 19500}

// group4 gives a group of its own to each test.
func group4() netip.AddrPort {
	ports.Lock()
	defer ports.Unlock()
	ports.next++
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 192, 90, byte(ports.next)}), ports.next)
}

func newRig(t testing.TB, c *contenttest.Content, rate uint64) *rig {
	return newRigOn(t, c, rate, "127.0.0.1", netip.MustParseAddr("127.0.0.1"), group4())
}

func newRigOn(
	t testing.TB, c *contenttest.Content, rate uint64, ifi string, server netip.Addr, group netip.AddrPort,
) *rig {
	return newRigFrom(t, c, c, rate, ifi, server, group)
}

// newRigFrom is newRigOn with a source of its own for the content.
func newRigFrom(
	t testing.TB, c *contenttest.Content, source sender.BlockSource, rate uint64, ifi string, server netip.Addr,
	group netip.AddrPort,
) *rig {
	t.Helper()
	r := newBareRigOn(t, ifi, server, group)
	r.c = c
	var err error
	r.sender, err = sender.New(sender.Config{
		Endpoint: r.endpoint, Key: r.key, Terms: c.Terms(group), Source: source, Layout: c.Layout, Rate: rate,
		OnEvent: r.event,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newBareRig is a server's side without a session yet.
func newBareRig(t testing.TB) *rig {
	return newBareRigOn(t, "127.0.0.1", netip.MustParseAddr("127.0.0.1"), group4())
}

func newBareRigOn(t testing.TB, ifi string, server netip.Addr, group netip.AddrPort) *rig {
	t.Helper()
	endpoint, err := sender.OpenEndpoint(sender.EndpointConfig{Interface: ifi, Feedback: netip.AddrPortFrom(server, 0)})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, endpoint: endpoint, key: seal.NewSigningKey(), ifi: ifi, server: server, group: group}
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

func (r *rig) event(e sender.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// heard says how many events of a kind there were.
func (r *rig) heard(kind sender.EventKind) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// hearing opens a device's endpoint.
func (r *rig) hearing(drop func(protocol.PacketNumber) bool) *receiver.Endpoint {
	r.t.Helper()
	e, err := receiver.OpenEndpoint(receiver.EndpointConfig{Interface: r.ifi, Server: r.server, Drop: drop})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { e.Close() })
	return e
}

// receiver attaches a new device that has what the store has.
func (r *rig) receiver(e *receiver.Endpoint, s *contenttest.Store, change func(*receiver.Config)) *receiver.Receiver {
	r.t.Helper()
	lacks, all := s.Missing()
	h, err := r.sender.Attach(protocol.NewDeviceID(), lacks, all)
	if err != nil {
		r.t.Fatal(err)
	}
	h.FeedbackAddr = netip.AddrPortFrom(r.server, r.endpoint.FeedbackPort()).String()
	signed := r.sender.Offer()
	offer, err := seal.VerifyOffer(r.key.Public(), signed.Bytes, signed.Signature)
	if err != nil {
		r.t.Fatal(err)
	}
	cfg := receiver.Config{
		Endpoint: e, Verify: r.key.Public(), Offer: offer, OfferBytes: signed.Bytes, Handout: h,
		OnManifest: func(l *manifest.Layout, raw []byte) (receiver.BlockStore, *protocol.BlockSet, error) {
			have, err := s.Stage(l, raw)
			return s, have, err
		},
	}
	if !all {
		cfg.Manifest = r.c.Encoded.Manifest
	}
	if change != nil {
		change(&cfg)
	}
	rec, err := receiver.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	return rec
}

// run runs sender and receivers until all are over and gives the receivers' errors.
func (r *rig) run(receivers ...*receiver.Receiver) []error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	errs := make([]error, len(receivers)+1)
	var wg sync.WaitGroup
	for n, rec := range receivers {
		wg.Go(func() { errs[n] = rec.Run(ctx) })
	}
	wg.Go(func() { errs[len(receivers)] = r.sender.Run(ctx) })
	wg.Wait()
	return errs
}

// nicFor gives an interface whose groups of the family are heard on this machine.
func nicFor(t testing.TB, group netip.Addr) mcast.Interface {
	t.Helper()
	all, err := mcast.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Loopback == group.Is4() && i.Source(group).IsValid() {
			return i
		}
	}
	t.Skip("no interface with an address of this family")
	return mcast.Interface{}
}

func name(n int) string { return fmt.Sprintf("receiver %d", n) }
