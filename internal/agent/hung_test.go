package agent_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/protocol"
)

// slowest is whose calls hang.
const slowest = "anna"

// hung is a kind of calls of one user's device that the server accepts and does not answer.
type hung struct {
	mu       sync.Mutex
	kind     string // empty: all are answered
	came     int
	answered chan struct{} // closed when the first of them ended, in whatever way
	spoilt   protocol.TransferNo
}

func (h *hung) set(kind string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kind, h.came, h.answered = kind, 0, make(chan struct{})
}

// wait holds a call of the kind until the device that made it gives it up.
func (h *hung) wait(ctx context.Context, p groupcast.Principal, kind string) error {
	h.mu.Lock()
	is, first, answered := h.kind == kind && p.User.Name == slowest, h.came == 0, h.answered
	if is {
		h.came++
	}
	h.mu.Unlock()
	if !is {
		return nil
	}
	<-ctx.Done()
	if first {
		close(answered)
	}
	return ctx.Err()
}

// spoilOffer makes the first offer unreadable whose refusal is to hang.
func (h *hung) spoilOffer(o *groupcast.Offered) {
	h.mu.Lock()
	defer h.mu.Unlock()
	offer, err := loop.ParseOffer(o.Offer)
	if err == nil && h.kind == "refusal" && (h.spoilt == 0 || offer.Transfer == h.spoilt) {
		h.spoilt = offer.Transfer
		o.Transfer, o.Offer = offer.Transfer, []byte{9}
	}
}

func (h *hung) waits() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.came > 0
}

func (h *hung) isOver() bool {
	select {
	case <-h.answered:
		return true
	default:
		return false
	}
}

func (b between) Report(ctx context.Context, p groupcast.Principal, r groupcast.AgentReport) error {
	if err := b.w.hung.wait(ctx, p, "report"); err != nil {
		return err
	}
	return b.Service.Report(ctx, p, r)
}

func (b between) Entries(ctx context.Context, p groupcast.Principal, e groupcast.EntryPage) error {
	if err := b.w.hung.wait(ctx, p, "entries"); err != nil {
		return err
	}
	return b.Service.Entries(ctx, p, e)
}

func (b between) ProbesHeard(ctx context.Context, p groupcast.Principal, a groupcast.ProbeAnswer) error {
	if err := b.w.hung.wait(ctx, p, "probe"); err != nil {
		return err
	}
	return b.Service.ProbesHeard(ctx, p, a)
}

func (b between) Ready(ctx context.Context, p groupcast.Principal, r groupcast.Ready) (groupcast.Handout, error) {
	if b.w.ready != nil {
		b.w.ready(r)
	}
	if r.Refused != "" {
		if err := b.w.hung.wait(ctx, p, "refusal"); err != nil {
			return groupcast.Handout{}, err
		}
	}
	return b.Service.Ready(ctx, p, r)
}

// While the server does not answer one kind of call, everything else goes on: an offer is taken, what
// it brings lands and is said, and a cancel takes effect.
func TestACallThatHangsKeepsNothingElseBack(t *testing.T) {
	t.Parallel()
	for kind, provoke := range map[string]func(*world, *device){
		"state": func(w *world, _ *device) { // which a change of memberships makes it read
			w.hung.set("state")
			_, err := w.server.CreateGroup(w.t.Context(), local, groupcast.NewGroup{Name: "other"})
			check(w.t, err)
			_, err = w.server.AddMember(w.t.Context(), local, "other", slowest)
			check(w.t, err)
		},
		"receipt": func(w *world, _ *device) {
			w.hung.set("receipt")
			path, _ := w.file("first.bin", 1000)
			w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
		},
		"entries": func(w *world, a *device) {
			w.hung.set("entries")
			w.spoil(a)
		},
		"refusal": func(w *world, _ *device) { // of an offer that it cannot read
			w.hung.set("refusal")
			path, _ := w.file("first.bin", 1000)
			w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Via: groupcast.ViaHTTPS})
		},
		"probe": func(w *world, _ *device) {
			w.hung.set("probe")
			err := w.server.Check(w.t.Context(), local, groupcast.CheckQuery{}, func(groupcast.CheckResult) {})
			check(w.t, err)
		},
		"report": func(w *world, a *device) { // of the card or of the room on the disk, when the connection is new
			w.hung.set("report")
			a.run()
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.forge = w.hung.spoilOffer
			w.enrol("bert", true).run()
			a := w.enrol(slowest, true)
			if kind != "report" { // an earlier report, still on its way, would be the one that hangs
				a.run()
			}
			provoke(w, a)
			w.await("a call to hang", w.hung.waits)
			w.allElseWorks(a)
			if w.hung.isOver() {
				t.Error("all of it waited for the call that hung")
			}
		})
	}
}

// allElseWorks has a device take one file and give up another that is under way.
func (w *world) allElseWorks(a *device) {
	w.t.Helper()
	said := a.count("done")
	path, data := w.file("second.bin", 1000)
	w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Via: groupcast.ViaHTTPS})
	w.await("the second transfer", func() bool { return a.has("second.bin", data) })
	w.await("a line about it", func() bool { return a.count("done") > said })

	path, _ = w.file("third.bin", 5<<20)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Rate: 10_000_000})
	w.await("the third to be under way", func() bool { return w.delivery(tr, slowest).Blocks > 2 && a.staged() })
	_, err := w.server.CancelTransfer(w.t.Context(), local, tr.No)
	check(w.t, err)
	w.await("the cancel to take effect", func() bool { return !a.staged() })
}

// spoil sends a folder of which a file cannot be put under its name.
func (w *world) spoil(a *device) groupcast.Transfer {
	w.t.Helper()
	path := w.tree(3, 1)
	w.inTheWay(a)
	return w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
}

// A server that answers nothing any more does not keep an agent from ending.
func TestAnAgentEndsWhileCallsHang(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"state", "report", "receipt"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.enrol(slowest, true).run()
			w.hung.set(kind)
			for i := range 3 {
				path, _ := w.file(fmt.Sprint(i), 1000)
				w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Via: groupcast.ViaHTTPS})
			}
			w.await("the files", func() bool { return a.count("done") == 3 })
			check(t, a.end())
			left, err := a.cfg.Ledger.Receipts(t.Context(), w.authority.ID())
			if check(t, err); kind == "receipt" && len(left) != 3 {
				t.Errorf("%d receipts are kept", len(left))
			}
		})
	}
}
