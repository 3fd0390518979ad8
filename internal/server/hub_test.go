package server

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/presence"
)

func TestAnAdministratorWhoIsOneNoLongerLosesTheStream(t *testing.T) {
	inBubble(t, func(w *world) {
		for _, name := range []string{"ada", "bea"} {
			_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: name, Role: groupcast.RoleAdmin, Password: password})
			w.must(err)
		}
		ada := w.login("ada")
		st, err := w.Events(w.ctx, ada.cli)
		w.must(err)
		member := groupcast.RoleMember
		_, err = w.UpdateUser(w.ctx, local, "ada", groupcast.UserChange{Role: &member})
		w.must(err)
		if _, err := st.Next(w.ctx); groupcast.ErrorCode(err) != groupcast.EForbidden {
			t.Fatal(err)
		}
	})
}

func TestASecondAttachEndsTheFirst(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		away := func() bool {
			all, err := rows(w.Deliveries(w.ctx, local, tr.No, groupcast.Window{}))
			w.must(err)
			return all[0].Cause == groupcast.CauseAway
		}
		first := a.stream
		a.attach()
		if _, err := first.Next(w.ctx); err != presence.ErrReplaced {
			t.Fatalf("the first stream: %v", err)
		}
		first.Close() // must not throw the second one out
		synctest.Wait()
		if !w.agents.Has(a.p.Device.ID) || away() {
			t.Fatal("the device is not active any more")
		}
		a.stream.Close()
		synctest.Wait()
		if w.agents.Has(a.p.Device.ID) || !away() {
			t.Fatal("the device is still active")
		}
	})
}

func TestADeliveryThatAsksForTooMuchFails(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		_, err := a.ready(a.offered())
		w.must(err)
		w.openSource = longBlocks
		for range 4 { // more than three times its size
			r, err := w.Blocks(w.ctx, a.p, tr.No, 0, 1)
			w.must(err)
			io.Copy(io.Discard, r)
			w.must(r.Close())
		}
		got, err := w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		if got.Failed != 1 || got.State != groupcast.TransferDone {
			t.Fatalf("%+v", got)
		}
	})
}

func TestWhatNobodyFetchesExpires(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		w.enrol("off", "g")
		tr := w.send("g", func(n *groupcast.NewTransfer) { n.Keep = time.Hour })
		time.Sleep(time.Hour + keepHouseEvery)
		synctest.Wait()
		got, err := w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		if got.State != groupcast.TransferExpired || got.Owed != 0 {
			t.Fatalf("%+v", got)
		}
		if got, err = w.RetryTransfer(w.ctx, local, tr.No); err != nil || got.Owed != 1 || !got.State.Open() {
			t.Fatalf("retry after it expired: %+v, %v", got, err)
		}
	})
}

func TestADeviceFetchesAFewTimesAtOnceOnly(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		for range maxDeviceStreams {
			r, err := w.Blocks(w.ctx, a.p, tr.No, 0, 1)
			w.must(err)
			defer r.Close()
		}
		if _, err := w.Blocks(w.ctx, a.p, tr.No, 0, 1); groupcast.ErrorCode(err) != groupcast.EExhausted {
			t.Fatal(err)
		}
	})
}
