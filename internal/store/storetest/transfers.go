package storetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

func transferStates(w *world) {
	g := w.group("lab")
	t, _ := w.transfer(g)
	sending := w.tick()
	w.ok(w.s.SetTransferState(w.ctx, t.No, groupcast.TransferSending, "", sending))
	w.ok(w.s.SetTransferState(w.ctx, t.No, groupcast.TransferWaiting, "nobody is here", w.tick()))
	w.ok(w.s.SetTransferState(w.ctx, t.No, groupcast.TransferSending, "", w.tick()))
	w.ok(w.s.AddTransferBytes(w.ctx, w.here, t.No, 100, 10))
	w.ok(w.s.AddTransferBytes(w.ctx, w.here, t.No, 1, 1))
	fresh, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "that nobody forges", fresh.Forging == nil, true)
	w.ok(w.s.NoteForged(w.ctx, w.here, t.No, groupcast.Forging{Devices: 2, Blocks: 7}))
	// of another session: the greater counts
	w.ok(w.s.NoteForged(w.ctx, w.here, t.No, groupcast.Forging{Devices: 3, Blocks: 1}))
	w.ok(w.s.NoteForged(w.ctx, w.here, t.No, groupcast.Forging{Devices: 1, Blocks: 1}))
	for _, c := range []struct {
		blocks int
		group  protocol.GroupID
		since  time.Time
		want   bool
	}{
		{7, g.ID, sending, true},
		{8, g.ID, sending, false},
		{7, g.ID, sending.Add(time.Second), false},
		{7, w.group("another").ID, sending, false},
	} {
		forged, err := w.s.ForgedLately(w.ctx, c.group, c.blocks, c.since)
		w.ok(err)
		equal(w, "forged lately", forged, c.want)
	}
	done := w.tick()
	w.ok(w.s.SetTransferState(w.ctx, t.No, groupcast.TransferDone, "", done))
	got, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "that a member forged", *got.Forging, groupcast.Forging{Code: groupcast.MemberForges, Devices: 3, Blocks: 7})
	equal(w, "started", got.StartedAt, sending)
	equal(w, "ended", got.EndedAt, done)
	equal(w, "bytes", [2]uint64{got.WireBytes, got.HTTPSBytes}, [2]uint64{101, 11})
	w.fails(w.s.SetTransferState(w.ctx, t.No, groupcast.TransferSending, "", w.now), groupcast.EConflict)
	w.fails(w.s.CloseTransfer(w.ctx, t.No, groupcast.TransferCancelled, groupcast.DeliveryCancelled, "", w.now),
		groupcast.EConflict)
	w.fails(w.s.SetTransferState(w.ctx, 999, groupcast.TransferSending, "", w.now), groupcast.ENotFound)

	added, _, err := w.s.AddTransfer(w.ctx, store.Transfer{Transfer: groupcast.Transfer{
		GroupID: g.ID, State: groupcast.TransferHeld, Hold: true, CreatedAt: w.tick(),
	}})
	w.ok(err)
	no := added.No
	w.ok(w.s.ReleaseTransfer(w.ctx, no, nil, w.tick()))
	held, err := w.s.Transfer(w.ctx, no)
	w.ok(err)
	equal(w, "released", held.State, groupcast.TransferWaiting)
	equal(w, "hold", held.Hold, false)
	listings(w, g, no)
}

func listings(w *world, g groupcast.Group, newest protocol.TransferNo) {
	w.transfer(w.group("other"))
	for _, c := range []struct {
		name   string
		filter groupcast.TransferFilter
		want   int
	}{
		{"all", groupcast.TransferFilter{}, 3},
		{"of the group", groupcast.TransferFilter{Group: g.Name}, 2},
		{"open", groupcast.TransferFilter{Open: true}, 2},
		{"open of the group", groupcast.TransferFilter{Group: g.Name, Open: true}, 1},
		{"one", groupcast.TransferFilter{Limit: 1}, 1},
		{"of no group", groupcast.TransferFilter{Group: "nowhere"}, 0},
	} {
		list, err := rows(w.s.Transfers(w.ctx, c.filter))
		w.ok(err)
		equal(w, c.name, len(list), c.want)
	}
	list, err := rows(w.s.Transfers(w.ctx, groupcast.TransferFilter{Group: g.Name}))
	w.ok(err)
	equal(w, "newest first", list[0].No, newest)
}

func retry(w *world) {
	g, ann, bob := w.group("lab"), w.user("ann"), w.user("bob")
	one, two, pc := w.device(ann, "one"), w.device(ann, "two"), w.device(bob, "pc")
	w.join(g, ann)
	w.join(g, bob)
	t, _ := w.transfer(g)
	_, err := w.s.CloseDelivery(w.ctx, store.Closing{Transfer: t.No, Device: one.ID, State: groupcast.DeliveryVerified},
		w.tick())
	w.ok(err)
	w.ok(w.s.CloseTransfer(w.ctx, t.No, groupcast.TransferExpired, groupcast.DeliveryExpired, "30 days are over",
		w.tick()))
	equal(w, "owed after the end", w.owed(t.No), 0)
	w.ok(w.s.RemoveMember(w.ctx, g.ID, bob.ID, w.tick()))
	expires := w.now.Add(time.Hour)
	list, err := w.s.RetryTransfer(w.ctx, t.No, expires, w.tick())
	w.ok(err)
	state := map[protocol.DeviceID]groupcast.DeliveryState{}
	for _, d := range list {
		state[d.DeviceID] = d.State
	}
	equal(w, "verified stays", state[one.ID], groupcast.DeliveryVerified)
	equal(w, "expired is owed", state[two.ID], groupcast.DeliveryQueued)
	equal(w, "who left is not", state[pc.ID], groupcast.DeliveryExpired)
	got, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "open", got.State, groupcast.TransferWaiting)
	equal(w, "until", got.ExpiresAt, expires)
	equal(w, "owed", w.owed(t.No), 1)
	w.ok(w.s.CloseTransfer(w.ctx, t.No, groupcast.TransferCancelled, groupcast.DeliveryCancelled, "", w.tick()))
	w.ok(w.s.SetContentGone(w.ctx, t.No))
	_, err = w.s.RetryTransfer(w.ctx, t.No, expires, w.tick())
	w.fails(err, groupcast.EConflict)
}

func offers(w *world) {
	open := func() (protocol.OfferNo, protocol.OfferNo) {
		n, floor, err := w.s.OpenOffer(w.ctx, w.here, 1, w.tick())
		w.ok(err)
		return n, floor
	}
	n, floor := open()
	equal(w, "alone", floor, n)
	second, floor := open()
	equal(w, "next", second, n+1)
	equal(w, "floor", floor, n)
	w.ok(w.s.CloseOffer(w.ctx, n))
	_, floor = open()
	equal(w, "floor moves", floor, second)
	w.take() // no session outlives the process
	w.ok(w.s.SkipOffersPast(w.ctx, 100))
	w.ok(w.s.SkipOffersPast(w.ctx, 50)) // never back
	n, floor = open()
	equal(w, "past what was seen", n, 101)
	equal(w, "floor after a start", floor, 101)
	last, err := w.s.LastOffer(w.ctx)
	w.ok(err)
	equal(w, "last", last, 101)
	offerGaps(w, open)
}

// offerGaps: the numbers that are left out are known, until the counter is moved past them.
func offerGaps(w *world, open func() (protocol.OfferNo, protocol.OfferNo)) {
	leftOut := func(n protocol.OfferNo, want bool) {
		w.Helper()
		is, err := w.s.OfferLeftOut(w.ctx, n)
		w.ok(err)
		equal(w, fmt.Sprintf("offer %d is left out", n), is, want)
	}
	w.ok(w.s.LeaveOutOffers(w.ctx, 10))
	w.ok(w.s.LeaveOutOffers(w.ctx, 0))
	n, _ := open()
	equal(w, "past what is left out", n, 112)
	for n, want := range map[protocol.OfferNo]bool{1: false, 101: false, 102: true, 111: true, 112: false, 113: false} {
		leftOut(n, want)
	}
	w.ok(w.s.LeaveOutOffers(w.ctx, 5))
	leftOut(113, true)
	w.ok(w.s.LeaveOutOffers(w.ctx, 1<<45))
	leftOut(113, false) // long ago
	leftOut(1<<45, true)
	w.ok(w.s.SkipOffersPast(w.ctx, 1<<46))
	leftOut(1<<45, false)
	n, _ = open()
	equal(w, "past all of it", n, 1<<46+1)
}

// transferNumbers: a number belongs to what is kept with it, drawn when it is kept and not
// before, and to nothing that is refused.
func transferNumbers(w *world) {
	g := w.group("lab")
	first, _ := w.transfer(g)
	_, _, err := w.s.AddTransfer(w.ctx,
		store.Transfer{Transfer: groupcast.Transfer{GroupID: protocol.NewGroupID(), State: groupcast.TransferHeld}})
	w.fails(err, groupcast.ENotFound)
	second, _ := w.transfer(g)
	equal(w, "next", second.No, first.No+1)
	stale, _, err := w.s.AddTransfer(w.ctx, first) // whatever number stands in it
	w.ok(err)
	equal(w, "drawn anew", stale.No, second.No+1)
	w.ok(w.s.SkipTransfersPast(w.ctx, stale.No+10))
	third, _ := w.transfer(g)
	equal(w, "past what was seen", third.No, stale.No+11)
	last, err := w.s.LastTransferNo(w.ctx)
	w.ok(err)
	equal(w, "last", last, third.No)
	got, err := w.s.TransferOfContent(w.ctx, third.Content)
	w.ok(err)
	equal(w, "by content", got.No, third.No)
	_, err = w.s.TransferOfContent(w.ctx, "nothing")
	w.fails(err, groupcast.ENotFound)
}

func audit(w *world) {
	for _, e := range []groupcast.AuditEntry{
		{Actor: "root", Action: "user.add", Object: "ann", Address: "10.0.0.1"},
		{Actor: "ann", Action: "member.leave", Object: "lab"},
		{Actor: "root", Action: "member.remove", Object: "lab", Detail: "ann"},
		{Actor: "root", Action: "members.list", Object: "lab"},
	} {
		e.At = w.tick()
		w.ok(w.s.AppendAudit(w.ctx, e))
	}
	all, err := w.s.Audit(w.ctx, store.AuditFilter{})
	w.ok(err)
	equal(w, "all", len(all), 4)
	equal(w, "newest first", all[0].Action, "members.list")
	equal(w, "time", all[0].At, w.now)
	equal(w, "address", all[3].Address, "10.0.0.1")
	for _, c := range []struct {
		name   string
		filter store.AuditFilter
		want   int
	}{
		{"noun", store.AuditFilter{Action: "member"}, 2},
		{"action", store.AuditFilter{Action: "member.leave"}, 1},
		{"actor", store.AuditFilter{Actor: "root"}, 3},
		{"object", store.AuditFilter{Object: "lab"}, 3},
		{"before", store.AuditFilter{Before: all[1].ID}, 2},
		{"limit", store.AuditFilter{Limit: 3}, 3},
		{"since", store.AuditFilter{Since: all[1].At}, 2},
		{"until", store.AuditFilter{Until: all[1].At}, 2},
	} {
		list, err := w.s.Audit(w.ctx, c.filter)
		w.ok(err)
		equal(w, c.name, len(list), c.want)
		c.filter.Limit, c.filter.Before = 1, 0
		total, err := w.s.CountAudit(w.ctx, c.filter)
		w.ok(err)
		if c.name != "before" && c.name != "limit" {
			equal(w, c.name+", counted", total, c.want)
		}
	}
}

func settings(w *world) {
	_, err := w.s.Setting(w.ctx, "restored")
	w.fails(err, groupcast.ENotFound)
	w.ok(w.s.SetSetting(w.ctx, "restored", "yes"))
	w.ok(w.s.SetSetting(w.ctx, "restored", "no"))
	got, err := w.s.Setting(w.ctx, "restored")
	w.ok(err)
	equal(w, "setting", got, "no")
}

// manyAtOnce draws numbers and reads from many goroutines: nothing is drawn twice, nothing
// gives up because the database is busy.
func manyAtOnce(w *world) {
	const workers, each = 8, 10
	g := w.group("lab")
	var mu sync.Mutex
	seen := map[protocol.OfferNo]bool{}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				n, _, err := w.s.OpenOffer(w.ctx, w.here, 1, time.UnixMicro(1))
				_, readErr := w.s.GroupByID(w.ctx, g.ID)
				if err != nil || readErr != nil {
					w.Error(err, readErr)
					return
				}
				mu.Lock()
				seen[n] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	equal(w, "numbers", len(seen), workers*each)
}

// oneOfManyFails: writes that wait together may share a commit. Those that fail undo what they
// did and nothing else, those that were cancelled are made completely or not at all, and each
// gets its own error.
func oneOfManyFails(w *world) {
	const devices = 60
	g, root := w.group("lab"), w.admin("root")
	ann := w.user("ann")
	for i := range devices {
		w.device(ann, fmt.Sprintf("pc-%d", i))
	}
	w.join(g, ann)
	t, owed := w.transfer(g)
	gone, leave := context.WithCancel(w.ctx)
	defer leave()
	refused := func(err error, code groupcast.Code) {
		if err == nil || groupcast.ErrorCode(err) != code {
			w.Errorf("%v, want %s", err, code)
		}
	}
	var wg sync.WaitGroup
	for i, d := range owed {
		wg.Go(func() {
			refused(w.s.SetDisabled(w.ctx, root.ID, true), groupcast.EConflict) // makes the change, then takes it back
		})
		wg.Go(func() {
			_, err := w.s.CloseDelivery(w.ctx,
				store.Closing{Transfer: t.No, Device: protocol.NewDeviceID(), State: groupcast.DeliveryVerified}, w.now)
			refused(err, groupcast.ENotFound)
		})
		wg.Go(func() {
			if i == devices/2 {
				leave()
			}
			_ = w.s.SetSetting(gone, "left by", d.DeviceID.String())
		})
		wg.Go(func() {
			_, err := w.s.CloseDelivery(w.ctx,
				store.Closing{Transfer: t.No, Device: d.DeviceID, State: groupcast.DeliveryVerified}, w.now)
			if err != nil {
				w.Error(err)
			}
		})
	}
	wg.Wait()
	equal(w, "owed", w.owed(t.No), 0)
	got, err := w.s.Transfer(w.ctx, t.No)
	w.ok(err)
	equal(w, "verified", got.Verified, devices)
	n, err := w.s.Administrators(w.ctx)
	w.ok(err)
	equal(w, "administrators", n, 1)
}
