// Package pace bounds how often, and how many at once, users and their devices call.
package pace

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
)

// How many calls of a user may run at the same time, of all their machines together. More of them wait.
func CallsAtOnce() auth.Bounds {
	return auth.Bounds{What: "calls", All: 512, Each: 128, Admins: 64, Local: 16, Line: 2048, Wait: 10 * time.Second}
}

// How often a member's command-line or browser login may call. The web interface and the command line
// need at most a tenth of it.
const (
	CallsSecond = 50
	CallsBurst  = 500
	maxCallers  = 20_000 // remembered
)

// Turns limits the calls of each user, before anything is done.
type Turns struct {
	share *auth.Share
	mu    sync.Mutex
	paces map[string]*rate.Limiter
}

func NewTurns() *Turns {
	return &Turns{share: auth.NewShare(CallsAtOnce()), paces: map[string]*rate.Limiter{}}
}

// Begin takes a place for a call, or refuses it; end gives the place back. long operations are bounded
// elsewhere.
func (t *Turns) Begin(ctx context.Context, p groupcast.Principal, long bool) (end func(), err error) {
	if p.Scope != groupcast.ScopeAgent && !p.Admin() && !t.inTime(p.User.ID, time.Now()) {
		return nil, groupcast.Errorf(groupcast.EExhausted, "this login calls more than %d times a second", CallsSecond).
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

func (t *Turns) inTime(user string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.paces[user]
	if l == nil {
		if len(t.paces) >= maxCallers {
			clear(t.paces) // cheaper than to look for the oldest
		}
		l = rate.NewLimiter(CallsSecond, CallsBurst)
		t.paces[user] = l
	}
	return l.AllowN(now, 1)
}
