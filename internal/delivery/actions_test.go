package delivery

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
)

func wantConflict(t *testing.T, err error, words string) {
	t.Helper()
	if groupcast.ErrorCode(err) != groupcast.EConflict || !strings.Contains(err.Error(), words) {
		t.Fatalf("got %v, want a conflict about %q", err, words)
	}
}

func TestLaterEndsTheWorkAndSendTakesItUp(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		bob := agents[1]
		stream := w.watching()
		defer stream.Close()
		d, err := w.does(tr.No, bob.id, groupcast.PutOff)
		w.must(err)
		if d.Cause != groupcast.CauseLater || d.Waited() || d.State != groupcast.DeliveryQueued {
			t.Fatalf("the delivery: %+v", d)
		}
		bob.told(groupcast.AgentEnd)
		if offers := bob.inState(); len(offers) != 0 {
			t.Fatalf("the device's state still holds the offer: %+v", offers)
		}
		heard := false
		for _, e := range waiting(stream.Next) {
			heard = heard || e.Kind == groupcast.EventDelivery && strings.Contains(e.Text, "later")
		}
		if !heard {
			t.Error("nobody who watches was told")
		}
		w.must(agents[0].receipt(offers[0], groupcast.DeliveryVerified, groupcast.PathMulticast))
		got := w.shown(tr.No)
		if got.State != groupcast.TransferWaiting || !strings.Contains(got.Reason, "put off") {
			t.Fatalf("the transfer: %s, %s", got.State, got.Reason)
		}
		_, err = w.Release(w.ctx, tr.No)
		w.must(err)
		if o := bob.offered(); o.Transfer != tr.No {
			t.Fatalf("offered %+v", o)
		}
	})
}

func TestDropEndsOneDeliveryAndTheTransferWithTheLast(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		bob := agents[1]
		d, err := w.does(tr.No, bob.id, groupcast.Drop)
		w.must(err)
		if d.State != groupcast.DeliveryCancelled || !strings.Contains(d.Reason, "dropped by") {
			t.Fatalf("the delivery: %+v", d)
		}
		bob.told(groupcast.AgentEnd)
		wantCode(t, bob.receipt(offers[1], groupcast.DeliveryVerified, groupcast.PathMulticast), groupcast.EClosed)
		w.must(agents[0].receipt(offers[0], groupcast.DeliveryVerified, groupcast.PathMulticast))
		got := w.shown(tr.No)
		if got.State != groupcast.TransferDone || got.Verified != 1 || got.Failed != 0 {
			t.Fatalf("the transfer: %+v", got)
		}
		_, err = w.does(tr.No, bob.id, groupcast.Drop)
		wantConflict(t, err, "retry")
	})
}

// Who has no device yet can be dropped too; the first device is not owed it then, until it is retried.
func TestAMemberWithoutADeviceIsDropped(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		w.member("ann", "g")
		bob := w.member("bob", "g")
		tr := w.send("g", nil)
		got, dropped, err := w.DropMember(w.ctx, tr.No, "bob", by)
		w.must(err)
		if got.Owed != 1 || !got.State.Open() || len(dropped) != 1 || Who(dropped[0]) != "bob" {
			t.Fatalf("after one of two: %+v", got)
		}
		if _, _, err := w.DropMember(w.ctx, tr.No, "bob", by); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Fatalf("twice: %v", err)
		}
		if first := w.login(bob).attach(); len(first.offers()) != 0 {
			t.Fatal("the first device is owed it all the same")
		}
		got, _, err = w.DropMember(w.ctx, tr.No, "ann", by)
		w.must(err)
		if got.State != groupcast.TransferDone {
			t.Fatalf("after the last: %s", got.State)
		}
		got, err = w.Retry(w.ctx, tr.No)
		w.must(err)
		if got.Owed != 2 {
			t.Fatalf("retried: owed to %d", got.Owed)
		}
	})
}

// Who was put off stays so when the server is started again, for as long as it would have.
func TestLaterOutlivesTheServer(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		bob := agents[1]
		_, err := w.does(tr.No, bob.id, groupcast.PutOff)
		w.must(err)
		w.must(agents[0].receipt(offers[0], groupcast.DeliveryVerified, groupcast.PathMulticast))
		w.reboot()
		bob.attach()
		time.Sleep(time.Minute)
		if o := bob.offers(); len(o) != 0 {
			t.Fatalf("offered %+v after the restart", o)
		}
		all := w.rows(tr.No)
		for _, d := range all {
			if d.User == "bob" && d.Cause != groupcast.CauseLater {
				t.Fatalf("the delivery: %+v", d)
			}
		}
		_, err = w.Release(w.ctx, tr.No)
		w.must(err)
		if o := bob.offered(); o.Transfer != tr.No {
			t.Fatalf("offered %+v", o)
		}
		w.reboot() // it was sent since: nobody is put off
		bob.attach()
		time.Sleep(settle)
		if o := bob.offered(); o.Transfer != tr.No {
			t.Fatalf("offered %+v", o)
		}
	})
}

func TestASilentDeviceDoesNotKeepATransferInSending(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, hung := w.enrol("ann", "g").attach(), w.enrol("hung", "g").attach()
		tr := w.send("g", nil)
		o := ann.offered()
		_, err := ann.ready(o)
		w.must(err)
		time.Sleep(time.Second)
		w.must(ann.receipt(o, groupcast.DeliveryVerified, groupcast.PathMulticast))
		time.Sleep(70 * time.Second)
		synctest.Wait()
		got := w.shown(tr.No)
		if got.State != groupcast.TransferWaiting || !strings.Contains(got.Reason, "not answering") {
			t.Fatalf("the transfer is %s: %q", got.State, got.Reason)
		}
		all := w.rows(tr.No)
		d := all[1]
		if d.Cause != groupcast.CauseSilent || !d.State.Owed() || !strings.Contains(d.Reason, "does not answer") {
			t.Fatalf("the delivery: %+v", d)
		}
		offers := hung.offers() // it wakes up and works through what it was sent
		last := offers[len(offers)-1]
		if h, err := hung.ready(last); err != nil || !h.HTTPS {
			t.Fatalf("when it answers: %+v, %v", h, err)
		}
		w.must(hung.receipt(last, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		got = w.shown(tr.No)
		if got.State != groupcast.TransferDone {
			t.Fatalf("in the end: %+v", got)
		}
	})
}
