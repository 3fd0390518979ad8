package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/wire"
)

// written counts what the world's store wrote so far.
func (w *world) written() sqlite.Written {
	w.Helper()
	n, err := w.store.(*sqlite.Store).Written(w.ctx)
	w.must(err)
	return n
}

// inRealTime is a world with made-up sessions and the machine's own clock: what shares a commit
// depends on how long a commit takes.
func inRealTime(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir(), key: seal.NewSigningKey(), real: true}
	db, err := sqlite.Open(t.Context(), filepath.Join(w.dir, "db.sqlite"))
	w.must(err)
	w.Server, err = New(Config{
		Home: w.dir, Dir: w.dir, Store: db, Identity: fakeIdentity{w.key}, Passwords: fakePasswords{},
	})
	w.must(err)
	w.openSource = func(context.Context, store.Transfer) (content.Blocks, error) { return fakeSource{}, nil }
	w.sendPlain = func(context.Context, netip.AddrPort, []byte) error { return nil }
	w.newSender, w.openWatch = w.fakeSession, nil
	ctx, cancel := context.WithCancel(context.Background())
	w.ctx = ctx
	done := make(chan error, 1)
	go func() { done <- w.Server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		w.must(errors.Join(<-done, db.Close()))
	})
	return w
}

// next waits for the next offer.
func (a *agent) next() (wire.Offer, error) {
	for {
		e, err := a.stream.Next(a.w.ctx)
		if err != nil {
			return wire.Offer{}, err
		}
		if e.Kind == groupcast.AgentOffer {
			return wire.ParseOffer(e.Offer.Offer)
		}
	}
}

// inParallel calls f for each agent, all at once.
func inParallel(agents []*agent, f func(i int, a *agent)) {
	var all sync.WaitGroup
	for i, a := range agents {
		all.Go(func() { f(i, a) })
	}
	all.Wait()
}

// TestWhatADeliveryCosts counts commits and rows from the offer to the end of a transfer to many
// devices that answer and hand in their receipts at the same time.
func TestWhatADeliveryCosts(t *testing.T) {
	const devices, seconds = 200, 3
	w := inRealTime(t)
	w.group("g")
	agents, status := make([]*agent, devices), make([]sender.DeviceStatus, devices)
	for i := range agents {
		agents[i] = w.enrol(fmt.Sprintf("user-%03d", i), "g")
		var err error
		agents[i].stream, err = w.AgentEvents(w.ctx, agents[i].p, groupcast.Attach{})
		w.must(err)
	}
	start := w.written()
	tr := w.send("g", nil)
	offers := make([]wire.Offer, devices)
	inParallel(agents, func(i int, a *agent) {
		o, err := a.next()
		if err == nil {
			_, err = w.Ready(w.ctx, a.p, groupcast.Ready{
				Transfer: o.Transfer, Session: o.Session, LacksAll: true, FreeBytes: 1 << 40,
			})
		}
		if offers[i] = o; err != nil {
			t.Error(err)
		}
	})
	answered := w.written()
	for second := range seconds {
		for i, a := range agents {
			status[i] = sessionStatus(a.p.Device.ID, 2+2*second, 2*second)
		}
		w.sender().reports(status...)
		time.Sleep(time.Second)
	}
	sent, began := w.written(), time.Now()
	inParallel(agents, func(i int, a *agent) {
		if err := a.receipt(offers[i], groupcast.DeliveryVerified, groupcast.PathMulticast); err != nil {
			t.Error(err)
		}
	})
	took, end := time.Since(began), w.written()
	got, err := w.Transfer(w.ctx, local, tr.No)
	w.must(err)
	if got.State != groupcast.TransferDone || got.Verified != devices {
		t.Fatalf("in the end: %+v", got)
	}
	for _, c := range []struct {
		what string
		a, b sqlite.Written
	}{
		{"offers and keys", start, answered}, {fmt.Sprintf("%d s of sending", seconds), answered, sent},
		{"receipts", sent, end}, {"all", start, end},
	} {
		t.Logf("%-15s %.3f commits and %.2f rows a delivery", c.what,
			float64(c.b.Commits-c.a.Commits)/devices, float64(c.b.Rows-c.a.Rows)/devices)
	}
	t.Logf("%d receipts in %v", devices, took)
}
