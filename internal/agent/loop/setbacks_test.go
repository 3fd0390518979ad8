package loop

import (
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestAStumbleIsSaidOnce(t *testing.T) {
	b := connected(t)
	for i, want := range []string{"Say failed", "", "Say failed"} {
		b.offer(1, protocol.OfferNo(5+i))
		b.Take()
		b.Ended(b.now, 1, Outcome{Failed: []string{"a riddle", "a riddle", "another"}[i]})
		if got := strings.Join(names(b.Take()), ","); got != want {
			t.Errorf("stumble %d: %q, want %q", i, got, want)
		}
	}
}

// The same reason is said once; the looks become rarer, to five minutes.
func TestSetbacksBackOff(t *testing.T) {
	b := connected(t)
	want := firstLook
	for i := range 12 {
		if fresh := b.again(b.now, 7, "a riddle"); fresh != (i == 0) {
			t.Errorf("try %d: fresh is %v", i, fresh)
		}
		if wait := b.setbacks[7].next.Sub(b.now); wait != want*3/4 {
			t.Errorf("try %d: looked at again after %v, want %v", i, wait, want*3/4)
		}
		want = min(2*want, lastLook)
	}
	if !b.again(b.now, 7, "another") {
		t.Error("another reason is not said")
	}
	b.forgetSetbacks(b.now.Add(time.Hour), map[protocol.TransferNo]bool{7: true})
	if b.setbacks[7] == nil {
		t.Error("one that is offered is forgotten")
	}
	if b.forgetSetbacks(b.now.Add(time.Hour), nil); b.setbacks[7] != nil {
		t.Error("one that is not offered is not forgotten")
	}
}

// A full disk is told in numbers that change: it is one reason all the same. When there is room the
// server is told, and offers it again.
func TestATransferWaitsForTheDisk(t *testing.T) {
	b := connected(t)
	full := func(text string) Outcome {
		return Outcome{State: groupcast.DeliveryRefused, Kind: "space", Reason: text, Need: 500}
	}
	b.offer(1, 5)
	b.Take()
	b.Ended(b.now, 1, full("1 GB free"))
	b.wants("it does not fit", "Say refused")
	if b.atWork() != 0 {
		t.Error("somebody works on it")
	}
	due := func() {
		b.now = b.now.Add(lastLook)
		b.Due(b.now)
		b.Take()
	}
	due()
	b.Looked(b.now, b.looks, 1, full("0.9 GB free"))
	b.wants("still not, in other words")
	due()
	b.Looked(b.now, b.looks, 1, Outcome{State: groupcast.DeliveryRefused, Kind: "io", Reason: "broken"})
	b.wants("for another reason", "Say refused", "Refuse 1 io")
	due()
	first := b.looks
	b.Looked(b.now, first+1, 1, Outcome{})
	b.wants("an answer to another look")
	b.Looked(b.now, first, 1, Outcome{})
	b.wants("now it fits", "Resume 1")
	b.Resumed(1, true)
	b.offer(1, 6)
	b.wants("it is offered again", "Begin 1.6")
	b.Ended(b.now, 1, full("no"))
	b.Resumed(1, false)
	if b.transfers[1] != nil || b.setbacks[1] != nil {
		t.Error("one that is not owed any more is still waited for")
	}
	b.offer(2, 7)
	b.Ended(b.now, 2, Outcome{State: groupcast.DeliveryRefused, Kind: "size", Reason: "too large"})
	if b.transfers[2] != nil {
		t.Error("it waits for what only another setting mends")
	}
}
