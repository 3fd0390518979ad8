package server

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// standing says whether another process has a device's stream, and whether the one that comes
// was seen before that or another one: a process lives when it comes back, and no machine comes
// back to an earlier boot.
func (r *roster) standing(id protocol.DeviceID, say groupcast.Attach) (held, returned bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.attached[id]; a != nil {
		return a.say.Instance != say.Instance, false
	}
	trail := r.trails[id]
	for i := range trail {
		old, last := trail[i], trail[len(trail)-1]
		if old.Instance == say.Instance && last.Instance != say.Instance ||
			say.Boot != "" && old.Boot == say.Boot && last.Boot != say.Boot {
			return false, true
		}
	}
	return false, false
}

// follow notes who attached; the lock is held.
func (r *roster) follow(id protocol.DeviceID, say groupcast.Attach) {
	r.forgetRival(id, say.Instance)
	trail := r.trails[id]
	if n := len(trail); say.Instance == "" || n > 0 && trail[n-1].Instance == say.Instance {
		return
	}
	if len(r.trails) > 2*maxAttached {
		clear(r.trails)
	}
	if len(trail) == maxTrail {
		trail = trail[1:]
	}
	r.trails[id] = append(trail[:len(trail):len(trail)], say)
}

// noteRival notes a process that was told that it shares a device, and says whether it is news.
func (r *roster) noteRival(id protocol.DeviceID, instance string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.rivals[id]
	if all == nil {
		if len(r.rivals) > maxAttached {
			clear(r.rivals)
		}
		all = map[string]time.Time{}
		r.rivals[id] = all
	}
	_, known := all[instance]
	if known || len(all) < maxRivals {
		all[instance] = r.now()
	}
	return !known
}

// parted notes that a process has a device of its own now.
func (r *roster) parted(id protocol.DeviceID, instance string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetRival(id, instance)
}

func (r *roster) forgetRival(id protocol.DeviceID, instance string) {
	if delete(r.rivals[id], instance); len(r.rivals[id]) == 0 {
		delete(r.rivals, id)
	}
}

// machines says how many machines use a device's login, where that is more than one; else 0.
func (r *roster) machines(id protocol.DeviceID) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count(id)
}

func (r *roster) count(id protocol.DeviceID) int {
	all := r.rivals[id]
	for instance, at := range all {
		if r.now().Sub(at) > rivalFor {
			r.forgetRival(id, instance)
		}
	}
	if len(all) == 0 {
		return 0
	}
	return len(all) + 1
}
