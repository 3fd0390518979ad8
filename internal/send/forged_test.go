package send_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// heard is a sender of blocks of 100 symbols that has sent all of them to so many devices.
func heard(blocks, devices int) (s *send.Sender, now time.Time) {
	now = time.Unix(0, 0)
	s = send.New(send.Config{
		Blocks: blocks, SymbolSize: 1408, Length: func(protocol.BlockNumber) int { return 100 * 1408 },
		Rate: rate.Config{Fixed: 1e9},
	}, now, rand.New(rand.NewPCG(1, 2)))
	for i := range devices {
		s.Attach(now, send.Device(i), nil, true)
	}
	return s, flush(s, now)
}

// flush sends what is due and gives the time when it is through.
func flush(s *send.Sender, now time.Time) time.Time {
	refs := make([]send.SymbolRef, 0, 64)
	for range 200_000 {
		now = now.Add(200 * time.Microsecond)
		s.HandleTimeout(now)
		s.NextSync(now)
		if _, ok := s.NextTrain(now, refs); !ok && s.Status().PassDone && s.Status().Owed == 0 {
			return now
		}
	}
	return now
}

func mismatch(b, deficit int) wire.Feedback {
	return wire.Feedback{
		Flags: wire.FeedbackMismatch, High: 1 << 40,
		NACKs: []wire.NACK{{Block: protocol.BlockNumber(b), Deficit: uint8(deficit), HighParity: wire.NoParity}},
	}
}

// left lists what the sender says of devices that it does not wait for.
func left(s *send.Sender) (out []send.Event) {
	for e, ok := s.NextEvent(); ok; e, ok = s.NextEvent() {
		if e.Kind == send.DeviceBehind {
			out = append(out, e)
		}
	}
	return out
}

// Who asks again and again for blocks that came with a wrong digest is not blamed, if a second device says the
// same, and each block gets a bounded number of symbols.
func TestAsksForForgedBlocksAreNoLie(t *testing.T) {
	const blocks = 300
	s, now := heard(blocks, 4)
	before := s.Status().Counters.Repair
	for range 20 {
		for b := range blocks {
			for dev := range 2 {
				s.HandleFeedback(now, send.Device(dev), mismatch(b, 4))
			}
		}
		now = flush(s, now)
	}
	repair := s.Status().Counters.Repair - before
	if events := left(s); len(events) > 0 {
		t.Errorf("an honest device is left behind: %+v", events)
	}
	if repair < 8*blocks || repair > 24*blocks {
		t.Errorf("%.1f symbols a block: 8 to 24 are fine", float64(repair)/blocks)
	}
	all := protocol.Range{First: 0, Count: blocks}
	if st := s.Status(); st.ForgedBlocks != blocks || !s.Failed(all) || s.Failed(protocol.Range{First: 1, Count: blocks}) {
		t.Errorf("%d blocks count as forged", st.ForgedBlocks)
	}
}

// A device that alone says so of block after block costs the others a small share of the packets, and is not
// believed.
func TestALieAboutForgedBlocksCostsLittle(t *testing.T) {
	const blocks = 300
	s, now := heard(blocks, 4)
	before := s.Status().Counters
	for range 20 {
		for b := range blocks {
			s.HandleFeedback(now, 2, mismatch(b, 4))
		}
		now = flush(s, now)
	}
	st := s.Status()
	if extra := st.Counters.Repair - before.Repair; extra < 512 || extra > 512+(before.Source+extra)/25+4 {
		t.Errorf("%d symbols are sent for %d", extra, before.Source)
	}
	if st.ForgedBlocks != 0 || s.Failed(protocol.Range{First: 0, Count: 1}) || st.ForgerLikely() {
		t.Errorf("it is believed: %+v", st)
	}
}

// A NACK that names a parity index which was never sent is answered: somebody may have forged it.
func TestAForgedParityIndexIsNoRefusal(t *testing.T) {
	s, now := heard(4, 3)
	before := s.Status().Counters
	f := wire.Feedback{High: 1 << 40, NACKs: []wire.NACK{{Block: 1, Deficit: 2, HighParity: 250}}}
	s.HandleFeedback(now, 0, f)
	flush(s, now)
	if st := s.Status().Counters; st.Repair-before.Repair < 2 || st.Refused > before.Refused {
		t.Errorf("%d symbols of 2, %d refused", st.Repair-before.Repair, st.Refused-before.Refused)
	}
}
