package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/delivery/deliverytest"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/wire"
)

// written counts what the world's store wrote so far.
func (w *world) written() sqlite.Written {
	w.Helper()
	n, err := w.seen.Store.(*sqlite.Store).Written(w.ctx)
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
	w.openSource = func(context.Context, store.Transfer) (content.Blocks, error) { return deliverytest.Blocks{}, nil }
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

// Devices that are connected and have nothing to do say how much room they have every five minutes. That
// costs no rows, and few where their disks fill.
func TestIdleDevicesCostNothing(t *testing.T) {
	const devices, minutes = 50, 60
	for _, c := range []struct {
		name string
		less uint64 // what a disk has less each time, in percent
		most int64  // rows
	}{
		{"disks as they are", 0, 0},
		{"disks that fill", 2, devices * (minutes / int64(seenEvery/time.Minute))},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.group("g")
				var agents []*agent
				for i := range devices {
					agents = append(agents, w.enrol(fmt.Sprintf("user-%02d", i), "g").attach())
				}
				free := uint64(1 << 40)
				report := func() {
					for _, a := range agents {
						p, err := w.Authenticate(w.ctx, "192.0.2.1", a.token)
						w.must(err)
						w.must(w.Report(w.ctx, p, groupcast.AgentReport{FreeBytes: free}))
					}
				}
				report()
				time.Sleep(seenEvery + maintainEvery)
				start := w.written()
				for range minutes / 5 {
					time.Sleep(5 * time.Minute)
					free -= free * c.less / 100
					report()
				}
				rows := w.written().Rows - start.Rows
				t.Logf("%d devices wrote %d rows in %d minutes", devices, rows, minutes)
				if rows > c.most {
					t.Errorf("%d rows at most", c.most)
				}
				all, err := w.Devices(w.ctx, local, groupcast.DeviceFilter{}, groupcast.Window{})
				w.must(err)
				if d := all.Rows[0]; d.FreeBytes != free {
					t.Errorf("%d bytes are free, %d are shown", free, d.FreeBytes)
				}
			})
		})
	}
}

// What waits in memory is in the store when the server has ended.
func TestWhatWasSeenOutlivesTheServer(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		p, err := w.Authenticate(w.ctx, "192.0.2.9", a.token)
		w.must(err)
		time.Sleep(time.Minute)
		w.must(w.Report(w.ctx, p, groupcast.AgentReport{FreeBytes: 12345}))
		used, err := w.Authenticate(w.ctx, "192.0.2.9", a.token)
		w.must(err)
		before := time.Now()
		w.reboot()
		d, err := w.seen.Store.Device(w.ctx, used.Device.ID)
		w.must(err)
		if d.FreeBytes != 12345 || d.Address != "192.0.2.9" {
			t.Errorf("%+v", d)
		}
		tokens, err := w.store.Tokens(w.ctx, used.User.ID, w.now())
		w.must(err)
		if i := slices.IndexFunc(tokens, func(k store.Token) bool { return k.Scope == groupcast.ScopeAgent }); i < 0 ||
			!tokens[i].LastUsed.Equal(before.Truncate(time.Microsecond)) {
			t.Errorf("used at %v: %+v", before, tokens)
		}
	})
}

// inParallel calls f for each agent, all at once.
func inParallel(agents []*agent, f func(i int, a *agent)) {
	var all sync.WaitGroup
	for i, a := range agents {
		all.Go(func() { f(i, a) })
	}
	all.Wait()
}

var costDevices = flag.Int("costdevices", 400, "devices of TestWhatADeliveryCosts")

// TestWhatADeliveryCosts counts commits and rows from the offer to the end of a transfer to many
// devices that answer and hand in their receipts at the same time.
func TestWhatADeliveryCosts(t *testing.T) {
	const seconds = 3
	devices, w := *costDevices, inRealTime(t)
	w.group("g")
	agents := make([]*agent, devices)
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
		status := make([]sender.DeviceStatus, devices) // what was reported is the server's
		for i, a := range agents {
			status[i] = sessionStatus(a.p.Device.ID, 2+2*second, 2*second)
		}
		w.sender().Report(status...)
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
	logCosts(t, "offers and keys", start, answered, devices)
	logCosts(t, fmt.Sprintf("%d s of sending", seconds), answered, sent, devices)
	logCosts(t, "receipts", sent, end, devices)
	logCosts(t, "all", start, end, devices)
	t.Logf("%d receipts in %v", devices, took)
	// That it is owed, the key, the receipt and the closing are a row each; a few are the transfer's.
	if rows := end.Rows - start.Rows; rows > 4*int64(devices)+60 {
		t.Errorf("%d rows for %d deliveries", rows, devices)
	}
}

func logCosts(t *testing.T, what string, a, b sqlite.Written, devices int) {
	t.Logf("%-15s %.3f commits and %.2f rows a delivery", what,
		float64(b.Commits-a.Commits)/float64(devices), float64(b.Rows-a.Rows)/float64(devices))
}
