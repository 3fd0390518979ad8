package server

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store"
)

// How often a user does what is written down each time (security.md C10): joining and leaving, and
// logging in; a room of machines may log in at once with one account.
const (
	wishEvery  = 3 * time.Second
	wishBurst  = 20
	loginEvery = 5 * time.Second
	loginBurst = store.MaxDevices
	maxHabits  = 20_000 // users remembered
)

// habits bounds how often each user does something.
type habits struct {
	what  string
	every time.Duration
	burst int

	mu sync.Mutex
	of map[string]*rate.Limiter
}

// again says that a user does it once more, or that they did it too often.
func (h *habits) again(user string, now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.of[user]
	if l == nil {
		if h.of == nil || len(h.of) >= maxHabits {
			h.of = map[string]*rate.Limiter{} // a fresh start for all is better than a scan for each
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
