package agent

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/groupcast/groupcast"
)

// How long a receiver that the server turns away waits before it tries again.
const (
	firstRefusal = 2 * time.Second
	maxRefusal   = 3 * time.Minute
)

// turnedAway says that the server answers and does not let this device in. It may be for a
// while: an account that is disabled, a database of last week, another version.
func turnedAway(code groupcast.Code) bool {
	return code == groupcast.EUnauthorized || code == groupcast.EForbidden || code == groupcast.EInvalid
}

// ends says whether the agent should end after a refusal: the login has ended, or GiveUp is set.
func (a *Agent) ends(wasConnected bool) bool {
	if a.cfg.LoggedIn != nil && !a.cfg.LoggedIn() {
		return true
	}
	return a.cfg.Once || a.cfg.GiveUp && !wasConnected
}

// refusals are the answers of a server that turns this device away.
type refusals struct {
	connected bool // it let it in before
	pause     time.Duration
	said      groupcast.Code
}

func (r *refusals) over() { *r = refusals{connected: true} }

// wait says why, once for each kind of answer, and pauses longer each time.
func (r *refusals) wait(ctx context.Context, a *Agent, err error) error {
	if code := groupcast.ErrorCode(err); code != r.said {
		r.said = code
		a.say(Line{Kind: "lost", Text: fmt.Sprintf("the server does not let this machine in: %v; "+
			"it stays and tries again by itself. To log in anew: stop it, `groupcast login`, start it again", err)})
	}
	r.pause = min(max(r.pause*3/2, firstRefusal), maxRefusal)
	select {
	case <-time.After(r.pause/2 + rand.N(r.pause/2)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
