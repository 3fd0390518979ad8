package session

import (
	"net/netip"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// TestForgedSyncsDoNotMute: bad candidates ahead of each SYNC of the server, from wherever, do not
// keep it from being checked.
func TestForgedSyncsDoNotMute(t *testing.T) {
	const servers, others = 7441, 9999
	for name, c := range map[string]struct {
		port  uint16
		ahead int
	}{
		"four, from elsewhere": {others, 4}, "four, as the server": {servers, 4},
		"forty, as the server": {servers, 40}, "two thousand, from elsewhere": {others, 2000},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(0, 0)
			s := newCandidates(now, 1)
			checks := 0
			s.verified(now, 2, servers)
			for seq := uint64(3); seq < 103; seq++ {
				now = now.Add(protocol.SyncInterval)
				for range c.ahead {
					if _, ok := s.admit(now, seq, c.port); ok {
						checks++
						s.failed(seq)
					}
				}
				if _, ok := s.admit(now, seq, servers); !ok {
					t.Fatalf("SYNC %d of the server is not checked", seq)
				}
				s.verified(now, seq, servers)
			}
			if most := (ownVerify + openVerify) * 11; checks > most {
				t.Errorf("%d signatures checked in vain in 10 s", checks)
			}
		})
	}
}

// TestFarSequencesAreNotLikely: a number that the server cannot have come to has no part of the
// budget that is kept for it.
func TestFarSequencesAreNotLikely(t *testing.T) {
	now := time.Unix(0, 0)
	s := newCandidates(now, 1)
	for seq := uint64(1 << 40); seq < 1<<40+1000; seq++ {
		s.admit(now, seq, 7441)
	}
	for seq := uint64(2); seq < 2+ownVerify; seq++ {
		if _, ok := s.admit(now, seq, 7441); !ok {
			t.Fatalf("SYNC %d is not checked", seq)
		}
	}
}

// TestAnotherPortIsAnotherSource: once SYNCs have shown the server's port, data from another one of
// the same address is not taken. A SYNC of the server heard again from there takes nothing away.
func TestAnotherPortIsAnotherSource(t *testing.T) {
	c := newContent(t, 1<<20)
	r := newRig(t, c, testRate)
	rec := r.receiver(r.intake(nil), newShelf(c), nil)
	defer rec.reporter.Close()
	defer rec.close()
	offer, _, _ := r.sender.Offer()
	server, other := netip.AddrPortFrom(offer.Source, 7000), netip.AddrPortFrom(offer.Source, 7001)
	hear := func(from netip.AddrPort, p []byte) map[string]uint64 {
		rec.packets(arrival{from: from, segment: len(p)}, p)
		return rec.Status().Drops
	}
	sync := func(n uint64) []byte {
		return r.sender.seal.SealSync(r.sender.cfg.Key, protocol.PacketNumber(n*100), wire.Sync{Sequence: n, RangeLast: protocol.PacketNumber(n*100 - 1), WindowHigh: 9})
	}
	data := func(n protocol.PacketNumber) []byte {
		h := wire.Header{Kind: wire.KindData, Tag: offer.Tag, Number: n}
		return r.sender.seal.Seal(nil, h, wire.AppendData(nil, wire.Data{Block: 0, Length: 100, Symbol: make([]byte, offer.SymbolSize)}))
	}
	if got := hear(other, data(1)); got["source"] != 0 {
		t.Errorf("before the port is known: %v", got)
	}
	hear(server, sync(20))
	if got := hear(server, data(2001)); got["source"] != 0 {
		t.Errorf("from the server: %v", got)
	}
	if got := hear(other, data(2002)); got["source"] != 1 {
		t.Errorf("from another port: %v", got)
	}
	hear(other, sync(21)) // heard again from there, ahead of the server's own
	if got := hear(server, data(2003)); got["source"] != 1 {
		t.Errorf("from the server after a SYNC of its was repeated: %v", got)
	}
	for range 3 * (ownVerify + openVerify) { // wrong signatures, from elsewhere
		hear(netip.AddrPortFrom(offer.Source, 7002), r.sender.seal.SealSync(seal.NewSigningKey(), 2200, wire.Sync{Sequence: 22, RangeLast: 2199}))
	}
	hear(server, sync(22))
	if got := rec.syncs.newest; got != 22 {
		t.Errorf("the newest SYNC is %d", got)
	}
}
