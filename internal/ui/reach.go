package ui

import (
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Reach says in words how a check found that a device is reached, with the next step.
func Reach(r groupcast.CheckResult) string {
	switch r.Reach {
	case groupcast.ReachMulticast:
		return "reached over multicast"
	case groupcast.ReachLossy:
		return "hears multicast with loss: " + partlyHeard(r) + "; parity repairs it"
	case groupcast.ReachHTTPS:
		return fmt.Sprintf("does not hear multicast of %s, so data comes over HTTPS: look at its firewall (UDP %d), its "+
			"Wi-Fi, and IGMP snooping without a querier on the switch (`groupcast doctor` there)",
			Name(strings.Join(r.Unheard(), ", ")), protocol.DataPort)
	case groupcast.ReachNotProbed:
		return "no probe could be sent to " + Name(r.NotProbed()) + ": see the server's log and --interface"
	case groupcast.ReachNoGroup:
		return "is in no group: add its user with `groupcast member add`"
	case groupcast.ReachSilent:
		return "connected, but did not answer in time: the machine may be asleep or overloaded"
	case groupcast.ReachOff:
		return "not active, seen " + Ago(r.LastSeen) + ": is the machine on and `groupcast receive` running there?"
	case groupcast.ReachNever:
		return "has never connected: start `groupcast receive` there"
	case groupcast.ReachCopied:
		return fmt.Sprintf("its login is used by %d machines, of which only one gets files: a home was copied; on the "+
			"others: `groupcast logout`, then log in", r.Machines)
	case groupcast.ReachUnfit:
		return Name(r.Unfit)
	}
	return Name(string(r.Reach)) // a newer server's
}

func partlyHeard(r groupcast.CheckResult) string {
	var partly []string
	for _, p := range r.Multicast {
		if p.Heard > 0 && p.Heard < p.Sent {
			partly = append(partly, fmt.Sprintf("%s (%d of %d)", Name(p.Group), p.Heard, p.Sent))
		}
	}
	return strings.Join(partly, ", ")
}
