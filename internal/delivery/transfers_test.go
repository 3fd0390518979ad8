package delivery

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

func TestSendReachesEverybody(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		for i, a := range agents {
			w.must(a.receipt(offers[i], groupcast.DeliveryVerified, groupcast.PathMulticast))
		}
		got := w.shown(tr.No)
		if got.State != groupcast.TransferDone || got.Verified != 2 || got.Owed != 0 {
			t.Fatalf("after both receipts: %+v", got)
		}
		if w.sender().Sealing() {
			t.Fatal("the session still runs")
		}
	})
}

func TestOneDeviceIsServedOverHTTPSOnly(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		o := a.offered()
		if o.Flags&wire.OfferMulticast != 0 {
			t.Fatal("one device was offered multicast")
		}
		h, err := a.ready(o)
		w.must(err)
		if !h.HTTPS || h.SessionSecret != nil {
			t.Fatalf("hand-out: %+v", h)
		}
		r, err := a.blocks(tr.No, 0, 12)
		w.must(err)
		data, err := io.ReadAll(r)
		w.must(errors.Join(err, r.Close()))
		if string(data) != strings.Repeat("block", 12) {
			t.Fatalf("blocks: %q", data)
		}
		w.must(a.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		got := w.shown(tr.No)
		if got.State != groupcast.TransferDone || got.HTTPSBytes != 60 {
			t.Fatalf("in the end: %+v", got)
		}
	})
}

func TestChangesWithinAMomentShareOneNewSession(t *testing.T) {
	inBubble(t, func(w *world) {
		running(w, "ann", "bob", "eve", "mal")
		w.remove("eve", "g")
		time.Sleep(100 * time.Millisecond)
		w.remove("mal", "g")
		time.Sleep(time.Second)
		if n := w.made.Count(); n != 2 {
			t.Fatalf("%d sessions were opened, want the first and one new", n)
		}
	})
}

func TestADeviceBehindGetsHTTPSWithTheReason(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, _ := running(w, "ann", "bob", "pc")
		slow := agents[2]
		w.sender().Hear(sender.Event{Kind: sender.DeviceBehind, Device: slow.id, Reason: "30 % loss"})
		o := slow.offered()
		if o.Flags&wire.OfferMulticast != 0 {
			t.Fatal("offered multicast again")
		}
		if h, err := slow.ready(o); err != nil || !h.HTTPS {
			t.Fatalf("hand-out %+v, %v", h, err)
		}
		time.Sleep(2 * time.Second)
		got := w.shown(tr.No)
		if got.Summary != "" || got.NeedsAttention() { // the counts say that one is served over HTTPS
			t.Fatalf("summary %q", got.Summary)
		}
		d := w.deliveryOf(tr.No, "pc")
		if d.Label() != groupcast.LabelBehind || !strings.Contains(d.Reason, "30 % loss") {
			t.Fatalf("%s: %q", d.Label(), d.Reason)
		}
	})
}

func TestALateMemberGetsWhatRuns(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, _, _ := running(w, "ann", "bob")
		late := w.enrol("late", "g").attach()
		o := late.offered()
		if o.Transfer != tr.No || o.Session != w.sender().Terms().Session {
			t.Fatalf("offered %+v", o)
		}
		if h, err := late.ready(o); err != nil || h.SessionSecret == nil || !h.Started {
			t.Fatalf("hand-out %+v, %v", h, err)
		}
	})
}

// TestASourceThatCannotBeReadIsTriedAgain: the disk is away. Nobody fails for that; the reason
// stands where it is looked for, nobody waits in vain, and it goes on by itself.
func TestASourceThatCannotBeReadIsTriedAgain(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob", "cat")
		w.must(agents[0].receipt(offers[0], groupcast.DeliveryVerified, groupcast.PathMulticast))
		for try := range 3 {
			w.sender().End(&content.UnavailableError{
				Path: "d/x", Why: groupcast.WhyUnreadable, Err: errors.New("stale file handle"),
			})
			synctest.Wait()
			got := w.shown(tr.No)
			if got.State != groupcast.TransferWaiting || got.Owed != 2 ||
				!strings.Contains(got.Reason, "d/x: stale file handle") {
				t.Fatalf("while it cannot be read: %+v", got)
			}
			d, err := w.store.Delivery(w.ctx, tr.No, agents[1].id)
			w.must(err)
			w.Explain(&d)
			if d.Cause != groupcast.CauseSource || d.Waited() || !strings.Contains(d.Reason, "stale") {
				t.Fatalf("a delivery meanwhile: %+v", d)
			}
			before := w.made.Count()
			time.Sleep((5*time.Second)<<try - time.Second)
			if synctest.Wait(); w.made.Count() != before {
				t.Fatal("it is tried again at once")
			}
			time.Sleep(2 * time.Second)
			for _, a := range agents[1:] {
				_, err := a.ready(a.offered())
				w.must(err)
			}
		}
		if !w.sender().Sealing() {
			t.Fatal("it does not go on")
		}
	})
}

func TestCancelTakesBack(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		got, err := w.Cancel(w.ctx, tr.No, by)
		w.must(err)
		if got.State != groupcast.TransferCancelled || w.sender().Sealing() {
			t.Fatalf("after cancel: %+v", got)
		}
		if _, err := agents[0].ready(offers[0]); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Fatalf("keys after cancel: %v", err)
		}
	})
}

func TestReasonsAreInWords(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		w.enrol("ann", "g").attach()
		w.enrol("off", "g")
		w.member("new", "g")
		w.add(w.madeUp("g"), false)
		pending, err := w.Pending(w.ctx, "g", groupcast.Window{})
		w.must(err)
		list := pending.Rows
		want := map[string]string{"ann": "waits 10s for others", "off": "not active", "new": "no device yet"}
		for _, d := range list[0].Deliveries {
			if !strings.Contains(d.Reason, want[d.User]) {
				t.Errorf("%s waits because %q, want %q", d.User, d.Reason, want[d.User])
			}
		}
		if len(list[0].Deliveries) != 3 || !strings.Contains(list[0].Reason, "waits") {
			t.Errorf("pending: %+v", list[0])
		}
	})
}

func TestAReceiptMustBeTheDevicesOwn(t *testing.T) {
	inBubble(t, func(w *world) {
		_, agents, offers := running(w, "ann", "bob")
		forger := *agents[0]
		forger.key = agents[1].key
		if err := forger.receipt(offers[0], groupcast.DeliveryVerified, ""); groupcast.ErrorCode(err) != groupcast.EInvalid {
			t.Fatalf("a receipt with another's signature: %v", err)
		}
		other := offers[0]
		other.IndexDigest = protocol.Digest{1}
		if err := agents[0].receipt(other, groupcast.DeliveryVerified, ""); groupcast.ErrorCode(err) != groupcast.EClosed {
			t.Fatalf("a receipt for another manifest: %v", err)
		}
	})
}

// A retry of what everybody has owes nothing, and leaves the transfer closed.
func TestARetryOfNothing(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		for i, a := range agents {
			w.must(a.receipt(offers[i], groupcast.DeliveryVerified, groupcast.PathMulticast))
		}
		if _, err := w.Retry(w.ctx, tr.No); err != nil && groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Fatal(err)
		}
		if got := w.shown(tr.No); got.State != groupcast.TransferDone || got.Owed != 0 {
			t.Errorf("%+v", got)
		}
		w.Engine.mu.Lock()
		defer w.Engine.mu.Unlock()
		if _, known := w.sched.Transfer(w.now(), tr.No); known {
			t.Error("the schedule goes on with it")
		}
	})
}

// What no transfer can be added for is said before its content is built.
func TestWhatMayBeAdded(t *testing.T) {
	inBubble(t, func(w *world) {
		g := w.group("g")
		wantCode(t, w.MayAdd(g, true), groupcast.ENobody)
		w.must(w.MayAdd(g, false)) // for whoever comes later
		w.member("ann", "g")
		g, err := w.db.Group(w.ctx, "g")
		w.must(err)
		w.must(w.MayAdd(g, true))
		w.Pause(true)
		wantCode(t, w.MayAdd(g, true), groupcast.EUnconfirmed)
		w.must(w.MayAdd(g, false))
		w.Pause(false)
		w.Engine.mu.Lock()
		for no := range protocol.TransferNo(maxOpenListed) {
			w.infos[no] = store.Transfer{}
		}
		w.Engine.mu.Unlock()
		wantCode(t, w.MayAdd(g, false), groupcast.EExhausted)
	})
}
