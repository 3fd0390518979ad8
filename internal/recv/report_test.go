package recv

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// TestASlowDiskIsOverrun: symbols that find no room because whole blocks wait for the disk
// are reported as overrun, so that the rate follows; a pool full of halves is not.
func TestASlowDiskIsOverrun(t *testing.T) {
	p := pool{limit: 4, blocks: map[protocol.BlockNumber]*block{}}
	p.order = []*block{{ready: true}, {ready: true}, {}}
	if p.waiting() {
		t.Error("half of the pool is not most of it")
	}
	p.order = append(p.order, &block{ready: true})
	if !p.waiting() {
		t.Error("three of four blocks wait for the disk")
	}
	var r reporting
	r.poolFull(false, 5)
	r.poolFull(true, 7)
	if r.slow != 7 {
		t.Errorf("%d symbols are told, want 7", r.slow)
	}
}

// A congestion mark is told once, with the next report.
func TestAMarkIsToldOnce(t *testing.T) {
	now := time.Unix(0, 0)
	r := New(Config{Blocks: 2, SymbolSize: 64, MaxK: 2, Layout: nothing{}}, now, rand.New(rand.NewPCG(1, 2)))
	if f := r.body(now); f.Flags&wire.FeedbackMarked != 0 {
		t.Error("no packet was marked")
	}
	r.Marked()
	if f := r.body(now); f.Flags&wire.FeedbackMarked == 0 {
		t.Error("a packet was marked")
	}
	if f := r.body(now); f.Flags&wire.FeedbackMarked != 0 {
		t.Error("told twice")
	}
}

type nothing struct{}

func (nothing) Length(protocol.BlockNumber) (int, bool) { return 0, false }
