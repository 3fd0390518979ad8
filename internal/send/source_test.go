package send_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

const (
	sourceHead   = 5 // an index and four numbers for pages
	sourceBlocks = 10
)

// sourced is a session of format 2: a source of which nothing can be read yet, and one device that lacks all of it.
type sourced struct {
	t   *testing.T
	s   *send.Sender
	now time.Time
}

func newSourced(t *testing.T) *sourced {
	t.Helper()
	now := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	s := send.New(send.Config{
		Blocks: sourceHead + sourceBlocks, Length: func(protocol.BlockNumber) int { return 4 * testSymbol },
		SymbolSize: testSymbol, Head: sourceHead, Pages: 4, Sourced: true, Rate: rate.Config{Fixed: 10_000_000},
	}, now, rand.New(rand.NewPCG(1, 2)))
	s.Available(now, protocol.Range{First: 0, Count: sourceHead})
	s.Attach(now, 0, []protocol.Range{{First: sourceHead, Count: sourceBlocks}}, false)
	return &sourced{t, s, now}
}

// run lets time pass and gives what was sent: the blocks in order, each once in a row, and the newest SYNC.
func (x *sourced) run(d time.Duration) (blocks []protocol.BlockNumber, newest wire.Sync, syncs int) {
	x.t.Helper()
	var refs [16]send.SymbolRef
	for end := x.now.Add(d); x.now.Before(end); x.now = x.now.Add(time.Millisecond) {
		x.s.HandleTimeout(x.now)
		for e, ok := x.s.NextEvent(); ok; e, ok = x.s.NextEvent() {
			if e.Kind == send.DeviceBehind {
				x.t.Errorf("the device is left behind: %s", e.Reason)
			}
		}
		for busy := true; busy; {
			busy = false
			if m, _, ok := x.s.NextSync(x.now); ok {
				newest, busy = m, true
				syncs++
			}
			if tr, ok := x.s.NextTrain(x.now, refs[:0]); ok {
				busy = true
				for _, r := range tr.Refs {
					if n := len(blocks); n == 0 || blocks[n-1] != r.Block {
						blocks = append(blocks, r.Block)
					}
				}
			}
		}
	}
	return blocks, newest, syncs
}

// report has the device say that it lives, and what it asks for.
func (x *sourced) report(m wire.Sync, nacks ...wire.NACK) {
	x.s.HandleFeedback(x.now, 0, wire.Feedback{SyncSequence: m.Sequence, High: m.RangeLast + 1, NACKs: nacks})
}

// A source that stands still for 30 s: SYNCs go on, the pass is not done, nobody is left behind, and what can be
// read then is sent.
func TestAStarvedSessionGoesOn(t *testing.T) {
	x := newSourced(t)
	x.s.Announce(x.now, false)
	x.s.Available(x.now, protocol.Range{First: sourceHead, Count: 2})
	blocks, m, _ := x.run(100 * time.Millisecond)
	if !slices.Contains(blocks, sourceHead) || !slices.Contains(blocks, sourceHead+1) ||
		slices.Contains(blocks, sourceHead+2) {
		t.Fatalf("blocks %v were sent", blocks)
	}
	for range 300 {
		x.report(m)
		var more []protocol.BlockNumber
		var syncs int
		if more, m, syncs = x.run(100 * time.Millisecond); len(more) > 0 || syncs == 0 || m.Flags&wire.SyncPassDone != 0 {
			t.Fatalf("%v were sent, %d SYNCs, %+v", more, syncs, m)
		}
		if !x.s.Starved() {
			t.Fatal("the session does not say that it is starved")
		}
	}
	got := x.s.Soon(make([]protocol.BlockNumber, 0, 2))
	if !slices.Equal(got, []protocol.BlockNumber{sourceHead + 2, sourceHead + 3}) {
		t.Errorf("it lacks %v", got)
	}
	x.s.Available(x.now, protocol.Range{First: sourceHead + 2, Count: sourceBlocks - 2})
	blocks, m, _ = x.run(100 * time.Millisecond)
	if !slices.Contains(blocks, sourceHead+sourceBlocks-1) || x.s.Starved() != (m.Flags&wire.SyncPassDone == 0) {
		t.Errorf("afterwards %v were sent", blocks)
	}
	x.s.Announce(x.now, true)
	if _, m, _ = x.run(100 * time.Millisecond); m.Flags&wire.SyncPassDone == 0 || x.s.Starved() {
		t.Errorf("with the final page the pass is not done: %+v", m)
	}
}

// A page goes before everything else, and the front stays where it is.
func TestPagesGoOutOfTurn(t *testing.T) {
	x := newSourced(t)
	x.s.Available(x.now, protocol.Range{First: sourceHead, Count: sourceBlocks})
	var refs [1]send.SymbolRef
	if tr, ok := x.s.NextTrain(x.now, refs[:0]); !ok || tr.Refs[0].Block != sourceHead {
		t.Fatalf("%+v", tr)
	}
	front := x.s.Preview(x.now).Front
	x.s.Announce(x.now, false)
	x.s.Announce(x.now, false)
	if announced, sent := x.s.PagesSent(); announced != 2 || sent != 0 {
		t.Errorf("%d pages, %d were sent", announced, sent)
	}
	blocks, m, _ := x.run(200 * time.Millisecond)
	first := slices.Index(blocks, 1)
	if first < 0 || slices.Index(blocks[:first], sourceHead+8) >= 0 || slices.Contains(blocks, 3) {
		t.Errorf("blocks came as %v", blocks)
	}
	if announced, sent := x.s.PagesSent(); announced != 2 || sent != 2 || m.Front < front {
		t.Errorf("%d pages, %d were sent; the front is %d", announced, sent, m.Front)
	}
}

// Repair of pages goes first, and that of a block that cannot be read waits for it.
func TestRepairWaitsForTheSource(t *testing.T) {
	x := newSourced(t)
	x.s.Announce(x.now, false)
	x.s.Available(x.now, protocol.Range{First: sourceHead, Count: 3})
	_, m, _ := x.run(200 * time.Millisecond)
	x.s.Unavailable(sourceHead)
	x.report(m, wire.NACK{Block: sourceHead, Deficit: 2, HighParity: wire.NoParity},
		wire.NACK{Block: sourceHead + 1, Deficit: 2, HighParity: wire.NoParity},
		wire.NACK{Block: 1, Deficit: 1, HighParity: 9})
	blocks, _, _ := x.run(100 * time.Millisecond)
	if !slices.Equal(blocks, []protocol.BlockNumber{1, sourceHead + 1}) {
		t.Errorf("repair of %v", blocks)
	}
	if got := x.s.Soon(make([]protocol.BlockNumber, 0, 1)); !slices.Equal(got, []protocol.BlockNumber{sourceHead}) {
		t.Errorf("it lacks %v", got)
	}
	x.s.Available(x.now, protocol.Range{First: sourceHead, Count: 1})
	if blocks, _, _ = x.run(100 * time.Millisecond); !slices.Equal(blocks, []protocol.BlockNumber{sourceHead}) {
		t.Errorf("once it can be read: %v", blocks)
	}
}

// Blocks that everybody holds are not sent, and do not hold up the pass.
func TestDroppedBlocksAreNotSent(t *testing.T) {
	x := newSourced(t)
	x.s.Announce(x.now, true)
	x.s.Drop(x.now, protocol.Range{First: sourceHead, Count: 7})
	x.s.Available(x.now, protocol.Range{First: sourceHead + 7, Count: 3})
	x.s.Attach(x.now, 1, nil, true)
	blocks, m, _ := x.run(200 * time.Millisecond)
	slices.Sort(blocks)
	want := []protocol.BlockNumber{0, 1, sourceHead + 7, sourceHead + 8, sourceHead + 9}
	if !slices.Equal(slices.Compact(blocks), want) {
		t.Errorf("%v were sent", blocks)
	}
	if m.Flags&wire.SyncPassDone == 0 || x.s.Starved() {
		t.Errorf("the pass is not done: %+v", m)
	}
}

// A block that was asked for whole is sent while the source is behind, though the pass is not through.
func TestOutOfTurnWhileStarved(t *testing.T) {
	x := newSourced(t)
	x.s.Announce(x.now, false)
	x.s.Available(x.now, protocol.Range{First: sourceHead, Count: 3})
	_, m, _ := x.run(200 * time.Millisecond)
	x.s.HandleFeedback(x.now, 0, wire.Feedback{
		SyncSequence: m.Sequence, High: m.RangeLast + 1, Ranges: []protocol.Range{{First: sourceHead + 1, Count: 1}},
	})
	if blocks, _, _ := x.run(100 * time.Millisecond); !slices.Equal(blocks, []protocol.BlockNumber{sourceHead + 1}) {
		t.Errorf("%v were sent", blocks)
	}
	if !x.s.Starved() {
		t.Error("it is not starved afterwards")
	}
}

// A session that is resumed sends no page anew, unless it is asked for.
func TestAResumedSessionKeepsItsPages(t *testing.T) {
	x := newSourced(t)
	x.s.Resumed(2, false)
	x.s.Available(x.now, protocol.Range{First: sourceHead, Count: 1})
	blocks, m, _ := x.run(100 * time.Millisecond)
	if !slices.Equal(blocks, []protocol.BlockNumber{sourceHead}) {
		t.Errorf("%v were sent", blocks)
	}
	x.s.HandleFeedback(x.now, 0, wire.Feedback{
		SyncSequence: m.Sequence, High: m.RangeLast + 1, Ranges: []protocol.Range{{First: 2, Count: 1}},
	})
	if blocks, _, _ = x.run(100 * time.Millisecond); !slices.Equal(blocks, []protocol.BlockNumber{2}) {
		t.Errorf("%v were sent when it was asked for", blocks)
	}
	x.s.Announce(x.now, true)
	if blocks, _, _ = x.run(100 * time.Millisecond); !slices.Equal(blocks, []protocol.BlockNumber{3}) {
		t.Errorf("%v were sent when the next page was announced", blocks)
	}
}

// While the source is behind only SYNCs are sent: the device that loses more of these few is not set aside for it.
func TestFewSyncsTellNothing(t *testing.T) {
	x := newSourced(t)
	for dev := range send.Device(3) {
		x.s.Attach(x.now, dev+1, nil, false)
	}
	x.s.Announce(x.now, false)
	x.s.Available(x.now, protocol.Range{First: sourceHead, Count: 2})
	for range 200 {
		_, m, _ := x.run(100 * time.Millisecond)
		for dev := range send.Device(4) {
			f := wire.Feedback{SyncSequence: m.Sequence, High: m.RangeLast + 1, Declared: 10, Received: 10}
			if dev == 2 {
				f.Received = 5
			}
			x.s.HandleFeedback(x.now, dev, f)
		}
	}
	if st := x.s.Status(); st.Behind != 0 || !x.s.Starved() {
		t.Errorf("%+v", st)
	}
}

// What is sent next is named in the order in which it cannot wait: what is on its way, pages, repair, the pass.
func TestWhatIsSentSoonIsNamed(t *testing.T) {
	x := newSourced(t)
	x.s.Announce(x.now, false)
	x.s.Available(x.now, protocol.Range{First: sourceHead, Count: 3})
	_, m, _ := x.run(200 * time.Millisecond)
	x.s.Unavailable(sourceHead + 1)
	x.s.Unavailable(2)
	x.report(m, wire.NACK{Block: sourceHead + 1, Deficit: 2, HighParity: wire.NoParity})
	x.s.Announce(x.now, false)
	x.run(30 * time.Millisecond)
	want := []protocol.BlockNumber{2, sourceHead + 1}
	for b := range protocol.BlockNumber(sourceBlocks - 3) {
		want = append(want, sourceHead+3+b)
	}
	if got := x.s.Soon(make([]protocol.BlockNumber, 0, 24)); !slices.Equal(got, want) {
		t.Errorf("named are %v, expected %v", got, want)
	}
	if got := x.s.Soon(make([]protocol.BlockNumber, 0, 3)); !slices.Equal(got, want[:3]) {
		t.Errorf("with room for three: %v", got)
	}
	if blocks, _, _ := x.run(50 * time.Millisecond); len(blocks) != 0 {
		t.Errorf("%v were sent and cannot be read", blocks)
	}
	x.s.Available(x.now, protocol.Range{First: 2, Count: 1})
	if blocks, _, _ := x.run(50 * time.Millisecond); !slices.Equal(blocks, []protocol.BlockNumber{2}) {
		t.Errorf("once the page can be read: %v", blocks)
	}
	x.s.Available(x.now, protocol.Range{First: sourceHead + 3, Count: 1})
	var refs [1]send.SymbolRef
	if tr, ok := x.s.NextTrain(x.now, refs[:0]); !ok || tr.Refs[0].Block != sourceHead+3 {
		t.Fatalf("%+v", tr)
	}
	if got := x.s.Soon(make([]protocol.BlockNumber, 0, 24)); got[0] != sourceHead+3 {
		t.Errorf("in the middle of block %d: %v", sourceHead+3, got)
	}
}

// The next pass waits until the devices have said what they lack, also if its blocks can be read: the source is not
// behind meanwhile.
func TestAPauseBetweenPassesIsNoStarvation(t *testing.T) {
	x := newSourced(t)
	x.s.Announce(x.now, true)
	x.s.Available(x.now, protocol.Range{First: sourceHead, Count: sourceBlocks})
	_, m, _ := x.run(200 * time.Millisecond)
	x.s.HandleFeedback(x.now, 0, wire.Feedback{
		SyncSequence: m.Sequence, High: m.RangeLast + 1, Ranges: []protocol.Range{{First: sourceHead, Count: 2}},
	})
	if x.s.Starved() {
		t.Error("the session is starved before the next pass")
	}
	var refs [1]send.SymbolRef
	if tr, ok := x.s.NextTrain(x.now, refs[:0]); ok {
		t.Errorf("the next pass begins at once with %+v", tr)
	}
	if blocks, _, _ := x.run(50 * time.Millisecond); !slices.Contains(blocks, sourceHead+1) || x.s.Starved() {
		t.Errorf("the next pass is of %v", blocks)
	}
}

// Pages that were there before the session are sent to a device that lacks everything when it begins, and not again to
// one that comes later.
func TestPagesOfBeforeGoToThoseWhoAreThere(t *testing.T) {
	x := newSourced(t)
	x.s.Resumed(2, true)
	x.s.Available(x.now, protocol.Range{First: sourceHead, Count: sourceBlocks})
	x.s.Attach(x.now, 1, nil, true)
	blocks, _, _ := x.run(200 * time.Millisecond)
	if !slices.Contains(blocks, 1) || !slices.Contains(blocks, 2) || slices.Contains(blocks, 3) {
		t.Errorf("%v were sent", blocks)
	}
	x.s.Attach(x.now, 2, nil, true)
	blocks, _, _ = x.run(200 * time.Millisecond)
	if slices.Contains(blocks, 1) || !slices.Contains(blocks, sourceHead) {
		t.Errorf("to a device that comes later: %v", blocks)
	}
}

// A session that is closed ends although a device lacks much, and although another one comes.
func TestAClosedSessionEnds(t *testing.T) {
	x := newSourced(t)
	x.s.Available(x.now, protocol.Range{First: sourceHead, Count: 2})
	x.run(50 * time.Millisecond)
	x.s.Close()
	x.s.Attach(x.now, 1, nil, true)
	var over bool
	ended := 0
	for range 100 {
		x.now = x.now.Add(time.Millisecond)
		x.s.HandleTimeout(x.now)
		if m, _, ok := x.s.NextSync(x.now); ok && m.Flags&wire.SyncEnd != 0 {
			ended++
		}
		for e, ok := x.s.NextEvent(); ok; e, ok = x.s.NextEvent() {
			over = over || e.Kind == send.Over
		}
	}
	if !over || ended < 3 || x.s.Starved() {
		t.Errorf("over: %v, %d SYNCs said so", over, ended)
	}
}

// A source that gives too little, but something all the time, leaves the rounds as they are: it is named as what holds
// the rate. While one stands still for long again and again, its rounds tell nothing.
func TestRoundsOfASlowSource(t *testing.T) {
	for every, want := range map[int]rate.Limiter{20: rate.LimitSender, 400: rate.LimitStart} {
		now := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		s := send.New(send.Config{
			Blocks: 2000, Length: func(protocol.BlockNumber) int { return 100 * testSymbol }, SymbolSize: testSymbol,
			Sourced: true, FrameBytes: 1000, Rate: rate.Config{Start: 10e6},
		}, now, rand.New(rand.NewPCG(1, 2)))
		s.Attach(now, 0, nil, true)
		var newest wire.Sync
		var refs [16]send.SymbolRef
		sent, told, starved := 0, 0, 0
		for ms := range 3000 {
			if ms%every == 0 {
				s.Available(now, protocol.Range{First: protocol.BlockNumber(ms / every), Count: 1})
			}
			s.HandleTimeout(now)
			for busy := true; busy; {
				m, _, some := s.NextSync(now)
				if some {
					newest = m
				}
				tr, ok := s.NextTrain(now, refs[:0])
				sent += len(tr.Refs)
				busy = ok || some
			}
			if s.Starved() {
				starved++
			}
			if ms%50 == 49 {
				n := uint32(sent - told)
				f := wire.Feedback{SyncSequence: newest.Sequence, High: newest.RangeLast + 1, Declared: n, Received: n}
				s.HandleFeedback(now, 0, f)
				told = sent
			}
			now = now.Add(time.Millisecond)
		}
		if got := s.Status().Limiter; starved < 500 || got != want {
			t.Errorf("a block every %d ms: starved %d times of 3000, and the rate is held by %q", every, starved, got)
		}
	}
}
