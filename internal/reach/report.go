package reach

import (
	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// findings are what a check knows before devices answer.
type findings struct {
	groups checkedGroups
	of     map[string][]protocol.GroupID // of a user, by name
	nonces map[protocol.GroupID][]string // that were sent
}

// result says how a device is reached; a is its answer, nil without one.
func (c *Checker) result(d groupcast.Device, a *answer, f findings) groupcast.CheckResult {
	r := groupcast.CheckResult{
		DeviceID: d.ID, Device: d.Name, User: d.User, Active: d.Active,
		LastSeen: d.LastSeen, Loss: d.LossPercent, FreeBytes: d.FreeBytes, Machines: d.Machines,
	}
	if a != nil {
		r.RoundTrip = a.after
		r.Multicast = f.probesOf(d, a.heard)
	}
	r.Reach = reachOf(r, a != nil)
	if r.Unfit = c.cfg.Agents.Unfit(d.ID); r.Unfit != "" {
		r.Reach = groupcast.ReachUnfit
	}
	return r
}

// probesOf counts what a device heard of the probes of its groups.
func (f findings) probesOf(d groupcast.Device, heard map[string]bool) []groupcast.ProbeResult {
	var out []groupcast.ProbeResult
	for _, id := range f.of[d.UserID] {
		r := groupcast.ProbeResult{Group: f.groups[id].Name, Sent: len(f.nonces[id])}
		for _, nonce := range f.nonces[id] {
			if heard[nonce] {
				r.Heard++
			}
		}
		out = append(out, r)
	}
	return out
}

func pathOf(probes []groupcast.ProbeResult) groupcast.Path {
	sent := 0
	for _, p := range probes {
		if p.Heard > 0 {
			return groupcast.PathMulticast
		}
		sent += p.Sent
	}
	if sent > 0 {
		return groupcast.PathHTTPS
	}
	return groupcast.PathUnknown
}

// reachOf says how a device is reached: problems come first.
func reachOf(r groupcast.CheckResult, answered bool) groupcast.Reach {
	switch {
	case r.Machines > 1:
		return groupcast.ReachCopied
	case !r.Active && r.LastSeen.IsZero():
		return groupcast.ReachNever
	case !r.Active:
		return groupcast.ReachOff
	case !answered:
		return groupcast.ReachSilent
	case len(r.Multicast) == 0:
		return groupcast.ReachNoGroup
	}
	found := groupcast.ReachMulticast
	for _, p := range r.Multicast {
		switch {
		case p.Sent == 0:
			return groupcast.ReachNotProbed
		case p.Heard == 0:
			found = groupcast.ReachHTTPS
		case p.Heard < p.Sent && found == groupcast.ReachMulticast:
			found = groupcast.ReachLossy
		}
	}
	return found
}
