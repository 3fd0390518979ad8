package server

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/wire"
)

func TestATransferIsDoneWhenTheLastOneOwedIsRemoved(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		w.must(agents[0].receipt(offers[0], groupcast.DeliveryVerified, groupcast.PathMulticast))
		w.must(w.RemoveMember(w.ctx, local, "g", "bob"))
		got, err := w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		if got.State != groupcast.TransferDone {
			t.Fatalf("%+v", got)
		}
	})
}

func TestATransferToAnEmptyGroupWaitsForMembers(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		tr := w.send("g", nil)
		if !tr.State.Open() || !strings.Contains(tr.Reason, "first members") {
			t.Fatalf("%+v", tr)
		}
		if o := w.enrol("ann", "g").attach().offered(); o.Transfer != tr.No {
			t.Fatalf("offered %+v", o)
		}
	})
}

func TestProgressIsToldAndKept(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		_, err := a.ready(a.offered())
		w.must(err)
		events, err := w.Events(w.ctx, local)
		w.must(err)
		w.must(w.Report(w.ctx, a.p, groupcast.AgentReport{Transfer: tr.No, Blocks: 4, Bytes: 200, Path: groupcast.PathHTTPS}))
		for {
			e, err := events.Next(w.ctx)
			w.must(err)
			if e.Kind == groupcast.EventProgress {
				break
			}
		}
		time.Sleep(2 * flushEvery)
		list, err := rows(w.store.Deliveries(w.ctx, tr.No, groupcast.Window{}))
		w.must(err)
		if d := list[0]; d.Blocks != 4 || d.Bytes != 200 || d.Path != groupcast.PathHTTPS || d.State != groupcast.DeliveryReceiving {
			t.Fatalf("kept %+v", d)
		}
	})
}

// inState gives the offers in the device's state.
func (a *agent) inState() []wire.Offer {
	a.w.Helper()
	st, err := a.w.AgentState(a.w.ctx, a.p)
	a.w.must(err)
	var out []wire.Offer
	for _, given := range st.Offers {
		o, err := wire.ParseOffer(given.Offer)
		a.w.must(err)
		out = append(out, o)
	}
	return out
}

func TestTheStateCarriesWhatADeviceWorksOn(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		for i, a := range agents {
			w.sender().cfg.OnEvent(sender.Event{Kind: sender.DeviceDone, Device: a.p.Device.ID})
			synctest.Wait()
			if got := a.inState(); len(got) != 1 || got[0].Session != offers[i].Session {
				t.Fatalf("while it puts files in place its state offers %+v", got)
			}
		}
		if w.sender().sealing() {
			t.Fatal("the session goes on though everybody stored everything")
		}
		if h, err := agents[0].ready(offers[0]); err != nil || !h.HTTPS {
			t.Fatalf("a receiver that was started anew while it put files in place: %+v, %v", h, err)
		}
		w.must(agents[0].receipt(offers[0], groupcast.DeliveryVerified, groupcast.PathMulticast))
		if got := agents[0].inState(); len(got) != 0 {
			t.Fatalf("after the receipt its state offers %+v", got)
		}
		_, err := w.CancelTransfer(w.ctx, local, tr.No)
		w.must(err)
		for {
			e, err := agents[1].stream.Next(w.ctx)
			w.must(err)
			if e.Kind == groupcast.AgentEnd {
				if *e.Session != offers[1].Session {
					t.Fatal("the end of another session")
				}
				return
			}
		}
	})
}

func TestACatchUpThatFailedIsOfferedAgain(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		_, err := a.ready(a.offered())
		w.must(err)
		w.must(w.Report(w.ctx, a.p, groupcast.AgentReport{Transfer: tr.No, Path: groupcast.PathHTTPS, Reason: "cut off"}))
		if got := a.offers(); len(got) != 0 {
			t.Fatal("offered again without a pause")
		}
		time.Sleep(5 * time.Second)
		if o := a.offered(); o.Transfer != tr.No {
			t.Fatalf("offered %+v", o)
		}
	})
}
