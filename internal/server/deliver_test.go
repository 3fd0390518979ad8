package server

import (
	"io"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
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
	if !w.sender().Sealing() {
		w.Fatal("data does not flow though everybody answered")
	}
	return tr, agents, offers
}

// TestARemovedMemberIsCutOffBeforeTheAnswer is security.md K2, K9 and T3.
func TestARemovedMemberIsCutOffBeforeTheAnswer(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob", "eve")
		first, eve := w.sender(), agents[2]
		stream, err := w.Blocks(w.ctx, eve.p, tr.No, 0, 5)
		w.must(err)
		w.must(w.RemoveMember(w.ctx, local, "g", "eve"))
		if first.Sealing() {
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
		if second := w.sender(); second == first || !second.Sealing() {
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
				if w.sender().Sealing() {
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
			devices, err := rows(w.Devices(w.ctx, local, groupcast.DeviceFilter{User: "full"}, groupcast.Window{}))
			if err != nil || devices[0].FreeBytes != free {
				t.Fatalf("its free space: %+v, %v; want %d", devices, err, free)
			}
		}
		w.must(w.Report(w.ctx, full.p, groupcast.AgentReport{Transfer: tr.No, FreeBytes: 10_000, Path: groupcast.PathHTTPS, Reason: "it can be taken now"}))
		if again := full.offered(); again.Transfer != tr.No {
			t.Fatalf("offered %+v", again)
		}
	})
}
