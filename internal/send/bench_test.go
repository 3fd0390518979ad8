package send_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/send"
)

// flood is a sender of a 100 GB transfer at a rate that never waits.
func flood() (*send.Sender, time.Time) {
	now := netsim.NewClock().Now()
	s := send.New(send.Config{
		Blocks: 434_000, SymbolSize: protocol.DefaultSymbol, Rate: rate.Config{Fixed: 5e9},
		Length: func(protocol.BlockNumber) int { return protocol.BlockSize },
	}, now, rand.New(rand.NewPCG(1, 1)))
	s.Attach(now, 1, nil, true)
	return s, now
}

func TestTrainsAllocateNothing(t *testing.T) {
	s, now := flood()
	refs := make([]send.SymbolRef, 0, 44)
	if a := testing.AllocsPerRun(2000, func() {
		now = now.Add(20 * time.Microsecond)
		s.NextTrain(now, refs)
		s.NextSync(now)
	}); a > 0.1 {
		t.Errorf("%v allocations a train", a)
	}
}

func BenchmarkTrain(b *testing.B) {
	s, now := flood()
	refs := make([]send.SymbolRef, 0, 44)
	sent := 0
	for b.Loop() {
		now = now.Add(20 * time.Microsecond)
		train, _ := s.NextTrain(now, refs)
		s.NextSync(now)
		s.NextTimeout()
		sent += len(train.Refs)
	}
	b.ReportMetric(float64(sent)/float64(b.N), "packets/op")
}
