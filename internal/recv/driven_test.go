package recv_test

import (
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

func TestSilenceIsToldOnce(t *testing.T) {
	r := machine(even(1, 2), nil)
	r.HandleTimeout(at(1999))
	if es := events(r); len(es) != 0 {
		t.Fatalf("events %+v", es)
	}
	r.HandleTimeout(at(2000))
	r.HandleTimeout(at(3000))
	if es := events(r); len(es) != 1 || es[0].Kind != recv.Silent {
		t.Errorf("events %+v", es)
	}
	r.HandleSync(at(3500), sync(2, 1, 1, 0))
	r.HandleTimeout(at(5500))
	if es := events(r); len(es) != 1 || es[0].Kind != recv.Silent {
		t.Errorf("events %+v", es)
	}
}

func TestSilenceBeforeTheSessionBeginsIsNone(t *testing.T) {
	r := machine(even(1, 2), func(c *recv.Config) { c.Waiting = true })
	r.HandleTimeout(at(60_000))
	if es := events(r); len(es) != 0 {
		t.Fatalf("events %+v", es)
	}
	r.HandleSync(at(60_000), sync(2, 1, 1, 0))
	r.HandleTimeout(at(62_000))
	if es := events(r); len(es) != 1 || es[0].Kind != recv.Silent {
		t.Errorf("events %+v", es)
	}
}

func TestUnansweredAsksAreTold(t *testing.T) {
	l := even(1, 8)
	r := machine(l, nil)
	r.HandleData(at(1), 1, data(l, 0, 0))
	m := sync(2, 1, 1, 1)
	r.HandleSync(at(2), m)
	now := at(2)
	for range 5 {
		f, when, ok := asks(r, now, at(60_000))
		if !ok || len(f.NACKs) != 1 {
			t.Fatalf("no ask: %+v", f)
		}
		now = when
	}
	told := false
	for _, e := range events(r) {
		told = told || e.Kind == recv.Unheard
	}
	if !told {
		t.Error("five asks without an answer, and nobody is told")
	}
}

func TestHaveIsNotAskedFor(t *testing.T) {
	l := even(300, 2)
	have := protocol.NewBlockSet(300)
	have.AddRange(protocol.Range{First: 0, Count: 150})
	r := machine(l, func(c *recv.Config) { c.Have = have })
	r.HandleData(at(1), 1, data(l, 3, 0))
	r.HandleSync(at(2), sync(2, 1, 300, 300))
	f, _, ok := asks(r, at(2), at(60))
	if !ok || len(f.Ranges) != 1 || f.Ranges[0] != (protocol.Range{First: 150, Count: 150}) || f.Verified != 150 {
		t.Errorf("%+v", f)
	}
	if r.Status().Drops.Verified != 1 {
		t.Error("a verified block's symbol was not dropped")
	}
	for i := range 256 {
		want := byte(0)
		if i < 128 {
			want = 3
		}
		if got := f.Bar[i/4] >> (i % 4 * 2) & 3; got != want {
			t.Errorf("bar at %d is %d", i, got)
		}
	}
}

// The bar is of the files: a device that has index and manifest only shows none of it.
func TestBarLeavesTheHeadOut(t *testing.T) {
	l := even(12, 2)
	for head, want := range map[int]byte{2: 0, 0: 3} {
		have := protocol.NewBlockSet(12)
		have.AddRange(protocol.Range{First: 0, Count: 2})
		r := machine(l, func(c *recv.Config) { c.Have, c.Head = have, head })
		r.HandleSync(at(2), sync(2, 1, 12, 12))
		f, _, ok := asks(r, at(2), at(60))
		if !ok || f.Verified != 2 || f.Bar[0]&3 != want || f.Bar[63] != 0 {
			t.Errorf("head of %d: %v, %d verified, bar %v", head, ok, f.Verified, f.Bar)
		}
	}
}

func TestDataPathAllocatesNothing(t *testing.T) {
	l := even(64, 20)
	r := machine(l, nil)
	s := make([]byte, size)
	n := protocol.PacketNumber(0)
	for b := range 64 { // the slabs exist
		r.HandleData(start, 0, wire.Data{Block: protocol.BlockNumber(b), Length: l[b], Index: 255, Symbol: s})
	}
	if a := testing.AllocsPerRun(500, func() {
		n++
		r.HandleData(at(1), n,
			wire.Data{Block: protocol.BlockNumber(n % 64), Length: 20 * size, Index: protocol.SymbolIndex(n / 64), Symbol: s})
		r.NextFeedback(at(1))
	}); a != 0 {
		t.Errorf("%v allocations a packet", a)
	}
}

// FuzzReceiver feeds arbitrary calls: the machine may not panic, hand out a block twice
// without being told, or hold more than its pool.
func FuzzReceiver(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252})
	f.Add([]byte("\x10\x00\x00\x11\x00\x01\x12\x00\x02\x80\x07\x01\x90\x07\xff"))
	f.Fuzz(func(t *testing.T, script []byte) {
		l := even(12, 3)
		r := machine(l, func(c *recv.Config) { c.PoolBytes = 5 * 20 * size })
		out := map[protocol.BlockNumber]bool{}
		now := start
		for i := 0; i+2 < len(script); i += 3 {
			op, a, b := script[i], script[i+1], script[i+2]
			now = now.Add(time.Duration(b) * time.Millisecond)
			switch op % 5 {
			case 0, 1:
				d := data(l, int(a)%12, int(b))
				d.Block += protocol.BlockNumber(op / 128 * 12)
				r.HandleData(now, protocol.PacketNumber(a)<<(b%40), d)
			case 2:
				m := sync(uint64(a), protocol.PacketNumber(b)<<(a%48), int(a), int(b))
				m.Flags = wire.SyncFlags(op / 5)
				m.RangeFirst = protocol.PacketNumber(a)
				m.Repairs = []wire.Repair{{Block: protocol.BlockNumber(a), Symbols: b}}
				r.HandleSync(now, m)
			case 3:
				r.HandleTimeout(now)
			case 4:
				n := protocol.BlockNumber(a)
				r.BlockStored(now, n%12, recv.Outcome(b%3+1))
				delete(out, n%12)
			}
			for _, e := range events(r) {
				if e.Kind == recv.BlockReady {
					// A block whose digest was wrong comes again with two more symbols for each mismatch.
					whole := !e.Suspect && len(e.Symbols) == 3
					again := e.Suspect && len(e.Symbols) >= 2 && len(e.Symbols) <= 2*fec.MaxWrong && len(e.Symbols)%2 == 0
					if out[e.Block] || !whole && !again {
						t.Fatalf("block %d ready twice, or with %d symbols", e.Block, len(e.Symbols))
					}
					out[e.Block] = true
				}
			}
			for range 3 {
				r.NextFeedback(now)
			}
			if s := r.Status(); s.Partial > 5 {
				t.Fatalf("%d blocks in the pool", s.Partial)
			}
		}
	})
}

// A device whose asks nobody answers stays within the budget of the sender (security.md F5).
func TestAsksHaveABudget(t *testing.T) {
	l := even(400, 20)
	r := machine(l, nil)
	n, seconds := 0, 20
	sequence := uint64(1)
	for ms := range 1000 * seconds {
		now := at(ms)
		if ms%4 == 0 { // a new block begins in vain, and the pass is past it
			sequence++
			b := ms / 4 % len(l)
			r.HandleSync(now, sync(sequence, protocol.PacketNumber(ms), len(l), b+1))
			r.HandleData(now, protocol.PacketNumber(ms+1), data(l, b, 1))
		}
		r.HandleTimeout(now)
		for f, ok := r.NextFeedback(now); ok; f, ok = r.NextFeedback(now) {
			if len(f.NACKs)+len(f.Ranges) > 0 {
				n++
			}
		}
	}
	if limit := 100 + 40*seconds; n > limit || n < 100 {
		t.Errorf("%d asks in %d s, at most %d are affordable", n, seconds, limit)
	}
}

// What the pool had no room for is not asked for at once again: the next list is of the size
// that found room.
func TestListIsOfTheSizeOfThePool(t *testing.T) {
	l := even(200, 4)
	r := machine(l, func(c *recv.Config) { c.MaxK, c.PoolBytes = 4, 4*4*size })
	r.HandleSync(at(0), sync(2, 0, len(l), len(l)))
	f, now, ok := asks(r, at(1), at(3000))
	if !ok || f.Ranges[0].Count != 200 {
		t.Fatalf("%v: at first everything is asked for", f.Ranges)
	}
	for b := range l {
		for i := range 4 { // the disk keeps what is ready: four blocks fit
			r.HandleData(now, protocol.PacketNumber(4*b+i+1), data(l, b, i))
		}
	}
	f, _, ok = asks(r, now.Add(time.Millisecond), now.Add(3*time.Second))
	if !ok || len(f.Ranges) != 1 || f.Ranges[0].Count != 8 {
		t.Errorf("%v: after four blocks found room, eight are to be asked for", f.Ranges)
	}
}

// TestForgedSyncsAreSilence: data that members seal does not stand for the server, and when its SYNCs
// are missing while others come with wrong signatures, that is the reason given.
func TestForgedSyncsAreSilence(t *testing.T) {
	l := even(2, 100)
	r := machine(l, nil)
	r.HandleSync(at(100), sync(2, 1, 2, 0))
	for ms := 110; ms < 2090; ms += 20 {
		r.HandleData(at(ms), 3, data(l, 0, 1))
		r.ForgedSync()
	}
	r.HandleTimeout(at(2100))
	es := events(r)
	if len(es) != 1 || es[0].Kind != recv.Silent || !strings.Contains(es[0].Reason, "forges") {
		t.Fatalf("events %+v", es)
	}
	if f, ok := r.NextFeedback(at(2500)); !ok || f.Flags&wire.FeedbackMismatch == 0 {
		t.Errorf("the report does not say that somebody forges: %+v", f)
	}
	r.HandleSync(at(3000), sync(3, 9, 2, 0))
	r.HandleTimeout(at(5000))
	if es := events(r); len(es) != 1 || strings.Contains(es[0].Reason, "forges") {
		t.Errorf("events %+v", es)
	}
}
