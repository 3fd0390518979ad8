package agent

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// How long a device says that it will look follows from how it went so far, with room for what goes slower.
func TestHowLongADeviceLooks(t *testing.T) {
	begun := time.Unix(1000, 0)
	for name, c := range map[string]struct {
		done, of uint64
		after    time.Duration
		want     time.Duration
	}{
		"pages still come":   {0, 0, time.Hour, leastLooking},
		"nothing found yet":  {0, 100, time.Minute, leastLooking},
		"half in 10 minutes": {50, 100, 10 * time.Minute, 20 * time.Minute},
		"soon over":          {99, 100, 10 * time.Minute, leastLooking},
		"over":               {100, 100, 10 * time.Minute, leastLooking},
		"takes hours":        {1, 100, 10 * time.Minute, groupcast.MostLooking},
		"next to nothing":    {1, 1 << 62, 10 * time.Minute, groupcast.MostLooking},
	} {
		var l looked
		l.begun.Store(begun.UnixNano())
		l.done.Store(c.done)
		l.of.Store(c.of)
		if got := l.eta(begun.Add(c.after)); got.Round(time.Second) != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if w := l.work(200); w.Done != int(200*c.done/max(c.of, 1)) && c.of < 1<<60 || w.Done > w.Of {
			t.Errorf("%s: %+v", name, w)
		}
	}
	if lookingEvery > time.Minute {
		t.Errorf("a device that looks says so every %s only", lookingEvery)
	}
}

func TestWhatIsLackedIsWhatIsNotThere(t *testing.T) {
	have := protocol.NewBlockSet(130)
	for b := range protocol.BlockNumber(130) {
		if b%3 != 0 {
			have.Add(b)
		}
	}
	lacked := lackedOf(have)
	for b := range protocol.BlockNumber(130) {
		if lacked.Has(b) == have.Has(b) {
			t.Errorf("block %d", b)
		}
	}
}
