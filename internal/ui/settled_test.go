package ui

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func TestSettled(t *testing.T) {
	owed := func(state groupcast.DeliveryState, active bool) Snapshot {
		return Snapshot{
			Transfer:   groupcast.Transfer{State: groupcast.TransferSending},
			Deliveries: []groupcast.Delivery{{State: state, Active: active}},
		}
	}
	for _, c := range []struct {
		s    Snapshot
		want bool
	}{
		{owed(groupcast.DeliveryQueued, true), false},
		{owed(groupcast.DeliveryReceiving, true), false},
		{owed(groupcast.DeliveryRefused, true), true},
		{owed(groupcast.DeliveryQueued, false), true},
		{owed(groupcast.DeliveryVerified, true), true},
		{Snapshot{
			Transfer: groupcast.Transfer{State: groupcast.TransferDone}, Deliveries: owed(groupcast.DeliveryQueued, true).
					Deliveries,
		}, true},
	} {
		t.Run(fmt.Sprint(c.want), func(t *testing.T) {
			if got := Settled(c.s); got != c.want {
				t.Errorf("%+v: %v", c.s, got)
			}
		})
	}
}

// A machine that hangs keeps its connection: watching it ends, as long as nothing moves.
func TestStillness(t *testing.T) {
	s := Snapshot{
		Transfer:   groupcast.Transfer{State: groupcast.TransferSending},
		Deliveries: []groupcast.Delivery{{State: groupcast.DeliveryReceiving, Active: true, Blocks: 1}},
	}
	q := Stillness{Since: time.Now().Add(-time.Hour)}
	if q.Longer(s) {
		t.Error("the first look is news")
	}
	q.Since = time.Now().Add(-2 * Stall)
	if !q.Longer(s) {
		t.Error("nothing moved for long")
	}
	s.Deliveries[0].Blocks++
	if q.Longer(s) {
		t.Error("a block came")
	}
	q.Since = time.Now().Add(-2 * Stall)
	s.Transfer.State = groupcast.TransferGathering
	if q.Longer(s) {
		t.Error("a gather window is no stillness")
	}
}
