package recv_test

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
)

// TestASyncThatOvertakesDataIsNoLoss: a SYNC comes before what was sent before it, which then comes
// bit by bit. Nothing is lost, so nothing is asked for.
func TestASyncThatOvertakesDataIsNoLoss(t *testing.T) {
	const blocks, k = 4, 10
	l := even(blocks, k)
	r := machine(l, nil)
	now := start.Add(time.Millisecond)
	r.HandleData(now, 1, data(l, 0, 0))
	first := sync(2, blocks*k, blocks, blocks)
	first.RangeFirst = 1
	r.HandleSync(now, first)
	for n := 1; n < blocks*k; n++ {
		now = now.Add(500 * time.Microsecond)
		if f, when, asked := asks(r, now.Add(-500*time.Microsecond), now); asked {
			t.Fatalf("after %v, with %d of %d packets here, it asks: %+v", when.Sub(start), n, blocks*k, f)
		}
		r.HandleData(now, protocol.PacketNumber(n+1), data(l, n/k, n%k))
	}
	ready := 0
	for _, e := range events(r) {
		if e.Kind == recv.BlockReady {
			ready++
		}
	}
	if ready != blocks {
		t.Errorf("%d of %d blocks are whole", ready, blocks)
	}
}

// TestWhatIsLostIsAskedForInSpiteOfAnEndlessTail: packets below the SYNC's number that keep coming, as a
// member may forge them, delay an ask by a bounded time only.
func TestWhatIsLostIsAskedForInSpiteOfAnEndlessTail(t *testing.T) {
	const blocks, k = 2, 10
	l := even(blocks, k)
	r := machine(l, nil)
	first := sync(2, blocks*k, blocks, blocks)
	first.RangeFirst = 1
	r.HandleSync(at(1), first)
	for now := at(1); now.Before(at(120)); now = now.Add(time.Millisecond) {
		r.HandleData(now, 1, data(l, 0, 0))
		if _, when, asked := asks(r, now, now.Add(time.Millisecond)); asked {
			if waited := when.Sub(at(1)); waited > 60*time.Millisecond {
				t.Errorf("it asked after %v", waited)
			}
			return
		}
	}
	t.Error("it never asked")
}

// TestWithoutATailAnAskWaitsForItsBackoffOnly: nothing came after the SYNC that was sent before it.
func TestWithoutATailAnAskWaitsForItsBackoffOnly(t *testing.T) {
	const blocks, k = 2, 10
	l := even(blocks, k)
	r := machine(l, nil)
	for n := range k - 1 {
		r.HandleData(at(1), protocol.PacketNumber(n+1), data(l, 0, n))
	}
	first := sync(2, blocks*k, blocks, blocks)
	first.RangeFirst = 1
	r.HandleSync(at(1), first)
	if _, when, asked := asks(r, at(1), at(40)); !asked || when.Sub(at(1)) > 8*time.Millisecond {
		t.Errorf("asked %v after %v, want within the backoff of a small group", asked, when.Sub(at(1)))
	}
}

// stalled sends a block of which the second half stands still for 15 ms in a queue that SYNCs pass by, one every 2 ms,
// and says whether it was asked for meanwhile.
func stalled(t *testing.T, r *recv.Receiver, l layout, now time.Time, b int, seq uint64) (end time.Time, asked bool) {
	t.Helper()
	const k = 10
	number := func(i int) protocol.PacketNumber { return protocol.PacketNumber(b*100 + i + 1) }
	for i := range k / 2 {
		r.HandleData(now, number(i), data(l, b, i))
	}
	for range 7 {
		now = now.Add(2 * time.Millisecond)
		m := sync(seq, number(k-1), len(l), b+1)
		m.RangeFirst = number(0)
		r.HandleSync(now, m)
		seq++
		_, _, some := asks(r, now, now.Add(time.Millisecond))
		asked = asked || some
	}
	for i := k / 2; i < k; i++ {
		r.HandleData(now.Add(time.Millisecond), number(i), data(l, b, i))
	}
	events(r)
	return now.Add(10 * time.Millisecond), asked
}

// TestWhatStoodStillOnceIsExpectedTo: how late packets come is counted from the first SYNC that overtook them, not from
// the newest, and remembered for some seconds.
func TestWhatStoodStillOnceIsExpectedTo(t *testing.T) {
	const blocks, k = 8, 10
	l := even(blocks, k)
	r := machine(l, nil)
	now, asked := stalled(t, r, l, at(1), 0, 2)
	if !asked {
		t.Fatal("nothing is known of the queue yet, and nothing is asked for")
	}
	for b := 1; b < 5; b++ {
		if now, asked = stalled(t, r, l, now.Add(200*time.Millisecond), b, uint64(2+10*b)); asked {
			t.Errorf("block %d is asked for though what stood still comes", b)
		}
	}
	for i := range 200 { // 20 s without another
		now = now.Add(100 * time.Millisecond)
		m := sync(uint64(100+i), 410, blocks, 5)
		r.HandleSync(now, m)
	}
	if _, asked = stalled(t, r, l, now, 6, 1000); !asked {
		t.Error("it still waits for what a queue held back long ago")
	}
}
