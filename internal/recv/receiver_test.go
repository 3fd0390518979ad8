package recv_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

const size = 64

var start = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

// layout is lengths by block; 0 is not known.
type layout []int

func (l layout) Length(b protocol.BlockNumber) (int, bool) {
	if int(b) >= len(l) || l[b] == 0 {
		return 0, false
	}
	return l[b], true
}

func even(n, k int) layout {
	l := make(layout, n)
	for i := range l {
		l[i] = k * size
	}
	return l
}

// sync is a SYNC of a session of which everything lies in the window.
func sync(sequence uint64, last protocol.PacketNumber, blocks, front int) wire.Sync {
	return wire.Sync{
		Sequence: sequence, GRTT: 1000, GroupSize: 3, Backoff: 1, RangeFirst: last + 1, RangeLast: last,
		WindowHigh: protocol.BlockNumber(blocks), Front: protocol.BlockNumber(front), ReportInterval: 100_000,
	}
}

func machine(l layout, change func(*recv.Config)) *recv.Receiver {
	cfg := recv.Config{Layout: l, Blocks: len(l), SymbolSize: size, MaxK: 20, First: sync(1, 0, len(l), 0)}
	if change != nil {
		change(&cfg)
	}
	return recv.New(cfg, start, rand.New(rand.NewPCG(1, 2)))
}

func data(l layout, b, i int) wire.Data {
	s := make([]byte, size)
	s[0], s[1] = byte(b), byte(i)
	return wire.Data{Block: protocol.BlockNumber(b), Length: l[b], Index: protocol.SymbolIndex(i), Symbol: s}
}

func events(r *recv.Receiver) (out []recv.Event) {
	for e, ok := r.NextEvent(); ok; e, ok = r.NextEvent() {
		out = append(out, e)
	}
	return out
}

// asks runs the machine's timers until it asks for something, or until end.
func asks(r *recv.Receiver, now, end time.Time) (wire.Feedback, time.Time, bool) {
	for {
		for f, ok := r.NextFeedback(now); ok; f, ok = r.NextFeedback(now) {
			if len(f.NACKs)+len(f.Ranges) > 0 {
				return f, now, true
			}
		}
		t, ok := r.NextTimeout()
		if !ok || t.After(end) {
			return wire.Feedback{}, end, false
		}
		if t.After(now) {
			now = t
		}
		r.HandleTimeout(now)
	}
}

func TestBlockIsReadyWithAnyKSymbols(t *testing.T) {
	l := even(1, 4)
	r := machine(l, nil)
	for n, i := range []int{3, 250, 0, 0, 7} {
		r.HandleData(at(1), protocol.PacketNumber(n+1), data(l, 0, i))
	}
	es := events(r)
	if len(es) != 1 || es[0].Kind != recv.BlockReady || len(es[0].Symbols) != 4 || es[0].Length != 4*size {
		t.Fatalf("events %+v", es)
	}
	for n, i := range []byte{0, 3, 250, 7} { // source symbols first
		if s := es[0].Symbols[n]; byte(s.Index) != i || s.Data[1] != i {
			t.Errorf("symbol %d is %d with %d", n, s.Index, s.Data[1])
		}
	}
	if d := r.Status().Drops.Duplicate; d != 1 {
		t.Errorf("%d duplicates", d)
	}
	r.BlockStored(at(2), 0, recv.Stored)
	if es := events(r); len(es) != 1 || es[0].Kind != recv.Done {
		t.Errorf("events %+v", es)
	}
	if f, ok := r.NextFeedback(at(20)); !ok || f.Flags&wire.FeedbackDone == 0 || f.Verified != 1 {
		t.Errorf("feedback %+v %v", f, ok)
	}
}

func TestAcceptsOnlyAroundTheSignedMark(t *testing.T) {
	r := machine(even(1, 4), nil)
	const mark = 1 << 30
	r.HandleSync(at(1), sync(2, mark-1, 1, 0))
	for n, want := range map[protocol.PacketNumber]bool{
		mark: true, mark + protocol.NumbersAhead: true, mark + protocol.NumbersAhead + 1: false,
		mark - protocol.NumbersBehind: true, mark - protocol.NumbersBehind - 1: false, protocol.MaxPacketNumber: false,
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if r.Accepts(n) != want {
				t.Errorf("Accepts(%d) = %v", n, !want)
			}
		})
	}
	l := even(1, 4)
	r.HandleData(at(2), mark+protocol.NumbersAhead, data(l, 0, 0)) // a data packet moves no window
	if r.Accepts(mark + protocol.NumbersAhead + 1) {
		t.Error("data moved the window")
	}
}

func TestMalformedDataIsDropped(t *testing.T) {
	l := layout{4 * size, 3*size + 1}
	r := machine(l, nil)
	bad := []wire.Data{data(l, 0, 1), data(l, 0, 1), data(l, 0, 1)}
	bad[0].Block = 2
	bad[1].Length--
	bad[2].Symbol = bad[2].Symbol[1:]
	for _, d := range bad {
		r.HandleData(at(1), 1, d)
	}
	if s := r.Status(); s.Drops.Malformed != 3 || s.Partial != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWindowAdmits(t *testing.T) {
	l := even(100, 4)
	r := machine(l, nil)
	m := sync(2, 10, 100, 20)
	m.WindowLow, m.WindowHigh = 10, 30
	m.Repairs = []wire.Repair{{Block: 77, Symbols: 2}, {Block: 3, Symbols: 1}}
	r.HandleSync(at(1), m)
	for _, b := range []int{9, 10, 29, 30, 77, 3, 78} {
		r.HandleData(at(1), 11, data(l, b, 0))
	}
	if s := r.Status(); s.Partial != 4 || s.Drops.Window != 3 {
		t.Errorf("%d partial, %d outside", s.Partial, s.Drops.Window)
	}
}

func TestPoolEvictsTheFewestSymbolsOfTheSettled(t *testing.T) {
	l := even(10, 4)
	r := machine(l, func(c *recv.Config) { c.PoolBytes = 4 * 20 * size })
	for b, n := range []int{3, 1, 2, 3} {
		for i := range n {
			r.HandleData(at(0), 1, data(l, b, i))
		}
	}
	r.HandleData(at(100), 1, data(l, 4, 0)) // all are young
	if s := r.Status(); s.Partial != 4 || s.Drops.Pool != 1 {
		t.Fatalf("%+v", s)
	}
	r.HandleData(at(1000), 1, data(l, 4, 0))
	if s := r.Status(); s.Partial != 4 || s.Drops.Evicted != 1 {
		t.Errorf("%+v", s)
	}
	for i := range 3 { // block 1 was evicted and has to begin anew
		r.HandleData(at(1000), 1, data(l, 0, i+1))
	}
	if es := events(r); len(es) != 1 || es[0].Block != 0 {
		t.Errorf("events %+v", es)
	}
}

func TestSyncHasToBeNewer(t *testing.T) {
	r := machine(even(5, 4), nil)
	r.HandleSync(at(1), sync(9, 10, 5, 3))
	old := sync(9, 500, 5, 5)
	r.HandleSync(at(2), old)
	if s := r.Status(); s.Drops.Stale != 1 || r.Accepts(10+protocol.NumbersAhead+100) {
		t.Errorf("an old SYNC counted: %+v", s)
	}
}

func TestSyncIsClamped(t *testing.T) {
	r := machine(even(5, 4), nil)
	m := sync(2, 10, 5, 1)
	m.GRTT = 3_600_000_000
	m.WindowLow, m.WindowHigh, m.Front = 90, 80, 70
	m.GroupSize, m.Backoff, m.ReportInterval = 1<<31, 0, 1<<31
	r.HandleSync(at(1), m)
	if g := r.Status().GRTT; g != protocol.MaxGRTT {
		t.Errorf("GRTT %v", g)
	}
	if f, _, ok := asks(r, at(1), at(10_000)); !ok || len(f.Ranges) != 1 ||
		f.Ranges[0] != (protocol.Range{First: 0, Count: 5}) {
		t.Errorf("the clamped front lets it ask for everything: %+v %v", f, ok)
	}
}

func TestAsksOncePassed(t *testing.T) {
	l := even(6, 8)
	r := machine(l, nil)
	for b := range 4 {
		for i := range 8 - b {
			r.HandleData(at(1), protocol.PacketNumber(8*b+i+1), data(l, b, i))
		}
	}
	r.HandleData(at(1), 40, data(l, 1, 200)) // completes block 1
	if _, _, ok := asks(r, at(1), at(90)); ok {
		t.Fatal("asked before the pass was through")
	}
	m := sync(2, 40, 6, 5)
	m.Repairs = []wire.Repair{{Block: 2, Symbols: 2}}
	r.HandleSync(at(2), m)
	f, when, ok := asks(r, at(2), at(50))
	if !ok || len(f.NACKs) != 1 || f.NACKs[0] != (wire.NACK{Block: 3, Deficit: 3, HighParity: wire.NoParity}) {
		t.Fatalf("asked %+v %v", f, ok)
	}
	if len(f.Ranges) != 1 || f.Ranges[0] != (protocol.Range{First: 4, Count: 1}) || f.High != 41 {
		t.Errorf("asked %+v", f)
	}
	if d := when.Sub(at(2)); d > 2*time.Millisecond {
		t.Errorf("asked after %v", d)
	}
	_, again, ok := asks(r, when, at(500))
	if d := again.Sub(when); !ok || d < 20*time.Millisecond || d > 40*time.Millisecond {
		t.Errorf("asked again after %v", d)
	}
}

func TestAdvertisedRepairThatIsLostIsAskedFor(t *testing.T) {
	l := even(1, 8)
	r := machine(l, nil)
	r.HandleData(at(1), 1, data(l, 0, 0))
	m := sync(2, 1, 1, 1)
	m.Repairs = []wire.Repair{{Block: 0, Symbols: 7}}
	r.HandleSync(at(2), m)
	_, when, ok := asks(r, at(2), at(1000))
	if d := when.Sub(at(2)); !ok || d < 250*time.Millisecond || d > 300*time.Millisecond {
		t.Errorf("asked after %v (%v)", d, ok)
	}
	r = machine(l, nil)
	r.HandleData(at(1), 1, data(l, 0, 0))
	r.HandleSync(at(2), m)
	r.HandleSync(at(20), sync(3, 9, 1, 1)) // they were sent and did not come
	if _, when, ok := asks(r, at(20), at(1000)); !ok || when.Sub(at(20)) > 2*time.Millisecond {
		t.Errorf("asked at %v (%v)", when.Sub(start), ok)
	}
}

func TestBitmapWhenRowsRunOut(t *testing.T) {
	l := even(1, 8)
	r := machine(l, nil)
	for n, i := range []int{0, 2, 250} {
		r.HandleData(at(1), protocol.PacketNumber(n+1), data(l, 0, i))
	}
	r.HandleSync(at(2), sync(2, 3, 1, 1))
	f, _, ok := asks(r, at(2), at(50))
	if !ok || len(f.Bitmaps) != 1 || f.Bitmaps[0].Missing[0] != 0b11111010 || f.NACKs[0].HighParity != 250 {
		t.Errorf("%+v", f)
	}
}

// TestMismatch: the symbols of a block with a wrong digest are kept and two more are asked for, for each time it
// was wrong: two, two and four, which is what four forged ones take; then it comes over HTTPS.
func TestMismatch(t *testing.T) {
	l := even(50, 4)
	r := machine(l, nil)
	n := protocol.PacketNumber(0)
	next := func(symbols ...int) {
		for _, i := range symbols {
			n++
			r.HandleData(at(1), n, data(l, 7, i))
		}
	}
	next(0, 1, 2, 3)
	r.HandleSync(at(2), sync(2, 9, 50, 50))
	held := 4
	for round, more := range []int{2, 2, 4} {
		es := events(r)
		if len(es) != 1 || es[0].Kind != recv.BlockReady || es[0].Suspect != (round > 0) {
			t.Fatalf("round %d: events %+v", round, es)
		}
		if round > 0 &&
			(len(es[0].Symbols) != held-4 || !es[0].Held.Has(3) || es[0].Held.Has(4) || len(es[0].Memory) != 4*size) {
			t.Fatalf("round %d: %+v", round, es[0])
		}
		r.BlockStored(at(3), 7, recv.Mismatch)
		f, _, ok := asks(r, at(3), at(60))
		if !ok || f.Flags&wire.FeedbackMismatch == 0 || len(f.NACKs) != 1 || int(f.NACKs[0].Deficit) != more {
			t.Fatalf("round %d: asks for %+v", round, f)
		}
		next(0, 1) // held already: they are not taken again
		for range more {
			next(held)
			held++
		}
	}
	if es := events(r); len(es) != 1 || len(es[0].Symbols) != 8 {
		t.Fatalf("events %+v", es)
	}
	r.BlockStored(at(90), 7, recv.Mismatch)
	es := events(r)
	if len(es) != 1 || es[0].Kind != recv.CatchUp || es[0].Ranges[0] != (protocol.Range{First: 7, Count: 1}) {
		t.Fatalf("events %+v", es)
	}
	r.BlockStored(at(1000), 7, recv.Stored) // over HTTPS
	if r.Status().Verified != 1 {
		t.Error("the block from HTTPS does not count")
	}
}

// TestNoAnswerToAMismatch: a block with a wrong digest is not asked for again and again in vain: after five
// asks that bring nothing it comes over HTTPS.
func TestNoAnswerToAMismatch(t *testing.T) {
	l := even(50, 4)
	r := machine(l, nil)
	for i := range 4 {
		r.HandleData(at(1), protocol.PacketNumber(i+1), data(l, 7, i))
	}
	r.HandleSync(at(2), sync(2, 9, 8, 8))
	events(r)
	r.BlockStored(at(3), 7, recv.Mismatch)
	asked, now := 0, at(3)
	for {
		f, when, ok := asks(r, now, at(2500))
		if !ok {
			break
		}
		now = when
		for _, k := range f.NACKs {
			if k.Block == 7 {
				asked++
			}
		}
	}
	left := 0
	for _, e := range events(r) {
		if e.Kind == recv.CatchUp && e.Ranges[0].First == 7 {
			left++
		}
	}
	if asked != 5 || left != 1 {
		t.Errorf("it is asked for %d times and left to HTTPS %d times within 2.5 s", asked, left)
	}
}

// TestForgedParityIndex: an index that the server never used makes it refuse the ask; after two asks without an
// answer the index is left out.
func TestForgedParityIndex(t *testing.T) {
	l := even(1, 8)
	r := machine(l, nil)
	r.HandleData(at(1), 1, data(l, 0, 0))
	r.HandleData(at(1), 2, data(l, 0, 254))
	r.HandleSync(at(2), sync(2, 3, 1, 1))
	now := at(2)
	for try := range 3 {
		f, when, ok := asks(r, now, now.Add(3*time.Second))
		if !ok || len(f.NACKs) != 1 {
			t.Fatalf("ask %d: %+v", try, f)
		}
		if p := f.NACKs[0].HighParity; try < 2 && p != 254 || try == 2 && p != wire.NoParity {
			t.Errorf("ask %d names parity %d", try, p)
		}
		now = when
	}
}

func TestPacketsWaitForTheManifest(t *testing.T) {
	l := layout{2 * size, 0, 0}
	whole := even(3, 2)
	r := machine(l, func(c *recv.Config) { c.RingBytes = 3 * size })
	for n, d := range []wire.Data{data(whole, 1, 0), data(whole, 1, 1), data(whole, 2, 0), data(whole, 2, 1)} {
		r.HandleData(at(1), protocol.PacketNumber(n+1), d)
	}
	if s := r.Status(); s.Drops.Ring != 1 || s.Partial != 0 {
		t.Fatalf("%+v", s)
	}
	r.HandleSync(at(2), sync(2, 4, 3, 3))
	if f, _, ok := asks(r, at(2), at(60)); !ok || len(f.Ranges) != 1 ||
		f.Ranges[0] != (protocol.Range{First: 0, Count: 1}) {
		t.Errorf("without the manifest it asks for block 0 only: %+v %v", f, ok)
	}
	r.SetLayout(at(70), whole, nil)
	if es := events(r); len(es) != 1 || es[0].Block != 1 {
		t.Errorf("events %+v", es)
	}
	if p := r.Status().Partial; p != 2 {
		t.Errorf("%d partial", p)
	}
}

func TestLossIsCountedOverSignedRangesOnly(t *testing.T) {
	l := even(1, 20)
	r := machine(l, nil)
	span := func(seq uint64, first, last protocol.PacketNumber) wire.Sync {
		m := sync(seq, last, 1, 0)
		m.RangeFirst = first
		return m
	}
	r.HandleSync(at(1), span(2, 1, 9)) // number 10
	for n := protocol.PacketNumber(11); n <= 19; n++ {
		if n != 13 && n != 17 {
			r.HandleData(at(2), n, data(l, 0, int(n)))
			r.HandleData(at(2), n, data(l, 0, int(n))) // twice is once
		}
	}
	r.HandleData(at(2), 900, data(l, 0, 1)) // a number nobody declared
	r.HandleSync(at(3), span(3, 11, 19))
	r.HandleData(at(3), 13, data(l, 0, 13)) // late, not lost
	r.HandleSync(at(4), span(4, 21, 20))
	if s := r.Status(); s.Declared != 9 || s.Received != 8 {
		t.Errorf("%d of %d", s.Received, s.Declared)
	}
}
