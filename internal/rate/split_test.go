package rate_test

import (
	"testing"

	"github.com/groupcast/groupcast/internal/rate"
)

func TestSplitKeepsTheLimit(t *testing.T) {
	for limit := uint64(2); limit < 1<<40; limit = limit*3 + 1 {
		m, h := rate.Split(limit, true, true)
		if m+h > limit || m < limit/2 || h == 0 || m == 0 {
			t.Errorf("%d: %d and %d", limit, m, h)
		}
		for _, one := range [][2]bool{{true, false}, {false, true}, {false, false}} {
			if m, h := rate.Split(limit, one[0], one[1]); m != limit || h != limit {
				t.Errorf("%d, alone: %d and %d", limit, m, h)
			}
		}
	}
	if m, h := rate.Split(0, true, true); m != 0 || h != 0 {
		t.Errorf("no limit: %d and %d", m, h)
	}
}
