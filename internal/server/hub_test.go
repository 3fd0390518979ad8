package server

import (
	"errors"
	"testing"
	"testing/synctest"

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
		if _, err := first.Next(w.ctx); !errors.Is(err, presence.ErrReplaced) {
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
