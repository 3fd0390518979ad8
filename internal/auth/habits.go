package auth

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast"
)

const maxHabits = 20_000 // users remembered

// Habits bounds how often each user does something that is written down each time (security.md C10). It is
// safe for concurrent use.
type Habits struct {
	what  string
	every time.Duration
	burst int

	mu sync.Mutex
	of map[string]*rate.Limiter
}

// NewHabits bounds what a user does, as in "logs in": burst times at once, then once in every.
func NewHabits(what string, every time.Duration, burst int) *Habits {
	return &Habits{what: what, every: every, burst: burst, of: map[string]*rate.Limiter{}}
}

// Again says that a user does it once more, or that they did it too often.
func (h *Habits) Again(user string, now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.of[user]
	if l == nil {
		if len(h.of) >= maxHabits {
			clear(h.of) // a fresh start for all is better than a scan for each
		}
		l = rate.NewLimiter(rate.Every(h.every), h.burst)
		h.of[user] = l
	}
	if l.AllowN(now, 1) {
		return nil
	}
	e := groupcast.Errorf(groupcast.EExhausted, "this user %s too often", h.what).WithHint("try again in %v", h.every)
	e.After = h.every
	return e
}
