// Package plan says what a send would meet before it is made: which devices are ready, are away,
// who lacks space, and how long it takes.
package plan

import (
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

// Plan is what a send would meet. Nothing of it is promised or sent.
type Plan struct {
	Group   string   `json:"group"`
	Bytes   uint64   `json:"bytes,omitempty"`
	Entries int      `json:"entries,omitempty"`
	LeftOut int      `json:"left_out,omitempty"`
	Rate    uint64   `json:"rate,omitempty"`    // bits a second, if --rate gives one
	Seconds float64  `json:"seconds,omitempty"` // at that rate, once
	Devices []Device `json:"devices"`
	Members int      `json:"members"`
}

// Device is a device of a plan.
type Device struct {
	User   string `json:"user"`
	Device string `json:"device"`
	Stands string `json:"stands"` // ready, away, no-space, unfit
	Why    string `json:"why"`
}

// What a device is of a plan.
const (
	Ready   = "ready"
	Away    = "away"
	NoSpace = "no-space"
	Unfit   = "unfit"
)

// Make judges what a check found of a group's devices, for so many bytes.
func Make(g groupcast.Group, found []groupcast.CheckResult, bytes, rate uint64) Plan {
	p := Plan{Group: g.Name, Members: g.Members, Bytes: bytes, Rate: rate, Devices: []Device{}}
	if rate > 0 {
		p.Seconds = float64(bytes) * 8 / float64(rate)
	}
	for _, r := range found {
		p.Devices = append(p.Devices, planned(r, bytes))
	}
	return p
}

// planned is what a check says of a device, for so many bytes.
func planned(r groupcast.CheckResult, bytes uint64) Device {
	d := Device{User: r.User, Device: r.Device, Stands: Ready, Why: ui.Reach(r)}
	switch r.Reach {
	case groupcast.ReachSilent, groupcast.ReachOff, groupcast.ReachNever:
		d.Stands = Away
	case groupcast.ReachUnfit, groupcast.ReachCopied, groupcast.ReachNoGroup:
		d.Stands = Unfit
	default:
		if r.FreeBytes > 0 && r.FreeBytes < bytes {
			d.Stands = NoSpace
			d.Why = fmt.Sprintf("it takes %s, %s are free there", ui.Size(bytes), ui.Size(r.FreeBytes))
		}
	}
	return d
}

// Count says how many devices stand so.
func (p Plan) Count(stands string) (n int) {
	for _, d := range p.Devices {
		if d.Stands == stands {
			n++
		}
	}
	return n
}

// HowLong is the time that the bytes take on the wire. Without a rate it is not known before the
// slowest receiver is: then two usual lines are shown.
func (p Plan) HowLong() string {
	at := func(rate uint64) string {
		took := time.Duration(float64(p.Bytes) * 8 / float64(rate) * float64(time.Second))
		if took < time.Second {
			return "less than a second"
		}
		return units.FormatDuration(took.Round(time.Second))
	}
	if p.Rate > 0 {
		return fmt.Sprintf("how long: %s at %s, with repair somewhat more", at(p.Rate), units.FormatRate(p.Rate))
	}
	return fmt.Sprintf(
		"how long: %s at 100 Mbit/s, %s at 1 Gbit/s; without --rate it is as fast as the slowest that is ready",
		at(100e6),
		at(1e9),
	)
}
