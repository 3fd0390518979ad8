package summary

import (
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/schedule"
)

// Cause says as a code what keeps a delivery; nothing is sent at all while memberships are unconfirmed.
func Cause(p schedule.Transfer, d schedule.Delivery, unconfirmed bool) groupcast.Cause {
	switch {
	case d.State == schedule.StateRefused:
		return groupcast.CauseRefused
	case unconfirmed:
		return groupcast.CauseUnconfirmed
	case p.Held:
		return groupcast.CauseHeld
	case p.Paused:
		return groupcast.CausePaused
	case p.Waiting != "" && !p.Planned:
		return groupcast.CauseSource
	case !d.Active:
		return groupcast.CauseAway
	case d.State == schedule.StateLater:
		return groupcast.CauseLater
	case d.State == schedule.StateSilent:
		return groupcast.CauseSilent
	case d.State == schedule.StateHTTPS && d.Reason.Code == schedule.ByChoice:
		return "" // it comes as it was asked for
	case d.State == schedule.StatePaused, d.State == schedule.StateHTTPS && (d.Sticky || d.Lapsed):
		return groupcast.CauseBehind
	case d.State == schedule.StateIdle:
		return groupcast.CauseWaits
	}
	return ""
}

// Why says in words what a delivery waits for; waiting says it of one that waits for a session.
func Why(p schedule.Transfer, d schedule.Delivery, unconfirmed bool, waiting func() string) string {
	switch {
	case d.State == schedule.StateRefused:
		return Reason(d.Reason)
	case unconfirmed:
		return groupcast.Unconfirmed
	case p.Held:
		return Held
	case p.Paused:
		return Suspended
	case p.Waiting != "":
		return p.Waiting
	case !d.Active:
		return "not active: its receiver is not connected"
	}
	if d.State == schedule.StateIdle && d.Occupied != 0 {
		return Occupied(d)
	}
	if d.State == schedule.StateIdle {
		return waiting()
	}
	return State(d)
}

// StateOf says where a transfer stands and why, as a code and in words: by its devices and the run of it that is
// furthest.
func StateOf(
	p schedule.Transfer, c Counts, furthest schedule.Run, unconfirmed bool, now time.Time,
) (groupcast.TransferState, groupcast.Cause, string) {
	switch {
	case p.Held:
		return groupcast.TransferHeld, groupcast.CauseHeld, Held
	case unconfirmed:
		return groupcast.TransferWaiting, groupcast.CauseUnconfirmed, groupcast.Unconfirmed
	case p.Paused:
		return groupcast.TransferWaiting, groupcast.CausePaused, Suspended
	case p.Waiting != "":
		return groupcast.TransferWaiting, groupcast.CauseSource, p.Waiting
	case furthest.Phase >= schedule.PhaseOpening:
		return groupcast.TransferSending, "", ""
	case c.Fetching > 0:
		return groupcast.TransferSending, "", fmt.Sprintf("%d over HTTPS", c.Fetching)
	case furthest.Phase == schedule.PhaseGathering:
		return groupcast.TransferGathering, groupcast.CauseGathering, Waiting(furthest, now)
	case p.Owed == 0:
		return groupcast.TransferWaiting, groupcast.CauseEmpty, "waits for first members, or for their first devices"
	case c.Here == 0:
		return groupcast.TransferWaiting, groupcast.CauseAway, Off(p.Owed)
	case c.Silent > 0:
		return groupcast.TransferWaiting, groupcast.CauseSilent, c.RestsOn()
	case c.Later > 0:
		return groupcast.TransferWaiting, groupcast.CauseLater, c.RestsOn()
	}
	if c.Coming > 0 {
		return groupcast.TransferWaiting, groupcast.CauseWaits, "it begins as soon as a receiver that lacks it is free for it"
	}
	return groupcast.TransferWaiting, groupcast.CauseRefused, "the connected receivers that lack it cannot take it"
}
