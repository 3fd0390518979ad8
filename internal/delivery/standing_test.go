package delivery

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/sender"
)

func TestATransferIsDoneWhenTheLastOneOwedIsRemoved(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		w.must(agents[0].receipt(offers[0], groupcast.DeliveryVerified, groupcast.PathMulticast))
		w.remove("bob", "g")
		got := w.shown(tr.No)
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
		events, err := w.events.Subscribe(groupcast.Principal{Local: true})
		w.must(err)
		w.must(a.report(groupcast.AgentReport{Transfer: tr.No, Blocks: 4, Bytes: 200, Path: groupcast.PathHTTPS}))
		for {
			e, err := events.Next(w.ctx)
			w.must(err)
			if e.Kind == groupcast.EventProgress {
				break
			}
		}
		w.reboot()
		if d := w.deliveryOf(tr.No, "ann"); d.Blocks != 4 || d.Bytes != 200 || d.Path != groupcast.PathHTTPS {
			t.Fatalf("after a start: %+v", d)
		}
	})
}

func TestTheStateCarriesWhatADeviceWorksOn(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		for i, a := range agents {
			w.sender().Hear(sender.Event{Kind: sender.DeviceDone, Device: a.id})
			synctest.Wait()
			if got := a.inState(); len(got) != 1 || got[0].Session != offers[i].Session {
				t.Fatalf("while it puts files in place its state offers %+v", got)
			}
		}
		if w.sender().Sealing() {
			t.Fatal("the session goes on though everybody stored everything")
		}
		if h, err := agents[0].ready(offers[0]); err != nil || !h.HTTPS {
			t.Fatalf("a receiver that was started anew while it put files in place: %+v, %v", h, err)
		}
		w.must(agents[0].receipt(offers[0], groupcast.DeliveryVerified, groupcast.PathMulticast))
		if got := agents[0].inState(); len(got) != 0 {
			t.Fatalf("after the receipt its state offers %+v", got)
		}
		_, err := w.Cancel(w.ctx, tr.No, by)
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
		w.must(a.report(groupcast.AgentReport{Transfer: tr.No, Path: groupcast.PathHTTPS, Reason: "cut off"}))
		if got := a.offers(); len(got) != 0 {
			t.Fatal("offered again without a pause")
		}
		time.Sleep(5 * time.Second)
		if o := a.offered(); o.Transfer != tr.No {
			t.Fatalf("offered %+v", o)
		}
	})
}
