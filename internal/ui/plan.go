package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/units"
)

// PlanContent says what a plan is for: "3 files, 1.2 GB".
func PlanContent(p groupcast.SendPlan) string {
	if !p.Known {
		return "nothing yet"
	}
	return Contents(groupcast.Transfer{Files: p.Files, Folders: p.Folders}) + ", " + Size(p.Bytes)
}

// PlanBegins says when the transfer to a group begins.
func PlanBegins(s groupcast.PlanStart, now time.Time) string {
	switch s.Code {
	case groupcast.StartsNow:
		return "at once"
	case groupcast.StartsGathering:
		return "when nobody new has come for a moment, within " + units.FormatDuration(s.Wait)
	case groupcast.StartsBehind:
		text := fmt.Sprintf("after transfer %d (%s), which is being sent", s.Behind, Name(s.Name))
		if left := s.Until.Sub(now).Round(time.Second); !s.Until.IsZero() && left > 0 {
			text += ", in about " + units.FormatDuration(left)
		}
		return text
	case groupcast.StartsHeld:
		return "when somebody sends it: it is held"
	case groupcast.StartsBack:
		return "when the first of its devices is back"
	case groupcast.StartsRoom:
		return "when a device has room for it"
	case groupcast.StartsFit:
		return "when a device can take part"
	case groupcast.StartsMembers:
		return "when the group has a member with a device"
	case groupcast.StartsConfirmed:
		return "when an administrator has confirmed the memberships after the restore"
	}
	return Name(string(s.Code)) // a newer server's
}

// PlanTakes says how long the transfer to a group takes, once it has begun.
func PlanTakes(t groupcast.PlanTime) string {
	took := "less than a second"
	if t.For >= time.Second {
		took = "about " + units.FormatDuration(t.For.Round(time.Second))
	}
	rate := units.FormatRate(t.Rate)
	switch {
	case t.Rate == 0:
		return "not known: no transfer over " + wayInWords(t.Via) + " was measured here yet, and no limit is set"
	case t.AtLeast:
		if t.For >= time.Second {
			took = units.FormatDuration(t.For.Round(time.Second))
		}
		return fmt.Sprintf("at least %s at %s, %s; no transfer over %s was measured here yet", took, rate, capInWords(t),
			wayInWords(t.Via))
	case t.Limiter == "cap" && t.Rate < t.Pace.Rate:
		return fmt.Sprintf("%s at %s, %s", took, rate, capInWords(t))
	}
	return fmt.Sprintf("%s at %s, as quickly as %s", took, rate, paceInWords(*t.Pace))
}

func wayInWords(v groupcast.Via) string {
	if v == groupcast.ViaHTTPS {
		return "HTTPS"
	}
	return Name(string(v))
}

func capInWords(t groupcast.PlanTime) string {
	if t.CapOf == groupcast.CapOfServer {
		return "the limit of this server"
	}
	return "the limit that was asked for"
}

// paceInWords names the transfer that was measured, and what held it.
func paceInWords(p groupcast.Pace) string {
	text := fmt.Sprintf("transfer %d to %s of %s on %s", p.Transfer, Plural(p.Devices, "device"), Name(p.Group), Day(p.At))
	switch {
	case p.Slowest != "":
		text += ", which waited for " + Name(p.Slowest)
	case p.Limiter != "" && p.Limiter != string(groupcast.PathHTTPS):
		text += ", which was held by " + Limiter(p.Limiter)
	}
	return text
}

// PlanReplaced says what is replaced, or that it is not known; empty if nothing is.
func PlanReplaced(g groupcast.GroupPlan) string {
	var names []string
	for _, r := range g.Replaces {
		names = append(names, fmt.Sprintf("transfer %d (%s), which is still owed to %d", r.Transfer, Name(r.Name), r.Owed))
	}
	return strings.Join(names, "; ")
}

// PlanStands is how a device stands to a transfer that is planned, in a word or two.
func PlanStands(d groupcast.PlannedDevice) string {
	switch d.Stands {
	case groupcast.PlanNoSpace:
		return "no space"
	case groupcast.PlanUnfit:
		return "cannot take it"
	case groupcast.PlanReady, groupcast.PlanAway:
	}
	return Name(string(d.Stands))
}

// PlanWhy says why a device stands so, with the next step, and that it keeps its groups in the earlier format.
func PlanWhy(d groupcast.PlannedDevice) string {
	if why := EarlierWhy(d.Earlier); why != "" && d.Stands != groupcast.PlanUnfit {
		return planWhy(d) + "; " + why
	}
	return planWhy(d)
}

// EarlierWhy says what it means for the groups of a device that it is not known to take the format of today.
func EarlierWhy(e groupcast.EarlierFormat) string {
	switch e {
	case groupcast.EarlierOld:
		return "too old for sending only what changed: until it is upgraded its groups get every file whole"
	case groupcast.EarlierUnseen:
		return "until it was connected once its groups get every file whole"
	}
	return ""
}

func planWhy(d groupcast.PlannedDevice) string {
	switch d.Stands {
	case groupcast.PlanReady:
		if d.Path == groupcast.PathHTTPS {
			return "connected; multicast did not reach it last time, so data comes over HTTPS"
		}
		return "connected"
	case groupcast.PlanAway:
		text := "seen " + Ago(d.LastSeen) + ": it gets it when it is back"
		if d.LastSeen.IsZero() {
			text = "has never been connected: start its receiver"
		}
		if d.Lacks > 0 {
			text += "; then " + Size(d.Lacks) + " must be freed there"
		}
		return text
	case groupcast.PlanNoSpace:
		return RoomFor(d.Needs, d.Free, d.Reserve, d.Lacks)
	case groupcast.PlanUnfit:
		if d.Machines > 1 {
			return fmt.Sprintf("its login is used by %d machines: log in again on the others", d.Machines)
		}
		return Name(d.Unfit)
	}
	return Name(string(d.Stands)) // a newer server's
}

// RoomFor says why something does not fit on a device, and what to do.
func RoomFor(needs, free, reserve, lacks uint64) string {
	text := fmt.Sprintf("needs %s; %s are free", Size(needs), Size(free))
	if reserve == 0 {
		return text + ": free " + Size(lacks) + " there"
	}
	return text + fmt.Sprintf(" and %s must stay free: free %s there, or lower its reserve", Size(reserve), Size(lacks))
}

// PlanBlocked says why the transfer to a group would be refused; empty if it would not.
func PlanBlocked(g groupcast.GroupPlan) string {
	switch g.Blocked {
	case "":
		return ""
	case groupcast.ENobody:
		return "nobody is in the group"
	case groupcast.EUnconfirmed:
		return "the memberships are not confirmed after the restore"
	case groupcast.EExhausted:
		return "too many transfers are open"
	}
	return Name(string(g.Blocked))
}

// PlanCount says how the devices stand: "28 ready, 1 away, 1 without the space".
func PlanCount(c groupcast.PlanCounts) string {
	parts := []string{fmt.Sprintf("%d ready", c.Ready)}
	for _, one := range []struct {
		n    int
		text string
	}{{c.Away, "away"}, {c.NoSpace, "without the space"}, {c.Unfit, "cannot take it"}, {c.NoDevice, "without a device"}} {
		if one.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", one.n, one.text))
		}
	}
	return strings.Join(parts, ", ")
}
