package receiver

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
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
