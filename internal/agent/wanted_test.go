package agent

import (
	"slices"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// However many blocks a session leaves to HTTPS while nothing is fetched, none is dropped, and what
// lies side by side is one request.
func TestNothingThatWaitsForHTTPSIsDropped(t *testing.T) {
	s := newSide(t.Context(), t.Context(), nil, 10_002, func(error) {})
	defer s.stop()
	for b := protocol.BlockNumber(2); b < 4002; b += 2 {
		s.fetch([]protocol.Range{{First: b, Count: 1}}, "forged")
	}
	s.fetch([]protocol.Range{{First: 3, Count: 5}, {First: 9_990, Count: 1000}}, "forged")
	s.silent("nothing is heard")
	<-s.wanted.some
	f, ok := s.wanted.take()
	if !ok || !f.all || f.reason != "nothing is heard" {
		t.Errorf("that nothing is heard got lost: %+v", f)
	}
	want := []protocol.Range{{First: 2, Count: 7}}
	for b := protocol.BlockNumber(10); b < 4002; b += 2 {
		want = append(want, protocol.Range{First: b, Count: 1})
	}
	want = append(want, protocol.Range{First: 9_990, Count: 12}) // there are no more
	if !slices.Equal(f.ranges, want) {
		t.Errorf("%d ranges of %d are fetched: %v …", len(f.ranges), len(want), f.ranges[:min(4, len(f.ranges))])
	}
	if f, ok := s.wanted.take(); ok {
		t.Errorf("it is wanted twice: %+v", f)
	}
	s.fetch([]protocol.Range{{First: 7, Count: 1}}, "forged")
	select {
	case <-s.wanted.some:
	default:
		t.Error("what came later is not said")
	}
}

// What came meanwhile is not fetched, nor fetched again after a request that broke.
func TestOnlyWhatIsMissingIsFetched(t *testing.T) {
	has := protocol.NewBlockSet(20)
	has.AddRange(protocol.Range{First: 5, Count: 3})
	got := missingOf([]protocol.Range{{First: 4, Count: 3}, {First: 12, Count: 100}}, has)
	if want := []protocol.Range{{First: 4, Count: 1}, {First: 12, Count: 8}}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if len(missingOf(nil, has)) != 0 {
		t.Error("nothing is missing of nothing")
	}
}
