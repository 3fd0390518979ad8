package delivery

import (
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// crowd does deeds at random, from many goroutines.
type crowd struct {
	w      *world
	agents []*agent
	mu     sync.Mutex
	all    []protocol.TransferNo
}

func (c *crowd) some(r *rand.Rand) protocol.TransferNo {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) == 0 {
		return 1
	}
	return c.all[r.IntN(len(c.all))]
}

// administrate does one thing that an administrator may.
func (c *crowd) administrate(r *rand.Rand) {
	w, no, dev := c.w, c.some(r), c.agents[r.IntN(len(c.agents))]
	switch r.IntN(8) {
	case 0, 1:
		tr := w.madeUp("g")
		if r.IntN(3) == 0 {
			tr.Via = groupcast.ViaHTTPS
		}
		out, _, err := w.Add(w.ctx, tr, r.IntN(2) == 0)
		w.must(err)
		c.mu.Lock()
		c.all = append(c.all, out.No)
		c.mu.Unlock()
	case 2:
		_, _ = w.Cancel(w.ctx, no, by)
	case 3:
		_, _ = w.Retry(w.ctx, no)
	case 4:
		_, _ = w.Release(w.ctx, no)
	case 5:
		_, _ = w.does(no, dev.id, groupcast.DeliveryActions[r.IntN(len(groupcast.DeliveryActions))])
	case 6:
		_, _, _ = w.DropMember(w.ctx, no, dev.p.User.Name, by)
	case 7:
		_, _ = w.Pending(w.ctx, "g", groupcast.Window{})
		_, _ = w.Deliveries(w.ctx, no, groupcast.Window{})
	}
}

// work does one thing that a device may.
func (c *crowd) work(r *rand.Rand, a *agent) {
	w := c.w
	offers := w.Offers(a.id)
	if len(offers) == 0 {
		return
	}
	o, err := wire.ParseOffer(offers[r.IntN(len(offers))].Offer)
	w.must(err)
	switch r.IntN(6) {
	case 0, 1:
		_, _ = w.HandOut(w.ctx, *a.p.Device, groupcast.Ready{Transfer: o.Transfer, Session: o.Session, LacksAll: true})
	case 2:
		_ = w.Report(a.id, groupcast.AgentReport{Transfer: o.Transfer, Path: groupcast.PathHTTPS, Blocks: 2, Bytes: 100})
	case 3:
		if stream, err := a.blocks(o.Transfer, 0, 3); err == nil {
			_, _ = io.Copy(io.Discard, stream)
			w.must(stream.Close())
		}
	case 4:
		_, _ = w.HandOut(w.ctx, *a.p.Device, groupcast.Ready{Transfer: o.Transfer, Session: o.Session, Refused: "no room"})
	case 5:
		r := a.signed(o, groupcast.Receipt{Outcome: groupcast.DeliveryVerified, Path: groupcast.PathHTTPS})
		_ = w.Receipt(w.ctx, *a.p.Device, r)
	}
}

// upset does what touches all transfers at once.
func (c *crowd) upset(r *rand.Rand) {
	switch r.IntN(3) {
	case 0:
		c.w.Halt()
		c.w.Pause(false)
		c.w.Confirmed()
	case 1:
		c.w.Sweep(c.w.ctx)
	case 2:
		u := c.agents[len(c.agents)-1].p.User
		g, err := c.w.db.Group(c.w.ctx, "g")
		c.w.must(err)
		_ = c.w.expel(g, u)
		_ = c.w.admit(g, u)
	}
}

// Whatever is done at the same time, store and schedule agree afterwards, and nothing is left in memory
// of transfers that are over.
func TestDeedsAtTheSameTime(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		c := &crowd{w: w}
		for _, name := range []string{"ann", "bob", "cat", "dan", "eve"} {
			c.agents = append(c.agents, w.enrol(name, "g").attach())
		}
		var all sync.WaitGroup
		repeat := func(seed uint64, times int, do func(*rand.Rand)) {
			all.Go(func() {
				r := rand.New(rand.NewPCG(seed, 7))
				for range times {
					do(r)
					time.Sleep(time.Duration(r.IntN(4)) * 100 * time.Millisecond) // often at one moment
				}
			})
		}
		repeat(1, 60, c.administrate)
		repeat(2, 60, c.administrate)
		repeat(3, 15, c.upset)
		repeat(4, 15, c.upset)
		for i, a := range c.agents {
			repeat(uint64(10+i), 60, func(r *rand.Rand) { c.work(r, a) })
		}
		all.Wait()
		synctest.Wait()
		c.agree()
		for _, no := range c.all {
			_, _ = w.Cancel(w.ctx, no, by)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		c.nothingIsLeft()
	})
}

// agree compares what the schedule expects with what the store says is owed.
func (c *crowd) agree() {
	c.w.Helper()
	owed, err := c.w.store.OwedAll(c.w.ctx)
	c.w.must(err)
	kept := map[deliveryKey]bool{}
	for _, d := range owed {
		kept[deliveryKey{d.Transfer, d.DeviceID}] = true
	}
	c.w.Engine.mu.Lock()
	defer c.w.Engine.mu.Unlock()
	expected := 0
	for _, no := range c.w.sched.Open() {
		for dev := range c.w.sched.Deliveries(no) {
			if expected++; !kept[deliveryKey{no, dev}] {
				c.w.Errorf("the schedule expects transfer %d of a device that is not owed it", no)
			}
		}
	}
	if expected != len(kept) {
		c.w.Errorf("%d deliveries are expected, %d owed", expected, len(kept))
	}
}

func (c *crowd) nothingIsLeft() {
	c.w.Helper()
	open, err := c.w.store.Transfers(c.w.ctx, groupcast.TransferFilter{Open: true})
	c.w.must(err)
	e := c.w.Engine
	e.mu.Lock()
	defer e.mu.Unlock()
	left := map[string]int{
		"open transfers": len(open.Rows), "transfers": len(e.infos), "sessions": len(e.runs), "offers over HTTPS": e.direct.Len(),
		"progress": e.book.Len(), "offers that devices work on": len(e.given), "plans": len(e.planning),
	}
	for what, n := range left {
		if n > 0 {
			c.w.Errorf("%s: %d are left", what, n)
		}
	}
}
