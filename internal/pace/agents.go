package pace

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// How often a receiving device may call (security.md F1). A call costs CallCost, the start of a
// download 1: a device that lacks scattered blocks fetches them one by one. All devices of a user
// together may cost UserDevices times as much.
const (
	CallCost    = 10
	CostsSecond = 400 // 40 calls a second …
	CostsBurst  = 2000
	UserDevices = 16
)

// Agents bounds how often devices call, each and those of a user together.
type Agents struct {
	mu      sync.Mutex
	devices map[protocol.DeviceID]*rate.Limiter
	users   map[string]*rate.Limiter
}

func NewAgents() *Agents {
	return &Agents{devices: map[protocol.DeviceID]*rate.Limiter{}, users: map[string]*rate.Limiter{}}
}

// Take counts a device's call, or refuses it and says when to try again.
func (a *Agents) Take(p groupcast.Principal, long bool, now time.Time) error {
	cost := CallCost
	if long {
		cost = 1
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	device := limiterOf(a.devices, p.Device.ID, 1).ReserveN(now, cost)
	user := limiterOf(a.users, p.User.ID, UserDevices).ReserveN(now, cost)
	wait := max(device.DelayFrom(now), user.DelayFrom(now))
	if wait == 0 {
		return nil
	}
	device.CancelAt(now)
	user.CancelAt(now)
	e := groupcast.Errorf(groupcast.EExhausted, "this device, or all of its user's together, ask the server too often").
		WithHint("the receiver tries again by itself").
		WithNext(groupcast.Next{Step: groupcast.StepUserDevices, User: p.User.Name})
	e.After = time.Duration(math.Ceil(wait.Seconds())) * time.Second
	return e
}

func limiterOf[K comparable](all map[K]*rate.Limiter, key K, times int) *rate.Limiter {
	l := all[key]
	if l == nil {
		if len(all) >= maxCallers {
			clear(all) // cheaper than to look for the oldest
		}
		l = rate.NewLimiter(rate.Limit(times*CostsSecond), times*CostsBurst)
		all[key] = l
	}
	return l
}
