package presence

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Bounds of what is remembered of processes that share a device (docs/adr/0011-copied-homes.md).
const (
	rivalFor  = 5 * time.Minute // after its last try a process counts no more
	maxRivals = 64              // of one device
	maxTrail  = 8               // attaches of one device that are remembered
)

// Standing compares a process that wants to attach with its device. held: another process has the
// device's stream. returned: no process has it, but this one, or this boot of its machine, had it before
// another one did. Since this process runs, and no machine goes back to an earlier boot, two machines then
// use one device.
func (a *Agents) Standing(id protocol.DeviceID, say groupcast.Attach) (held, returned bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at := a.attached[id]; at != nil {
		return at.say.Instance != say.Instance, false
	}
	trail := a.trails[id]
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
func (a *Agents) follow(id protocol.DeviceID, say groupcast.Attach) {
	a.forgetRival(id, say.Instance)
	trail := a.trails[id]
	if n := len(trail); say.Instance == "" || n > 0 && trail[n-1].Instance == say.Instance {
		return
	}
	if len(a.trails) > 2*a.cfg.Streams.All {
		clear(a.trails)
	}
	if len(trail) == maxTrail {
		trail = trail[1:]
	}
	a.trails[id] = append(trail[:len(trail):len(trail)], say)
}

// NoteRival notes a process that shares a device, and says whether it is new.
// Beyond maxRivals of a device none is: each new one is written to the audit log.
func (a *Agents) NoteRival(id protocol.DeviceID, instance string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.rivals[id]) >= maxRivals {
		a.countMachines(id) // forgets those that stopped trying
	}
	all := a.rivals[id]
	if all == nil {
		if len(a.rivals) > a.cfg.Streams.All {
			clear(a.rivals)
		}
		all = map[string]time.Time{}
		a.rivals[id] = all
	}
	_, known := all[instance]
	if !known && len(all) >= maxRivals {
		return false
	}
	all[instance] = a.cfg.Now()
	return !known
}

// ForgetRival notes that a process has a device of its own now.
func (a *Agents) ForgetRival(id protocol.DeviceID, instance string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgetRival(id, instance)
}

// forgetRival is ForgetRival with the lock held.
func (a *Agents) forgetRival(id protocol.DeviceID, instance string) {
	if delete(a.rivals[id], instance); len(a.rivals[id]) == 0 {
		delete(a.rivals, id)
	}
}

// Machines says how many machines use a device's login, where that is more than one; else 0.
func (a *Agents) Machines(id protocol.DeviceID) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.countMachines(id)
}

// countMachines is Machines with the lock held.
func (a *Agents) countMachines(id protocol.DeviceID) int {
	all := a.rivals[id]
	for instance, at := range all {
		if a.cfg.Now().Sub(at) > rivalFor {
			a.forgetRival(id, instance)
		}
	}
	if len(all) == 0 {
		return 0
	}
	return len(all) + 1
}
