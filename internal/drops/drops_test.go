package drops

import (
	"maps"
	"sync"
	"testing"
)

func TestCountsAreByReason(t *testing.T) {
	var c Counter
	if got := c.Counts(); len(got) != 0 {
		t.Errorf("at first %v", got)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			c.Add(Key)
			c.Add(Injected)
		})
	}
	all.Wait()
	c.Add(Length)
	want := map[string]uint64{"key": 4, "injected": 4, "length": 1}
	if got := c.Counts(); !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestEachReasonHasAName(t *testing.T) {
	seen := map[string]bool{}
	for r := range reasons {
		if name := r.String(); name == "" || seen[name] {
			t.Errorf("reason %d is called %q", r, name)
		}
		seen[r.String()] = true
	}
}
