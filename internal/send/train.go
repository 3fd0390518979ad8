package send

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

type pn = protocol.PacketNumber

// passTurn: of so many trains at least one goes to the pass, however much repair is owed.
const passTurn = 4

// sendable says whether NextTrain has something to send, were it not for the rate.
func (s *Sender) sendable() bool {
	return !s.over && !s.sync.ending && s.devices.silentSince.IsZero() && (s.repairReady() || s.passReady())
}

// NextTrain gives the next data packets that may leave now, in refs' array; cap(refs) bounds
// the train.
func (s *Sender) NextTrain(now time.Time, refs []SymbolRef) (Train, bool) {
	s.round.now = now
	s.repair.promote(now)
	s.startPass(now)
	if s.noteWait(now); !s.sendable() {
		s.round.idle = now
		return Train{}, false
	}
	n := s.pacer.Ready(now, min(cap(refs), MaxTrain))
	refs = s.fill(now, refs[:0], n)
	if len(refs) == 0 {
		return Train{}, false
	}
	if s.symbols == 0 {
		s.round.restart(now) // what was sent while nobody was there says nothing of the rate
	}
	t := Train{First: s.number, Refs: refs}
	for i, r := range refs {
		s.last[r.Block] = t.First + pn(i)
	}
	s.number += pn(len(refs))
	s.symbols += uint64(len(refs))
	s.spend(now, len(refs)*s.cfg.FrameBytes)
	return t, true
}

// fill takes repair first, but leaves the pass its turn.
func (s *Sender) fill(now time.Time, refs []SymbolRef, n int) []SymbolRef {
	s.turn++
	passFirst := s.turn >= passTurn
	if passFirst {
		s.turn = 0
	}
	for len(refs) < n {
		ref, ok := s.pick(now, passFirst)
		if !ok {
			break
		}
		refs = append(refs, ref)
	}
	return refs
}

func (s *Sender) pick(now time.Time, passFirst bool) (SymbolRef, bool) {
	if passFirst {
		if ref, ok := s.nextOfPass(now); ok {
			return ref, true
		}
	}
	if ref, ok := s.nextRepair(); ok {
		return ref, true
	}
	return s.nextOfPass(now)
}

func (s *Sender) spend(now time.Time, bytes int) {
	s.pacer.Take(now, bytes)
	s.count.Bytes += uint64(bytes)
	s.sync.bytes += bytes
	s.round.sent += uint64(bytes)
}
