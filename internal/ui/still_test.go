package ui

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
)

func TestWhoIsAtWorkIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := Stillness{Since: time.Now()}
		look := func(w *groupcast.Work) bool {
			return q.Longer(Snapshot{
				Transfer:   groupcast.Transfer{State: groupcast.TransferSending},
				Deliveries: []groupcast.Delivery{{Active: true, State: groupcast.DeliveryReceiving, Work: w}},
			})
		}
		for range 100 {
			time.Sleep(3 * time.Second)
			if look(&groupcast.Work{Phase: groupcast.WorkWriting, At: time.Now()}) { // the count stands still: a slow disk
				t.Fatal("given up on a device that says it is at work")
			}
		}
		last := time.Now()
		for range 10 {
			time.Sleep(3 * time.Second)
			if look(&groupcast.Work{Phase: groupcast.WorkWriting, At: last}) {
				return
			}
		}
		t.Error("one that says nothing any more is waited for")
	})
}
