package recv_test

import (
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

// ranged is a SYNC that declares a range.
func ranged(sequence uint64, first, last protocol.PacketNumber, blocks int) wire.Sync {
	m := sync(sequence, last, blocks, 0)
	m.RangeFirst = first
	return m
}

// TestForgedNumbersHideNoLoss: a member seals packets with numbers that the server is about to use,
// so that those that are lost then look as if they had come. Only what could be used counts, and
// nothing that was there before the server could have sent it.
func TestForgedNumbersHideNoLoss(t *testing.T) {
	l := even(4, 20)
	short := data(l, 3, 1)
	short.Symbol = short.Symbol[1:]
	wrong, beyond, outside := data(l, 0, 3), data(l, 0, 3), data(l, 3, 1)
	wrong.Length--
	beyond.Block = 99
	for name, c := range map[string]struct {
		forged wire.Data
		ahead  bool // sent before the SYNC that comes before the numbers
	}{
		"too short": {short, false}, "wrong length": {wrong, false}, "no such block": {beyond, false},
		"outside the window": {outside, false}, "well made, far ahead": {data(l, 0, 3), true},
	} {
		t.Run(name, func(t *testing.T) {
			r := machine(l, nil)
			window := func(m wire.Sync) wire.Sync { m.WindowHigh = 2; return m }
			r.HandleSync(at(1), window(ranged(2, 1, 9, 4)))
			forge := func() {
				for n := protocol.PacketNumber(300); n < 320; n++ {
					r.HandleData(at(1), n, c.forged)
				}
			}
			if c.ahead {
				forge()
			}
			r.HandleSync(at(2), window(ranged(3, 11, 99, 4)))
			r.HandleSync(at(3), window(ranged(4, 101, 298, 4)))
			if !c.ahead {
				forge()
			}
			for n := protocol.PacketNumber(320); n < 340; n++ { // half of them are lost
				r.HandleData(at(4), n, data(l, 1, int(n-320)))
			}
			before := r.Status()
			r.HandleSync(at(5), window(ranged(5, 300, 339, 4)))
			r.HandleSync(at(6), window(ranged(6, 341, 340, 4)))
			now := r.Status()
			if d, got := now.Declared-before.Declared, now.Received-before.Received; d < 40 || got != 20 {
				t.Errorf("%d of %d counted as received; 20 of the last 40 came", got, d)
			}
		})
	}
}

// TestWhatIsOfNoUseStillCame: repair for others, and symbols that are there already, are no loss.
func TestWhatIsOfNoUseStillCame(t *testing.T) {
	l := even(2, 2)
	r := machine(l, nil)
	r.HandleSync(at(1), ranged(2, 1, 9, 2))
	for n := protocol.PacketNumber(11); n <= 14; n++ {
		r.HandleData(at(2), n, data(l, 0, int(n-11)%2))
	}
	events(r)
	r.BlockStored(at(3), 0, recv.Stored)
	for n := protocol.PacketNumber(15); n <= 18; n++ {
		r.HandleData(at(4), n, data(l, 0, int(n)))
	}
	r.HandleSync(at(5), ranged(3, 11, 18, 2))
	r.HandleSync(at(6), ranged(4, 20, 19, 2))
	if s := r.Status(); s.Declared != 8 || s.Received != 8 {
		t.Errorf("%d of %d", s.Received, s.Declared)
	}
}

// TestAForgedNumberIsNotTheHighest: what a report says was seen up to decides whether repair that is
// on its way is waited for.
func TestAForgedNumberIsNotTheHighest(t *testing.T) {
	l := even(2, 2)
	r := machine(l, nil)
	r.HandleData(at(1), 60_000, data(l, 0, 0))
	r.HandleSync(at(2), ranged(2, 1, 9, 2))
	f, ok := r.NextFeedback(at(500))
	if !ok || f.High >= 60_000 {
		t.Errorf("highest number %d (%v); the server had sent 10", f.High, ok)
	}
}
