package delivery

import (
	"io"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/delivery/deliverytest"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

// pagedCalls makes every call about a paged transfer as a device, and gives the errors.
func (a *agent) pagedCalls(no protocol.TransferNo, session protocol.SessionID) map[string]error {
	raw := format2.AppendLacks(nil, protocol.NewBlockSet(10))
	_, clock := a.w.SessionClock(a.w.ctx, a.id, session)
	return map[string]error{
		"skeleton": closed(a.w.Skeleton(a.w.ctx, a.p, no)),
		"pages":    closed(a.w.TransferPages(a.w.ctx, a.p, no, 0)),
		"stream":   closed(a.w.Stream(a.w.ctx, a.p, no, protocol.Range{Count: 1})),
		"lacks":    a.w.KeepLacks(a.w.ctx, a.id, no, raw),
		"clock":    clock,
	}
}

// closed closes what was opened.
func closed(r io.ReadCloser, err error) error {
	if err == nil {
		err = r.Close()
	}
	return err
}

// A call of format 1 about a paged transfer is answered as one about none, and nothing comes of it for others.
func TestCallsOfFormat1AboutAPagedTransfer(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, _ := sendingPaged(w, "ann", "bob")
		_, err := w.Manifest(w.ctx, agents[0].p, tr.No)
		wantCode(t, err, groupcast.ENotFound)
		_, err = w.Blocks(w.ctx, agents[0].p, tr.No, protocol.Range{First: 0, Count: 1})
		wantCode(t, err, groupcast.ENotFound)
		w.settle()
		if now := w.shown(tr.No); now.State != groupcast.TransferSending {
			t.Errorf("%s: %s", now.State, now.Reason)
		}
	})
}

// Only those who are owed a paged transfer are answered, and nobody once it is over for them or held.
func TestWhoIsAnsweredAboutAPagedTransfer(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := sendingPaged(w, "ann", "bob")
		w.group("other")
		eve := w.enrol("eve", "other").attachAs(speaking(2))
		late := w.enrol("late", "g") // owed it, and was offered nothing
		for call, err := range agents[0].pagedCalls(tr.No, offers[0].Session) {
			if err != nil {
				t.Errorf("one who is owed it asks for the %s: %v", call, err)
			}
		}
		refused := func(who string, a *agent) {
			t.Helper()
			for call, err := range a.pagedCalls(tr.No, offers[0].Session) {
				over := call == "clock" && groupcast.ErrorCode(err) == groupcast.EConflict
				if groupcast.ErrorCode(err) != groupcast.ENotFound && !over {
					t.Errorf("%s asks for the %s: %v", who, call, err)
				}
			}
			w.settle()
		}
		refused("another group's", eve)
		refused("one without an offer", late)
		w.remove("bob", "g")
		refused("one that was removed", agents[1])
		_, err := w.Cancel(w.ctx, tr.No, by)
		w.must(err)
		refused("one that is owed it no more", agents[0])
	})
}

func TestTheClockOfASession(t *testing.T) {
	inBubble(t, func(w *world) {
		_, agents, offers := sendingPaged(w, "ann", "bob")
		before, err := w.SessionClock(w.ctx, agents[0].id, offers[0].Session)
		w.must(err)
		time.Sleep(1500 * time.Microsecond)
		after, err := w.SessionClock(w.ctx, agents[1].id, offers[0].Session)
		w.must(err)
		if after-before != 1500 {
			t.Errorf("%d µs after %d", after, before)
		}
		_, err = w.SessionClock(w.ctx, agents[0].id, protocol.SessionID{9})
		if groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Errorf("of another session: %v", err)
		}
	})
}

// What a device sent as a list is what its session hears that it lacks.
func TestALongListOfLackingBlocksReachesTheSession(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g").attachAs(speaking(2))
		bob := w.enrol("bob", "g").attachAs(speaking(2))
		tr := w.send("g", w.pagedFiles)
		w.step(deliverytest.Step{Blocks: 1})
		o := ann.pagedOffered()
		bob.takes(bob.pagedOffered())
		set := protocol.NewBlockSet(tr.Blocks)
		set.AddRange(protocol.Range{First: 2, Count: 3})
		raw := format2.AppendLacks(nil, set)
		digest := format2.LacksDigest(raw)
		ready := groupcast.Ready{Transfer: tr.No, Session: o.Session, TransferID: &o.TransferID, LacksDigest: &digest}
		h, err := w.HandOut(w.ctx, *ann.p.Device, ready)
		if w.must(err); h.Lacks != groupcast.LacksSend || h.SessionSecret != nil {
			t.Fatalf("of a list that the server does not know: %+v", h)
		}
		err = w.KeepLacks(w.ctx, ann.id, tr.No, raw[:len(raw)-1])
		if groupcast.ErrorCode(err) != groupcast.EInvalid {
			t.Errorf("a list that is cut off: %v", err)
		}
		time.Sleep(11 * time.Second)
		w.must(w.KeepLacks(w.ctx, ann.id, tr.No, raw))
		h, err = w.HandOut(w.ctx, *ann.p.Device, ready)
		if w.must(err); h.Lacks != "" || h.SessionSecret == nil {
			t.Fatalf("of a list that the server knows: %+v", h)
		}
		if got, _ := w.sender().Lacks(ann.id); len(got) != 1 || got[0] != (protocol.Range{First: 2, Count: 3}) {
			t.Errorf("the session heard %v", got)
		}
	})
}
