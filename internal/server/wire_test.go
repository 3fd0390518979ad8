package server

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/presence"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/wire"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// onWire is a world whose sessions are real, on the loopback interface.
func onWire(t *testing.T) *world {
	t.Helper()
	endpoint, err := sender.OpenEndpoint(sender.EndpointConfig{Interface: "127.0.0.1", Feedback: netip.AddrPortFrom(loopback, 0)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, dir: t.TempDir(), key: seal.NewSigningKey(), real: true}
	db, err := sqlite.Open(t.Context(), filepath.Join(w.dir, "db.sqlite"))
	w.must(err)
	w.Server, err = New(Config{Home: w.dir, Dir: w.dir, Store: db, Identity: fakeIdentity{w.key}, Passwords: fakePasswords{}, Endpoint: endpoint})
	w.must(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	w.ctx = ctx
	var all sync.WaitGroup
	all.Go(func() { endpoint.Run(ctx) })
	all.Go(func() { w.Server.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		all.Wait()
		w.must(errors.Join(endpoint.Close(), db.Close()))
	})
	return w
}

// memory is a receiver's disk.
type memory struct {
	mu    sync.Mutex
	first protocol.BlockNumber
	data  []byte
	have  *protocol.BlockSet
}

func (m *memory) WriteBlock(n protocol.BlockNumber, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	copy(m.data[int(n-m.first)*protocol.BlockSize:], data)
	m.have.Add(n)
	return nil
}

func (m *memory) Sync() error { return nil }

// follow does what a receiver does with the offers that its stream brings, until its
// delivery is closed. It gives the offers it took part in.
func (a *agent) follow(intake *receiver.Endpoint, m *memory) ([]wire.Offer, error) {
	var taken []wire.Offer
	var running sync.WaitGroup
	defer running.Wait()
	stop := func() {}
	defer func() { stop() }()
	done := make(chan error, 8)
	events := make(chan groupcast.AgentEvent, presence.MaxBehind)
	running.Go(func() {
		for {
			e, err := a.stream.Next(a.w.ctx)
			if err != nil {
				return
			}
			select {
			case events <- e:
			case <-a.w.ctx.Done():
				return
			}
		}
	})
	defer a.stream.Close()
	for {
		select {
		case <-a.w.ctx.Done():
			return taken, a.w.ctx.Err()
		case err := <-done:
			if err == nil {
				return taken, a.receipt(taken[len(taken)-1], groupcast.DeliveryVerified, groupcast.PathMulticast)
			}
		case e := <-events:
			if e.Kind != groupcast.AgentOffer {
				continue
			}
			stop()
			o, err := wire.ParseOffer(e.Offer.Offer)
			if err != nil {
				return taken, err
			}
			taken = append(taken, o)
			ctx, cancel := context.WithCancel(a.w.ctx)
			stop = cancel
			r, err := a.join(intake, m, *e.Offer, o)
			if err != nil {
				return taken, err
			}
			running.Go(func() { done <- r.Run(ctx) })
		}
	}
}

func (a *agent) join(intake *receiver.Endpoint, m *memory, raw groupcast.Offered, o wire.Offer) (*receiver.Receiver, error) {
	ready := groupcast.Ready{Transfer: o.Transfer, Session: o.Session, LacksAll: m.have == nil}
	if m.have != nil {
		ready.Lacks = m.have.Missing(1000)
	}
	h, err := a.w.Ready(a.w.ctx, a.p, ready)
	if err != nil {
		return nil, err
	}
	if h.HTTPS {
		return nil, errors.New("sent to HTTPS")
	}
	h.FeedbackAddr = netip.AddrPortFrom(loopback, o.FeedbackPort).String()
	return receiver.New(receiver.Config{
		Endpoint: intake, Verify: a.w.key.Public(), Offer: o, OfferBytes: raw.Offer, Handout: h,
		OnManifest: func(l *manifest.Layout, _ []byte) (receiver.BlockStore, *protocol.BlockSet, error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.have == nil {
				m.first, m.data, m.have = l.FirstStream(), make([]byte, l.Total()), protocol.NewBlockSet(l.Blocks())
			}
			for b := range m.first {
				m.have.Add(b)
			}
			return m, m.have, nil
		},
	})
}

// TestOverTheWire sends a file to two devices with real sessions and removes a third member
// in the middle: the two get everything, the third not another key.
func TestOverTheWire(t *testing.T) {
	w := onWire(t)
	_, err := w.CreateGroup(w.ctx, local, groupcast.NewGroup{Name: "g", Address: "239.192.77.7:17601"})
	w.must(err)
	data := make([]byte, 3<<20)
	rand.NewChaCha8([32]byte{7}).Read(data)
	file := filepath.Join(t.TempDir(), "file")
	w.must(os.WriteFile(file, data, 0o644))

	type result struct {
		offers []wire.Offer
		err    error
	}
	results := map[string]chan result{}
	disks := map[string]*memory{}
	for _, name := range []string{"ann", "bob", "eve"} {
		a := w.enrol(name, "g")
		a.stream, err = w.AgentEvents(w.ctx, a.p, groupcast.Attach{})
		w.must(err)
		intake, err := receiver.OpenEndpoint(receiver.EndpointConfig{Interface: "127.0.0.1", Server: loopback})
		w.must(err)
		t.Cleanup(func() { intake.Close() })
		out, disk := make(chan result, 1), &memory{}
		results[name], disks[name] = out, disk
		go func() {
			offers, err := a.follow(intake, disk)
			out <- result{offers, err}
		}()
	}
	tr, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: []string{file}, Now: true, Rate: 16_000_000})
	w.must(err)
	for {
		now, err := w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		if now.Session != nil && now.Session.Sent > 1<<20 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.must(w.RemoveMember(w.ctx, local, "g", "eve"))
	for _, name := range []string{"ann", "bob"} {
		r := <-results[name]
		w.must(r.err)
		if len(r.offers) != 2 || r.offers[0].Session == r.offers[1].Session {
			t.Errorf("%s took part in %d sessions, want the first and the one after the removal", name, len(r.offers))
		}
		if !bytes.Equal(disks[name].data, data) {
			t.Errorf("%s has other bytes", name)
		}
	}
	got, err := w.Transfer(w.ctx, local, tr.No)
	w.must(err)
	if got.State != groupcast.TransferDone || got.Verified != 2 || got.WireBytes > 5<<20 {
		t.Errorf("in the end: %+v", got)
	}
	select {
	case r := <-results["eve"]:
		t.Errorf("the removed member came to an end: %+v", r)
	default:
	}
}
