package receiver

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/recv"
)

// pass lets time pass at a receiver that does not run, and gives what it asks for meanwhile. Of each slot of 100 ms it
// hears what say gives.
func (o *pagedOrigin) pass(r *Receiver, d time.Duration, say func(n int) []byte) (events []recv.Event, over error) {
	for n := range int(d / (100 * time.Millisecond)) {
		time.Sleep(100 * time.Millisecond)
		if say != nil {
			o.say(r, say(n))
		}
		some, _, _, result := r.tick()
		events, over = append(events, some...), result
	}
	return events, over
}

// TestAStarvedSessionIsWaitedFor: while the source is behind, SYNCs say so. Nothing is fetched over HTTPS and the group
// does not count as silent; when nothing is said any more, it does.
func TestAStarvedSessionIsWaitedFor(t *testing.T) {
	o := newPagedOrigin(t, 0, 3<<20)
	synctest.Test(t, func(t *testing.T) {
		o.t = t
		m := newPagedMemory(o)
		r := o.idle(m, withContent(m))
		sequence, slot := uint64(1), uint32(0)
		starved := func(int) []byte {
			sequence, slot = sequence+1, slot+1
			s := o.syncOf(sequence, slot)
			o.declare(&s, 2)
			s.Flags, s.Front = format2.SyncStarved, o.inSession(3)
			return o.sealSync(o.syncKey, s)
		}
		o.say(r, starved(0))
		for n := range 2 {
			o.tell(r, o.data(o.pageBlock(n), 0))
			r.format.store(o.pageBlock(n), o.pages[n])
		}
		for b := range 3 {
			o.tell(r, o.data(o.inSession(b), 0))
			r.format.store(o.inSession(b), o.streamBlock(uint32(b)))
		}
		events, over := o.pass(r, 30*time.Second, starved)
		if len(events) != 0 || over != nil {
			t.Errorf("in 30 s without data: %+v, %v", events, over)
		}
		if d := r.Status().Drops; len(d) != 0 || r.format.(*pagedSession).syncs.newest != sequence {
			t.Errorf("SYNCs were not heard: %v", d)
		}
		events, over = o.pass(r, 3*time.Second, nil)
		if len(events) != 1 || events[0].Kind != recv.Silent || over != nil {
			t.Errorf("in 3 s without SYNCs: %+v, %v", events, over)
		}
	})
}

// TestAReceiverThatWasAwayTooLongAsksAnew: SYNCs of a group that comes back soon are checked along the chain. After
// more than a chain is followed for, the session is over at this device, which asks for the newest SYNC over TLS.
// Before that no SYNC ends it, whatever a member seals.
func TestAReceiverThatWasAwayTooLongAsksAnew(t *testing.T) {
	o := newPagedOrigin(t, 0, 1<<20)
	synctest.Test(t, func(t *testing.T) {
		o.t = t
		m := newPagedMemory(o)
		r := o.idle(m, withContent(m))
		if _, over := o.pass(r, 24*time.Second, func(int) []byte { return o.sync(1<<30, 1999) }); over != nil {
			t.Fatalf("SYNCs that nobody can check end the session: %v", over)
		}
		o.say(r, o.sync(2, 240))
		if got := r.format.(*pagedSession).syncs.newest; got != 2 {
			t.Fatalf("after 24 s the newest SYNC is %d", got)
		}
		if _, over := o.pass(r, 26*time.Second, nil); over != nil {
			t.Fatalf("silence alone ends the session: %v", over)
		}
		o.say(r, o.sync(3, 520))
		if _, _, _, over := r.tick(); !errors.Is(over, ErrSessionOver) {
			t.Errorf("after 26 s and 280 slots: %v", over)
		}
	})
}
