package httpapi

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
)

// How many calls of a user may be under way: those of a room of machines with one login, too.
// More of them wait.
func callsAtOnce() auth.Bounds {
	return auth.Bounds{What: "calls", All: 512, Each: 128, Admins: 64, Local: 16, Line: 2048, Wait: 10 * time.Second}
}

// How often a person's login may call, who does not administer: what a page or a command line asks
// at its busiest is a tenth of it.
const (
	callsSecond = 50
	callsBurst  = 500
	maxCallers  = 20_000 // remembered
)

// turns bounds the calls of each user, after the login and before anything is done.
type turns struct {
	share *auth.Share
	mu    sync.Mutex
	paces map[string]*rate.Limiter
}

func newTurns() *turns {
	return &turns{share: auth.NewShare(callsAtOnce()), paces: map[string]*rate.Limiter{}}
}

// begin takes a place for a call, or says why there is none; end gives it back. What is long
// has bounds of its own.
func (t *turns) begin(ctx context.Context, p groupcast.Principal, long bool) (end func(), err error) {
	if p.Scope != groupcast.ScopeAgent && !p.Admin() && !t.inTime(p.User.ID, time.Now()) {
		return nil, groupcast.Errorf(groupcast.EExhausted, "this login calls more than %d times a second", callsSecond).
			WithHint("try again in a few seconds")
	}
	if long {
		return func() {}, nil
	}
	key := p.User.ID
	if err := t.share.Take(ctx, key, auth.RankOf(p)); err != nil {
		return nil, err
	}
	return func() { t.share.Give(key) }, nil
}

func (t *turns) inTime(user string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.paces[user]
	if l == nil {
		if len(t.paces) >= maxCallers {
			clear(t.paces) // a fresh start for all is better than a scan for each
		}
		l = rate.NewLimiter(callsSecond, callsBurst)
		t.paces[user] = l
	}
	return l.AllowN(now, 1)
}
