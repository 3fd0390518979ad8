package server

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
	"github.com/groupcast/groupcast/internal/wire"
)

// running brings n agents of group g into a running session.
func running(w *world, names ...string) (groupcast.Transfer, []*agent, []wire.Offer) {
	w.Helper()
	w.group("g")
	var agents []*agent
	for _, n := range names {
		agents = append(agents, w.enrol(n, "g").attach())
	}
	tr := w.send("g", nil)
	var offers []wire.Offer
	for _, a := range agents {
		o := a.offered()
		h, err := a.ready(o)
		w.must(err)
		if h.HTTPS || len(h.SessionSecret) == 0 {
			w.Fatalf("no keys were handed out: %+v", h)
		}
		offers = append(offers, o)
	}
	if !w.sender().sealing() {
		w.Fatal("data does not flow though everybody answered")
	}
	return tr, agents, offers
}

func TestSendReachesEverybody(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		for i, a := range agents {
			w.must(a.receipt(offers[i], groupcast.DeliveryVerified, groupcast.PathMulticast))
		}
		got, err := w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		if got.State != groupcast.TransferDone || got.Verified != 2 || got.Owed != 0 {
			t.Fatalf("after both receipts: %+v", got)
		}
		if w.sender().sealing() {
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
		r, err := w.Blocks(w.ctx, a.p, tr.No, 0, 12)
		w.must(err)
		data, err := io.ReadAll(r)
		w.must(errors.Join(err, r.Close()))
		if string(data) != strings.Repeat("block", 12) {
			t.Fatalf("blocks: %q", data)
		}
		w.must(a.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		got, err := w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		if got.State != groupcast.TransferDone || got.HTTPSBytes != 60 {
			t.Fatalf("in the end: %+v", got)
		}
	})
}

// TestARemovedMemberIsCutOffBeforeTheAnswer is security.md K2, K9 and T3.
func TestARemovedMemberIsCutOffBeforeTheAnswer(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob", "eve")
		first, eve := w.sender(), agents[2]
		stream, err := w.Blocks(w.ctx, eve.p, tr.No, 0, 5)
		w.must(err)
		w.must(w.RemoveMember(w.ctx, local, "g", "eve"))
		if first.sealing() {
			t.Fatal("the answer came while data is still sealed under a key that the removed member has")
		}
		if _, err := io.ReadAll(stream); err == nil {
			t.Fatal("a catch-up goes on after the removal")
		}
		w.must(stream.Close())
		if _, err := eve.ready(offers[2]); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Fatalf("keys for a removed member: %v", err)
		}
		if _, err := w.Blocks(w.ctx, eve.p, tr.No, 0, 1); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Fatalf("catch-up for a removed member: %v", err)
		}
		time.Sleep(time.Second)
		for _, a := range agents[:2] {
			o := a.offered()
			if o.Session == offers[0].Session || o.MembershipVersion <= offers[0].MembershipVersion || o.Number <= offers[0].Number {
				t.Fatalf("the new session's offer: %+v", o)
			}
			_, err := a.ready(o)
			w.must(err)
		}
		if got := eve.offers(); len(got) != 0 {
			t.Fatalf("the removed member was offered %+v", got)
		}
		if second := w.sender(); second == first || !second.sealing() {
			t.Fatal("nothing goes on for the others")
		}
		holders, err := w.KeyHolders(w.ctx, local, tr.No)
		w.must(err)
		held := map[string]int{}
		for _, h := range holders {
			if h.User == "eve" && h.Session != offers[0].Session {
				t.Errorf("the removed member holds the key of %+v", h)
			}
			held[h.User]++
		}
		if held["ann"] != 2 || held["bob"] != 2 || held["eve"] != 1 {
			t.Errorf("keys handed out: %v", held)
		}
		sessions, err := w.KeySessions(w.ctx, local, "g")
		if w.must(err); len(sessions) != 2 || sessions[0].Devices != 2 || sessions[1].Devices != 3 {
			t.Errorf("sessions of the group: %+v", sessions)
		}
	})
}

func TestChangesWithinAMomentShareOneNewSession(t *testing.T) {
	inBubble(t, func(w *world) {
		running(w, "ann", "bob", "eve", "mal")
		w.must(w.RemoveMember(w.ctx, local, "g", "eve"))
		time.Sleep(100 * time.Millisecond)
		w.must(w.RemoveMember(w.ctx, local, "g", "mal"))
		time.Sleep(time.Second)
		if n := w.sessions(); n != 2 {
			t.Fatalf("%d sessions were opened, want the first and one new", n)
		}
	})
}

func TestDisablingAndRevokingEndEverything(t *testing.T) {
	for name, do := range map[string]func(w *world, a *agent) error{
		"disable": func(w *world, a *agent) error {
			yes := true
			_, err := w.UpdateUser(w.ctx, local, a.p.User.Name, groupcast.UserChange{Disabled: &yes})
			return err
		},
		"delete": func(w *world, a *agent) error { return w.DeleteUser(w.ctx, local, a.p.User.Name) },
		"revoke": func(w *world, a *agent) error { return w.RevokeDevice(w.ctx, local, a.p.Device.ID) },
		"logout": func(w *world, a *agent) error { return w.Logout(w.ctx, a.cli) },
		"leave":  func(w *world, a *agent) error { return w.Leave(w.ctx, a.cli, "g") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				tr, agents, offers := running(w, "ann", "bob", "eve")
				eve := agents[2]
				w.must(do(w, eve))
				if w.sender().sealing() {
					t.Fatal("data is still sealed under the old key")
				}
				if _, err := w.Blocks(w.ctx, eve.p, tr.No, 0, 1); err == nil {
					t.Fatal("catch-up goes on")
				}
				if _, err := eve.ready(offers[2]); err == nil {
					t.Fatal("keys are handed out")
				}
				if name == "leave" {
					return // the stream stays: he may be in other groups
				}
				for range 5 { // what was queued is dropped with the stream
					if _, err := eve.stream.Next(w.ctx); err != nil {
						return
					}
				}
				t.Fatal("the event stream lives on")
			})
		})
	}
}

func TestADeviceBehindGetsHTTPSWithTheReason(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, _ := running(w, "ann", "bob", "pc")
		slow := agents[2]
		w.sender().cfg.OnEvent(sender.Event{Kind: sender.DeviceBehind, Device: slow.p.Device.ID, Reason: "30 % loss"})
		o := slow.offered()
		if o.Flags&wire.OfferMulticast != 0 {
			t.Fatal("offered multicast again")
		}
		if h, err := slow.ready(o); err != nil || !h.HTTPS {
			t.Fatalf("hand-out %+v, %v", h, err)
		}
		time.Sleep(2 * time.Second)
		got, err := w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		if v := got.Summary; !strings.Contains(v, "0 of 3 done") || !strings.Contains(v, "pc-pc behind: 30 % loss, by HTTPS") {
			t.Fatalf("summary %q", v)
		}
	})
}

func TestALateMemberGetsWhatRuns(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, _, _ := running(w, "ann", "bob")
		late := w.enrol("late", "g").attach()
		o := late.offered()
		if o.Transfer != tr.No || o.Session != w.sender().offer.Session {
			t.Fatalf("offered %+v", o)
		}
		if h, err := late.ready(o); err != nil || h.SessionSecret == nil || !h.Started {
			t.Fatalf("hand-out %+v, %v", h, err)
		}
	})
}

func TestANewMemberGetsNothingOlder(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		for i, a := range agents {
			w.must(a.receipt(offers[i], groupcast.DeliveryVerified, groupcast.PathMulticast))
		}
		late := w.enrol("late", "g").attach()
		if got := late.offers(); len(got) != 0 {
			t.Fatalf("offered what was over before: %+v", got)
		}
		if _, err := w.Manifest(w.ctx, late.p, tr.No); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Fatalf("the manifest of a finished transfer: %v", err)
		}
	})
}

func TestARestartGoesOnWithANewSession(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		w.reboot()
		for _, a := range agents {
			a.attach()
		}
		if got := agents[0].offers(); len(got) > 0 {
			t.Fatalf("offered %+v before others had time to come back", got)
		}
		time.Sleep(settle)
		o := agents[0].offered()
		if o.Transfer != tr.No || o.Session == offers[0].Session || o.Number <= offers[0].Number {
			t.Fatalf("after the restart: %+v", o)
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
			w.sender().end <- &content.UnavailableError{Path: "d/x", Why: groupcast.WhyUnreadable, Err: errors.New("stale file handle")}
			synctest.Wait()
			got, err := w.Transfer(w.ctx, local, tr.No)
			w.must(err)
			if got.State != groupcast.TransferWaiting || got.Owed != 2 || !strings.Contains(got.Reason, "d/x: stale file handle") {
				t.Fatalf("while it cannot be read: %+v", got)
			}
			d, err := w.store.Delivery(w.ctx, tr.No, agents[1].p.Device.ID)
			w.must(err)
			w.delivery.Explain(&d)
			if d.Cause != groupcast.CauseSource || d.Waited() || !strings.Contains(d.Reason, "stale") {
				t.Fatalf("a delivery meanwhile: %+v", d)
			}
			before := w.sessions()
			time.Sleep((5*time.Second)<<try - time.Second)
			if synctest.Wait(); w.sessions() != before {
				t.Fatal("it is tried again at once")
			}
			time.Sleep(2 * time.Second)
			for _, a := range agents[1:] {
				_, err := a.ready(a.offered())
				w.must(err)
			}
		}
		if !w.sender().sealing() {
			t.Fatal("it does not go on")
		}
	})
}

func TestCancelTakesBack(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		got, err := w.CancelTransfer(w.ctx, local, tr.No)
		w.must(err)
		if got.State != groupcast.TransferCancelled || w.sender().sealing() {
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
		_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: "new", Password: password})
		w.must(err)
		_, err = w.AddMember(w.ctx, local, "g", "new")
		w.must(err)
		w.send("g", func(n *groupcast.NewTransfer) { n.Now = false })
		list, err := rows(w.Pending(w.ctx, local, "g", groupcast.Window{}))
		w.must(err)
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

func TestARefusalForSpaceIsTriedAgainWhenThereIsRoom(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		full := w.enrol("full", "g").attach()
		tr := w.send("g", nil)
		o := full.offered()
		_, err := w.Ready(w.ctx, full.p, groupcast.Ready{Transfer: o.Transfer, Session: o.Session, Refused: "needs 500 B more", Kind: "space", FreeBytes: 100})
		w.must(err)
		list, err := rows(w.store.Deliveries(w.ctx, tr.No, groupcast.Window{}))
		w.must(err)
		if list[0].State != groupcast.DeliveryRefused || list[0].Reason != "needs 500 B more" {
			t.Fatalf("delivery %+v", list[0])
		}
		for _, free := range []uint64{100, 10_000} {
			if free != 100 {
				w.must(w.Report(w.ctx, full.p, groupcast.AgentReport{FreeBytes: free}))
			}
			if devices, err := rows(w.Devices(w.ctx, local, "full", groupcast.Window{})); err != nil || devices[0].FreeBytes != free {
				t.Fatalf("its free space: %+v, %v; want %d", devices, err, free)
			}
		}
		w.must(w.Report(w.ctx, full.p, groupcast.AgentReport{Transfer: tr.No, FreeBytes: 10_000, Path: groupcast.PathHTTPS, Reason: "it can be taken now"}))
		if again := full.offered(); again.Transfer != tr.No {
			t.Fatalf("offered %+v", again)
		}
	})
}
