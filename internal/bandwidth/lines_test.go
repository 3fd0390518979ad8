package bandwidth

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// fixed is a session that takes whatever limit it gets.
type fixed struct{ limit uint64 }

func (f *fixed) Limit(bytesPerSec uint64) { f.limit = bytesPerSec }

// What blocks with a wrong digest get beside multicast is theirs alone: a tenth of its rate, 2 MB/s at least, and
// half of a limit at most. What is caught up besides gets no less for it without a limit.
func TestForgedBlocksHaveAShareOfTheirOwn(t *testing.T) {
	for _, c := range []struct {
		most, multicast uint64
		busy            bool
		forged, told    rate.Limit // bytes a second; multicast's is asked of a limited line only
	}{
		{0, 100e6, true, 10e6, 0},
		{0, 5e6, true, 2e6, 0},
		{0, 5e6, false, 2e6, 0},
		{20e6, 18e6, true, 2e6, 18e6},
		{20e6, 18e6, false, 2e6, 20e6},
		{100e6, 90e6, true, 9e6, 91e6},
		{1e6, 1e6, true, 5e5, 5e5},
		{0, 0, true, rate.Inf, 0},
	} {
		t.Run(fmt.Sprint(c.most, " ", c.multicast, " ", c.busy), func(t *testing.T) {
			now := time.Unix(1000, 0)
			var told uint64
			l := New(func() time.Time { return now }, c.most, func(b uint64) { told = b })
			told = c.most
			f := &fixed{}
			l.Begin(7, 0, f)
			if c.busy {
				l.Enter(7, 0, true)
			}
			l.Uses(c.multicast)
			if got := l.all.forged.limiter.Limit(); got != c.forged {
				t.Errorf("%+v: %v bytes a second", c, got)
			}
			if c.most > 0 && rate.Limit(told) != c.told {
				t.Errorf("%+v: multicast may use %d", c, told)
			}
			if c.most == 0 && c.multicast > 0 {
				if got := l.all.https.limiter.Limit(); got != rate.Limit(max(c.multicast/catchUpPart, catchUpLeast)) {
					t.Errorf("%+v: the others get %v", c, got)
				}
			}
		})
	}
}

func TestHTTPSHasAShareWhileMulticastRuns(t *testing.T) {
	for name, c := range map[string]struct {
		multicast uint64
		want      rate.Limit
	}{
		"a part of a fast session":    {10 << 20, (10 << 20) / catchUpPart},
		"the least beside a slow one": {1000, catchUpLeast},
		"all of it without one":       {0, rate.Inf},
	} {
		t.Run(name, func(t *testing.T) {
			l := New(time.Now, 0, func(uint64) {})
			l.Uses(c.multicast)
			if got := l.all.https.limiter.Limit(); got != c.want {
				t.Errorf("%v bytes a second, want %v", got, c.want)
			}
		})
	}
}

// A line without sessions and streams is forgotten once it was quiet for a while.
func TestAQuietLineIsForgotten(t *testing.T) {
	now := time.Unix(1000, 0)
	l := New(func() time.Time { return now }, 0, func(uint64) {})
	s := &fixed{}
	l.Begin(1, 1000, s)
	l.Enter(1, 1000, false)
	l.Uses(500)
	if s.limit == 0 || s.limit >= 1000 {
		t.Errorf("beside a stream the session may use %d", s.limit)
	}
	l.Leave(1, 1000, false)
	l.End(1, 1000, s)
	if len(l.of) != 1 {
		t.Error("a device asks for one stretch after the other, and its line is gone at once")
	}
	now = now.Add(httpsLinger)
	if l.Uses(0); len(l.of) != 0 {
		t.Errorf("%d lines are kept", len(l.of))
	}
}
