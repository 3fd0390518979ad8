package server

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// checkResults puts what came back into words.
func (s *Server) checkResults(ctx context.Context, devices []groupcast.Device, groups map[protocol.GroupID]checkedGroup,
	nonces map[protocol.GroupID][]string, replies, heard map[protocol.DeviceID]probeReply,
) ([]groupcast.CheckResult, error) {
	out := make([]groupcast.CheckResult, 0, len(devices))
	var changed []groupcast.Device
	for _, d := range devices {
		r := groupcast.CheckResult{
			DeviceID: d.ID, Device: d.Name, User: d.User, Active: d.Active,
			LastSeen: d.LastSeen, Loss: d.LossPercent, FreeBytes: d.FreeBytes, Machines: d.Machines,
		}
		reply, answered := replies[d.ID]
		if answered {
			r.RoundTrip = reply.after
			r.Multicast = countHeard(d, groups, nonces, heard[d.ID])
			if path := pathOf(r.Multicast); path != groupcast.PathUnknown {
				d.Path = path
				changed = append(changed, d)
			}
		}
		r.Note = note(r, answered, s.now())
		if why := s.agents.Unfit(d.ID); why != "" {
			r.Note = why
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b groupcast.CheckResult) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Device, b.Device))
	})
	if len(changed) == 0 {
		return out, nil
	}
	return out, s.store.UpdateDevices(ctx, changed)
}

func countHeard(d groupcast.Device, groups map[protocol.GroupID]checkedGroup, nonces map[protocol.GroupID][]string, reply probeReply) []groupcast.ProbeResult {
	var out []groupcast.ProbeResult
	for id, g := range groups {
		if !g.members[d.UserID] {
			continue
		}
		r := groupcast.ProbeResult{Group: g.Name, Sent: len(nonces[id])}
		for _, nonce := range nonces[id] {
			if reply.heard[nonce] {
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

// note says in words how a device is reached, with the next step.
func note(r groupcast.CheckResult, answered bool, now time.Time) string {
	switch {
	case r.Machines > 1:
		return fmt.Sprintf("its login is used by %d machines, of which only one gets files: a home was copied; on the others: `groupcast logout`, then log in", r.Machines)
	case !r.Active && r.LastSeen.IsZero():
		return "has never connected: start `groupcast receive` there"
	case !r.Active:
		return fmt.Sprintf("not active, seen %s ago: is the machine on and `groupcast receive` running there?", now.Sub(r.LastSeen).Round(time.Second))
	case !answered:
		return fmt.Sprintf("connected, but did not answer within %s: the machine may be asleep or overloaded", probeWait)
	case len(r.Multicast) == 0:
		return "is in no group: add its user with `groupcast member add`"
	}
	var silent, partly []string
	for _, p := range r.Multicast {
		switch {
		case p.Sent == 0:
			return "no probe could be sent to " + p.Group + ": see the server's log and --interface"
		case p.Heard == 0:
			silent = append(silent, p.Group)
		case p.Heard < p.Sent:
			partly = append(partly, fmt.Sprintf("%s (%d of %d)", p.Group, p.Heard, p.Sent))
		}
	}
	return probeWords(silent, partly)
}

func probeWords(silent, partly []string) string {
	switch {
	case len(silent) > 0:
		return fmt.Sprintf("does not hear multicast of %s, so data comes over HTTPS: look at its firewall (UDP %d), its Wi-Fi, and IGMP snooping without a querier on the switch (`groupcast doctor` there)",
			strings.Join(silent, ", "), protocol.DataPort)
	case len(partly) > 0:
		return "hears multicast with loss: " + strings.Join(partly, ", ") + "; parity repairs it"
	}
	return "reached over multicast"
}
