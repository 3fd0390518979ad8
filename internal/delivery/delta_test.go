package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/delivery/deliverytest"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// deltaFiles is pagedFiles of mode delta.
func (w *world) deltaFiles(tr *store.Transfer) {
	w.pagedFiles(tr)
	tr.Delta = true
}

// sendingDelta offers a transfer of mode delta to agents of group g, who have not answered.
func sendingDelta(w *world, names ...string) (groupcast.Transfer, []*agent, []format2.Offer) {
	w.Helper()
	w.group("g")
	var agents []*agent
	for _, n := range names {
		agents = append(agents, w.enrol(n, "g").attachAs(speaking(2)))
	}
	tr := w.send("g", w.deltaFiles)
	w.step(deliverytest.Step{Blocks: 10, Final: true})
	var offers []format2.Offer
	for _, a := range agents {
		offers = append(offers, a.pagedOffered())
	}
	return tr, agents, offers
}

// looks says that the agent looks, for so many seconds at most.
func (a *agent) looks(o format2.Offer, eta int) error {
	_, err := a.w.HandOut(a.w.ctx, *a.p.Device, groupcast.Ready{
		Transfer: o.Transfer, Session: o.Session, TransferID: &o.TransferID, Looking: true, ETA: eta,
	})
	synctest.Wait()
	return err
}

// flows says whether data flows in the newest session.
func (w *world) flows() bool {
	w.Helper()
	w.settle()
	return w.sender().Sealing()
}

// A session of mode delta waits for devices that look, however long that takes while they say so; not for one that
// says nothing, nor for one that stops saying it, nor for ever.
func TestWhoIsWaitedForWhileDevicesLook(t *testing.T) {
	for name, c := range map[string]struct {
		eta, says int           // of bob: seconds, and how often he says so, every 30 s; 0: never
		answers   time.Duration // when he answers; 0: never
		begins    time.Duration // when data flows, at the latest; a minute earlier it does not
	}{
		"he never says a word":       {begins: time.Second},
		"he looks for 20 minutes":    {120, 40, 20 * time.Minute, 20*time.Minute + time.Second},
		"he says so once, no more":   {eta: 300, says: 1, begins: 5*time.Minute + time.Second},
		"he says for ever that":      {eta: 120, says: 1000, begins: 31 * time.Minute},
		"he says he needs a year":    {eta: 365 * 24 * 3600, says: 1, begins: 31 * time.Minute},
		"he says that he is through": {eta: -5, says: 1, begins: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				_, agents, offers := sendingDelta(w, "ann", "bob")
				lacks := protocol.Range{First: 3, Count: 1}
				if h := agents[0].takes(offers[0], lacks); h.HTTPS {
					t.Fatalf("ann got %+v", h)
				}
				var flowed time.Duration
				answered := false
				for began, n := time.Now(), 0; flowed == 0 && time.Since(began) < time.Hour; n++ {
					if c.answers > 0 && time.Since(began) >= c.answers && !answered {
						answered = true
						agents[1].takes(offers[1], protocol.Range{First: 7, Count: 2})
					} else if n < c.says && !answered {
						w.must(agents[1].looks(offers[1], c.eta))
					}
					for range 30 {
						if w.flows() {
							flowed = time.Since(began) + 1
							break
						}
						time.Sleep(time.Second)
					}
				}
				if flowed == 0 || flowed > c.begins+time.Second || flowed < c.begins-time.Minute-time.Second {
					t.Fatalf("data flows after %s, want %s", flowed, c.begins)
				}
				if got, _ := w.sender().Lacks(agents[0].id); len(got) != 1 || got[0] != lacks {
					t.Errorf("ann lacks %v", got)
				}
				if answered {
					return
				}
				// He answers late: the session takes him, or he has a newer offer.
				h, err := w.HandOut(w.ctx, *agents[1].p.Device, groupcast.Ready{
					Transfer: offers[1].Transfer, Session: offers[1].Session, TransferID: &offers[1].TransferID, LacksAll: true,
				})
				if newer := agents[1].pagedOffers(); err == nil && !h.Started || err != nil && len(newer) != 1 {
					t.Errorf("he answers late and got %+v, %v, offers %+v", h, err, newer)
				}
			})
		})
	}
}

// badRanges are lists of blocks that no device may send.
func badRanges() map[string][]protocol.Range {
	many := make([]protocol.Range, protocol.MaxNACKRanges+1)
	for i := range many {
		many[i] = protocol.Range{First: protocol.BlockNumber(2 * i), Count: 1}
	}
	return map[string][]protocol.Range{
		"out of order":          {{First: 4, Count: 1}, {First: 2, Count: 1}},
		"one over another":      {{First: 2, Count: 3}, {First: 4, Count: 1}},
		"an end that overflows": {{First: 1<<32 - 1, Count: 1 << 31}},
		"an empty range":        {{First: 1}},
		"too many":              many,
	}
}

// What a device says of what it lacks is only taken in the form that is agreed, and of the transfer that it is offered;
// none of it harms another.
func TestLiesAboutWhatIsLacked(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := sendingDelta(w, "ann", "bob", "eve")
		eve, o := agents[2], offers[2]
		say := func(r groupcast.Ready) error {
			r.Transfer, r.Session = o.Transfer, o.Session
			if r.TransferID == nil {
				r.TransferID = &o.TransferID
			}
			h, err := w.HandOut(w.ctx, *eve.p.Device, r)
			if err == nil && h.SessionSecret != nil {
				t.Errorf("%+v is answered with keys", r)
			}
			return err
		}
		for name, list := range badRanges() {
			if err := say(groupcast.Ready{Lacks: list}); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		wantCode(t, say(groupcast.Ready{TransferID: &protocol.TransferID{9}, LacksAll: true}), groupcast.EConflict)
		w.must(say(groupcast.Ready{LacksDigest: &protocol.Digest{1}})) // of a list that is nowhere: it is to be sent
		raw := format2.AppendLacks(nil, protocol.NewBlockSet(11))
		wantCode(t, w.KeepLacks(w.ctx, eve.id, tr.No, raw), groupcast.EInvalid) // of a transfer of another size
		wantCode(t, w.KeepLacks(w.ctx, eve.id, tr.No+1, raw), groupcast.ENotFound)
		// The others go on as if he had said nothing.
		for i, a := range agents[:2] {
			if h := a.takes(offers[i], protocol.Range{First: 2, Count: 1}); h.SessionSecret == nil {
				t.Errorf("%+v", h)
			}
		}
		time.Sleep(time.Second) // he has not answered yet
		if !w.flows() {
			t.Error("data does not flow")
		}
		if got, _ := w.sender().Lacks(agents[0].id); len(got) != 1 || got[0] != (protocol.Range{First: 2, Count: 1}) {
			t.Errorf("the session heard %v", got)
		}
	})
}

// While devices look a transfer can be paused and cancelled: they hear of it, and what they say then is not taken.
func TestATransferIsStoppedWhileDevicesLook(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := sendingDelta(w, "ann", "bob")
		look := func(a *agent, o format2.Offer) {
			t.Helper()
			w.must(a.looks(o, 600))
		}
		look(agents[0], offers[0])
		look(agents[1], offers[1])
		_, err := w.PauseTransfer(w.ctx, tr.No)
		w.must(err)
		for i, a := range agents {
			a.told(groupcast.AgentEnd)
			wantCode(t, a.looks(offers[i], 600), groupcast.EConflict)
		}
		_, err = w.ResumeTransfer(w.ctx, tr.No)
		w.must(err)
		time.Sleep(time.Second)
		for i, a := range agents {
			o := a.pagedOffered()
			if o.Number <= offers[i].Number || o.Edition != 1 {
				t.Errorf("offer %d after %d, edition %d", o.Number, offers[i].Number, o.Edition)
			}
			look(a, o)
			offers[i] = o
		}
		time.Sleep(5 * time.Minute)
		if w.flows() {
			t.Error("data flows though everybody looks")
		}
		_, err = w.Cancel(w.ctx, tr.No, by)
		w.must(err)
		for i, a := range agents {
			a.told(groupcast.AgentEnd)
			if err := a.looks(offers[i], 600); err == nil {
				t.Error("a cancelled transfer is looked for")
			}
		}
	})
}

// A server that is started anew reads on where the durable pages end, and offers nothing before the final one; once
// it is read, nothing is read again.
func TestAServerIsStartedAnewAroundALook(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g").attachAs(speaking(2))
		bob := w.enrol("bob", "g").attachAs(speaking(2))
		tr := w.send("g", w.deltaFiles)
		w.step(deliverytest.Step{Blocks: 4})
		back := func() {
			w.reboot()
			ann.attachAs(speaking(2))
			bob.attachAs(speaking(2))
			time.Sleep(10 * time.Second)
		}
		back()
		if o := ann.pagedOffers(); len(o) > 0 {
			t.Fatalf("offered before it is read: %+v", o)
		}
		if now := w.shown(tr.No); now.Hashing == nil {
			t.Errorf("%s: %s", now.State, now.Summary)
		}
		w.step(deliverytest.Step{Blocks: 6, Final: true})
		time.Sleep(time.Second)
		first := ann.pagedOffered()
		bob.pagedOffered()
		w.must(ann.looks(first, 600))
		back()
		if err := ann.looks(first, 600); err == nil {
			t.Error("a session of the server's earlier life is looked for")
		}
		a, b := ann.pagedOffered(), bob.pagedOffered()
		if a.Number <= first.Number || a.Edition != 1 || a.Flags&format2.OfferDelta == 0 {
			t.Fatalf("%+v", a)
		}
		w.must(ann.looks(a, 600))
		bob.takes(b, protocol.Range{First: 1, Count: 1})
		time.Sleep(4 * time.Minute)
		if w.flows() {
			t.Error("data flows though ann looks")
		}
		ann.takes(a, protocol.Range{First: 2, Count: 1})
		if !w.flows() {
			t.Error("all have answered, and data does not flow")
		}
	})
}
