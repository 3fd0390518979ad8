package delivery

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// When Exclude returns, the excluded have nothing any more: the session whose key they have is over,
// their stream and downloads end, they get no key and no block. The others go on with a new session.
func TestTheExcludedHaveNothingWhenItReturns(t *testing.T) {
	over := groupcast.Errorf(groupcast.EUnauthorized, "the account was disabled")
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob", "eve")
		first, eve := w.sender(), agents[2]
		download, err := eve.blocks(tr.No, 0, 5)
		w.must(err)
		g, err := w.db.Group(w.ctx, "g")
		w.must(err)
		w.must(w.Exclude(func() (Exclusion, error) {
			x := Exclusion{User: eve.p.User.ID, Groups: []protocol.GroupID{g.ID}, Over: over}
			return x, w.db.RemoveMember(w.ctx, g.ID, eve.p.User.ID, w.now())
		}))
		if first.Sealing() {
			t.Error("data is still sealed under a key that the excluded has")
		}
		if _, err := io.ReadAll(download); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("a download goes on: %v", err)
		}
		w.must(download.Close())
		waiting(eve.stream.Next)
		if _, err := eve.stream.Next(w.ctx); !errors.Is(err, over) {
			t.Errorf("the stream goes on: %v", err)
		}
		_, err = eve.ready(offers[2])
		wantCode(t, err, groupcast.ENotFound)
		_, err = eve.blocks(tr.No, 0, 1)
		wantCode(t, err, groupcast.ENotFound)
		if len(w.Offers(eve.id)) > 0 {
			t.Error("an offer stands in the state of the excluded")
		}
		time.Sleep(time.Second)
		for _, a := range agents[:2] {
			o := a.offered()
			if o.Session == offers[0].Session || o.MembershipVersion <= offers[0].MembershipVersion {
				t.Fatalf("the new session's offer: %+v", o)
			}
			_, err := a.ready(o)
			w.must(err)
		}
		if second := w.sender(); second == first || !second.Sealing() {
			t.Error("nothing goes on for the others")
		}
	})
}

// Of a user with two devices one can be excluded alone, and keeps nothing; the other stays as it is.
func TestOneOfTwoDevicesIsExcluded(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		u := w.member("ann", "g")
		old, kept := w.login(u).attach(), w.login(u).attach()
		tr := w.send("g", nil)
		for _, a := range []*agent{old, kept} {
			_, err := a.ready(a.offered())
			w.must(err)
		}
		over := groupcast.Errorf(groupcast.EUnauthorized, "the device was revoked")
		w.must(w.Exclude(func() (Exclusion, error) {
			_, err := w.db.RevokeDevice(w.ctx, old.id, w.now())
			return Exclusion{User: u.ID, Device: &old.id, Groups: []protocol.GroupID{tr.GroupID}, Over: over}, err
		}))
		if _, err := old.blocks(tr.No, 0, 1); err == nil {
			t.Error("the revoked device gets blocks")
		}
		if w.presence.Has(old.id) || !w.presence.Has(kept.id) {
			t.Error("the wrong stream ended")
		}
		time.Sleep(time.Second)
		o := kept.offered()
		_, err := kept.ready(o)
		w.must(err)
		w.must(kept.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		if got := w.shown(tr.No); got.State != groupcast.TransferDone || got.Verified != 1 {
			t.Fatalf("%+v", got)
		}
	})
}

// Halt stops everything before it returns. After it nothing is handed out; once it is confirmed all of
// it is offered anew, under higher numbers.
func TestHaltTakesEverythingBack(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob", "pc")
		pc := agents[2]
		_, err := w.does(tr.No, pc.id, groupcast.CatchUp)
		w.must(err)
		alone := pc.offered()
		_, err = pc.ready(alone)
		w.must(err)
		download, err := pc.blocks(tr.No, 0, 5)
		w.must(err)
		w.Halt()
		if w.sender().Sealing() || w.Sessions() != 0 || !w.Paused() {
			t.Fatalf("after it: %d sessions, paused %v", w.Sessions(), w.Paused())
		}
		if _, err := io.ReadAll(download); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("a download goes on: %v", err)
		}
		w.must(download.Close())
		for i, a := range agents {
			a.told(groupcast.AgentHint)
			if _, err := a.ready(offers[i]); groupcast.ErrorCode(err) != groupcast.EUnconfirmed {
				t.Errorf("keys while it waits: %v", err)
			}
			if len(w.Offers(a.id)) > 0 {
				t.Error("an offer while it waits")
			}
		}
		if got := w.shown(tr.No); got.State != groupcast.TransferWaiting || got.Cause != groupcast.CauseUnconfirmed {
			t.Errorf("meanwhile it is %s, %q", got.State, got.Cause)
		}
		if d := w.deliveryOf(tr.No, "ann"); d.Cause != groupcast.CauseUnconfirmed || d.Reason != ErrUnconfirmed.Message {
			t.Errorf("ann's delivery: %q, %q", d.Cause, d.Reason)
		}
		for _, a := range agents {
			a.offers() // what came before
		}
		w.Pause(false)
		w.Confirmed()
		for _, a := range agents {
			a.told(groupcast.AgentHint) // what they hold of anything that ended meanwhile can be deleted now
		}
		time.Sleep(2 * time.Minute)
		for _, a := range agents {
			anew := a.offers()
			if len(anew) == 0 || anew[0].Number <= alone.Number {
				t.Fatalf("offered anew: %+v, before it number %d", anew, alone.Number)
			}
		}
	})
}

// A group that goes takes its transfers along: sessions end, whoever was offered one is told, and
// what the server holds of it is freed.
func TestAGroupTakesItsTransfersAlong(t *testing.T) {
	withContent(t, map[string]string{"a": "hello"}, func(w *world, dir string) {
		ann := w.enrol("ann", "g").attach()
		tr := w.sendFiles(nil, dir+"/a")
		o := ann.offered()
		g, err := w.db.Group(w.ctx, "g")
		w.must(err)
		w.must(w.GroupGone(w.ctx, func() ([]protocol.TransferNo, error) {
			return w.db.DeleteGroup(w.ctx, g.ID, w.now())
		}))
		end := ann.told(groupcast.AgentEnd)
		if end.Transfer != tr.No || !end.Over || *end.Session != o.Session {
			t.Errorf("it was told %+v", end)
		}
		_, err = ann.ready(o)
		wantCode(t, err, groupcast.ENotFound)
		kept, err := w.store.Transfer(w.ctx, tr.No)
		w.must(err)
		if kept.State != groupcast.TransferCancelled || !kept.ContentGone {
			t.Errorf("%+v", kept)
		}
		if names, err := w.lib.Names(); err != nil || len(names) > 0 {
			t.Errorf("content that is left: %v, %v", names, err)
		}
		_, err = w.Retry(w.ctx, tr.No)
		wantCode(t, err, groupcast.EConflict)
	})
}

// Who is put out of a group while others are waited for is offered nothing.
func TestAnExclusionWhileASessionGathers(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, eve := w.enrol("ann", "g").attach(), w.enrol("eve", "g").attach()
		w.enrol("off", "g") // for whom the others wait
		tr := w.add(w.madeUp("g"), false)
		time.Sleep(5 * time.Second) // the window is open
		w.remove("eve", "g")
		time.Sleep(time.Minute)
		if got := eve.offers(); len(got) > 0 {
			t.Errorf("offered %+v", got)
		}
		o := ann.offered()
		if o.Transfer != tr.No || o.Flags&wire.OfferMulticast != 0 {
			t.Errorf("the one who is left is offered %+v", o)
		}
		synctest.Wait()
	})
}
