package delivery

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
)

// Why a device cannot be moved is a conflict with a word that helps, whatever the schedule says.
func TestWhyADeviceCannotBeMoved(t *testing.T) {
	inBubble(t, func(w *world) {
		for err, want := range map[error]struct {
			code groupcast.Code
			says string
			next groupcast.Step
		}{
			schedule.ErrNotOwed:       {groupcast.ENotFound, "nothing of that transfer is owed", ""},
			schedule.ErrPaused:        {groupcast.EUnconfirmed, groupcast.Unconfirmed, groupcast.StepConfirm},
			schedule.ErrHeld:          {groupcast.EConflict, "held", groupcast.StepRelease},
			schedule.ErrAway:          {groupcast.EConflict, "not connected", ""},
			schedule.ErrUnfit:         {groupcast.EConflict, "", ""},
			schedule.ErrStored:        {groupcast.EConflict, "every block", ""},
			schedule.ErrFetches:       {groupcast.EConflict, "HTTPS already", ""},
			schedule.ErrPutOffAlready: {groupcast.EConflict, "put off already", groupcast.StepCatchUp},
		} {
			got := w.cannotMove(1, protocol.DeviceID{1}, err)
			var e *groupcast.Error
			if !errors.As(got, &e) || e.Code != want.code || !strings.Contains(e.Message, want.says) {
				t.Errorf("%v: %v", err, got)
				continue
			}
			if (e.Next == nil) != (want.next == "") || e.Next != nil && e.Next.Step != want.next {
				t.Errorf("%v: the next step is %+v", err, e.Next)
			}
		}
		if err := w.cannotMove(1, protocol.DeviceID{1}, nil); err != nil {
			t.Errorf("one that was moved: %v", err)
		}
	})
}

// How a transfer stands, in one word and in words, on its whole way.
func TestHowATransferStands(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		expect := func(no protocol.TransferNo, state groupcast.TransferState, cause groupcast.Cause, reason string) {
			t.Helper()
			got := w.shown(no)
			if got.State != state || got.Cause != cause || !strings.Contains(got.Reason, reason) {
				t.Errorf("it is %s, %q: %q; want %s, %q: %q", got.State, got.Cause, got.Reason, state, cause, reason)
			}
			page, err := w.Transfers(w.ctx, groupcast.TransferFilter{})
			w.must(err)
			listed := page.Rows[len(page.Rows)-int(no)]
			if listed.State != state || listed.Cause != cause || listed.Reason != got.Reason {
				t.Errorf("it is listed as %s, %q: %q", listed.State, listed.Cause, listed.Reason)
			}
		}
		held := w.send("g", func(tr *store.Transfer) { tr.Hold = true })
		expect(held.No, groupcast.TransferHeld, groupcast.CauseHeld, "held until it is sent")
		tr := w.add(w.madeUp("g"), false)
		expect(tr.No, groupcast.TransferWaiting, groupcast.CauseEmpty, "first members")
		ann, bob := w.enrol("ann", "g"), w.enrol("bob", "g")
		expect(tr.No, groupcast.TransferWaiting, groupcast.CauseAway, "2 receivers are off")
		ann.attach()
		expect(tr.No, groupcast.TransferGathering, groupcast.CauseGathering, "waits 10s for others")
		bob.attach()
		expect(tr.No, groupcast.TransferSending, "", "")
		for _, a := range []*agent{ann, bob} {
			_, err := a.ready(a.offered())
			w.must(err)
		}
		expect(tr.No, groupcast.TransferSending, "", "")
		_, err := w.does(tr.No, bob.id, groupcast.PutOff)
		w.must(err)
		w.must(ann.receipt(w.sender().Terms(), groupcast.DeliveryVerified, groupcast.PathMulticast))
		expect(tr.No, groupcast.TransferWaiting, groupcast.CauseLater, "1 put off until it is sent again")
		w.Pause(true)
		expect(tr.No, groupcast.TransferWaiting, groupcast.CauseUnconfirmed, groupcast.Unconfirmed)
		w.Pause(false)
		_, err = w.does(tr.No, bob.id, groupcast.Drop)
		w.must(err)
		expect(tr.No, groupcast.TransferDone, "", "")
	})
}

// Of two transfers of a group one goes after the other, and says so.
func TestATransferWaitsForTheOneBefore(t *testing.T) {
	inBubble(t, func(w *world) {
		first, agents, _ := running(w, "ann", "bob")
		second := w.send("g", nil)
		waits := fmt.Sprintf("waits for transfer %d of this group", first.No)
		if d := w.deliveryOf(second.No, "ann"); d.Cause != groupcast.CauseWaits || d.Reason != waits {
			t.Errorf("%q, %q", d.Cause, d.Reason)
		}
		w.remove("bob", "g")
		if d := w.deliveryOf(first.No, "ann"); !strings.Contains(d.Reason, "the members changed: a new session follows") {
			t.Errorf("while the members change: %q", d.Reason)
		}
		time.Sleep(time.Second)
		agents[0].offers()
	})
}
