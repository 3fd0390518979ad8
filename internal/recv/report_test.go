package recv

import (
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
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
	r.swamped(false, 5)
	r.swamped(true, 7)
	if r.slow != 7 {
		t.Errorf("%d symbols are told, want 7", r.slow)
	}
}
