package reach

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// findings are what a check gathered.
type findings struct {
	groups  checkedGroups
	nonces  map[protocol.GroupID][]string // that were sent
	answers answers                       // before the probes
	heard   answers                       // after them
}

// report says of each device how it is reached, and keeps the path.
func (c *Checker) report(
	ctx context.Context, devices []groupcast.Device, f findings,
) ([]groupcast.CheckResult, error) {
	out := make([]groupcast.CheckResult, 0, len(devices))
	var changed []groupcast.Device
	for _, d := range devices {
		r := groupcast.CheckResult{
			DeviceID: d.ID, Device: d.Name, User: d.User, Active: d.Active,
			LastSeen: d.LastSeen, Loss: d.LossPercent, FreeBytes: d.FreeBytes, Machines: d.Machines,
		}
		a, answered := f.answers[d.ID]
		if answered {
			r.RoundTrip = a.after
			r.Multicast = f.probesOf(d)
			if path := pathOf(r.Multicast); path != groupcast.PathUnknown {
				d.Path = path
				changed = append(changed, d)
			}
		}
		r.Reach = reachOf(r, answered)
		if r.Unfit = c.cfg.Agents.Unfit(d.ID); r.Unfit != "" {
			r.Reach = groupcast.ReachUnfit
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b groupcast.CheckResult) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Device, b.Device))
	})
	if len(changed) == 0 {
		return out, nil
	}
	return out, c.cfg.Store.UpdateDevices(ctx, changed)
}

// probesOf counts what a device heard of the probes of its groups.
func (f findings) probesOf(d groupcast.Device) []groupcast.ProbeResult {
	var out []groupcast.ProbeResult
	for id, g := range f.groups {
		if !g.members[d.UserID] {
			continue
		}
		r := groupcast.ProbeResult{Group: g.Name, Sent: len(f.nonces[id])}
		for _, nonce := range f.nonces[id] {
			if f.heard[d.ID].heard[nonce] {
				r.Heard++
			}
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b groupcast.ProbeResult) int { return strings.Compare(a.Group, b.Group) })
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
