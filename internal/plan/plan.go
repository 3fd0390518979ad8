// Package plan says what a send would meet before it is made: which devices are ready, are away, lack space, and
// how long it takes by what was measured before. It decides by what it is given; package planner gathers that,
// and the clients have the words.
package plan

import (
	"cmp"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Judge says how a device of some groups stands to a transfer of so many bytes to each of them. unfit is why its
// version does not fit, in words.
func Judge(d groupcast.Device, unfit string, groups []string, bytes uint64) groupcast.PlannedDevice {
	out := groupcast.PlannedDevice{
		DeviceID: d.ID, Device: d.Name, User: d.User, Groups: groups, Path: d.Path,
		Needs: bytes * uint64(len(groups)), Free: d.FreeBytes, Reserve: d.ReserveBytes, Earlier: d.Earlier,
	}
	out.Lacks = lacks(d, out.Needs)
	switch {
	case !d.Active:
		out.Stands, out.LastSeen = groupcast.PlanAway, d.LastSeen
	case d.Machines > 1:
		out.Stands, out.Machines = groupcast.PlanUnfit, d.Machines
	case unfit != "":
		out.Stands, out.Unfit = groupcast.PlanUnfit, unfit
	case out.Lacks > 0:
		out.Stands = groupcast.PlanNoSpace
	default:
		out.Stands = groupcast.PlanReady
	}
	return out
}

// lacks is how much must be freed at a device before so many bytes fit beside what it keeps free. Of a disk that
// was not told of nothing is known.
func lacks(d groupcast.Device, needs uint64) uint64 {
	if needs == 0 || d.FreeBytes == 0 && d.DiskBytes == 0 {
		return 0
	}
	if wanted := needs + d.ReserveBytes; wanted > d.FreeBytes {
		return wanted - d.FreeBytes
	}
	return 0
}

// Count adds devices to the counts of a plan.
func Count(devices []groupcast.PlannedDevice) (c groupcast.PlanCounts) {
	for _, d := range devices {
		c.Total++
		switch d.Stands {
		case groupcast.PlanReady:
			c.Ready++
		case groupcast.PlanAway:
			c.Away++
		case groupcast.PlanNoSpace:
			c.NoSpace++
		case groupcast.PlanUnfit:
			c.Unfit++
		}
	}
	return c
}

// In are those of the devices that are in a group.
func In(devices []groupcast.PlannedDevice, group string) (out []groupcast.PlannedDevice) {
	for _, d := range devices {
		if slices.Contains(d.Groups, group) {
			out = append(out, d)
		}
	}
	return out
}

// Among counts the deliveries of devices of a plan.
func Among(owed []groupcast.Delivery, devices []groupcast.PlannedDevice) (n int) {
	in := map[protocol.DeviceID]bool{}
	for _, d := range devices {
		in[d.DeviceID] = true
	}
	for _, d := range owed {
		if in[d.DeviceID] {
			n++
		}
	}
	return n
}

// order is the order of a plan's list: what somebody can do something about first.
var order = []groupcast.PlanStanding{
	groupcast.PlanNoSpace, groupcast.PlanUnfit, groupcast.PlanAway, groupcast.PlanReady,
}

// Sort puts devices into the order of a plan's list.
func Sort(devices []groupcast.PlannedDevice) {
	slices.SortFunc(devices, func(a, b groupcast.PlannedDevice) int {
		return cmp.Or(slices.Index(order, a.Stands)-slices.Index(order, b.Stands),
			cmp.Compare(a.User, b.User), cmp.Compare(a.Device, b.Device))
	})
}

// Begins says when the data of a transfer begins to flow, as far as its devices decide it: held and now are what
// was asked for, everybody says that nobody else can come.
func Begins(c groupcast.PlanCounts, held, now, everybody bool) groupcast.PlanStartCode {
	switch {
	case held:
		return groupcast.StartsHeld
	case c.Total == 0:
		return groupcast.StartsMembers
	case c.Ready > 0 && (now || everybody):
		return groupcast.StartsNow
	case c.Ready > 0:
		return groupcast.StartsGathering
	case c.Away > 0:
		return groupcast.StartsBack
	case c.NoSpace > 0:
		return groupcast.StartsRoom
	}
	return groupcast.StartsFit
}
