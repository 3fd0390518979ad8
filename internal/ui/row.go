package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/units"
)

// DeliveryRow is what a device is owed or got.
func DeliveryRow(d groupcast.Delivery) []string {
	device := d.Device
	if device == "" {
		device = "(no device yet)"
	}
	path, loss := string(d.Path), units.Percent(d.LossPercent)
	if d.Path == groupcast.PathUnknown {
		path = ""
	}
	if d.Path != groupcast.PathMulticast {
		loss = ""
	}
	return []string{d.User, device, State(d), Size(d.Bytes), path, loss, joined("; ", Why(d), unsigned(d))}
}

// Label is where a delivery stands, in a word or two.
func Label(l groupcast.Label) string {
	switch l {
	case groupcast.LabelNoDevice:
		return "no device"
	case groupcast.LabelSilent:
		return "no answer"
	case groupcast.LabelPutOff:
		return "put off"
	default:
		return Name(string(l))
	}
}

// State is where a delivery stands, with what does not lie under its name.
func State(d groupcast.Delivery) string {
	text := Label(d.Label())
	if d.State == groupcast.DeliveryIncomplete {
		text = fmt.Sprintf("incomplete (%d of %d)", d.Entries-d.Missing, d.Entries)
	}
	if d.Beside > 0 && !d.State.Owed() {
		text += fmt.Sprintf(" · %d kept beside", d.Beside)
	}
	return text
}

// Astray counts what does not lie under its name at a device.
func Astray(d groupcast.Delivery) string {
	var parts []string
	if d.Missing > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d entries are missing", d.Missing, d.Entries))
	}
	if d.Beside > 0 {
		parts = append(parts, fmt.Sprintf("%d kept beside what is not groupcast's or was edited", d.Beside))
	}
	if len(parts) > 0 {
		return strings.Join(parts, ", ")
	}
	switch d.State {
	case groupcast.DeliveryVerified, groupcast.DeliveryAlreadyHad:
		return "every entry lies under its name"
	case groupcast.DeliverySuperseded:
		return "newer transfers took the place of what is not there"
	default:
		return fmt.Sprintf("it is %s: what became of the entries is not known", d.State)
	}
}

// EntryRow is an entry that does not lie under its name.
func EntryRow(e groupcast.DeliveryEntry) []string {
	what := string(e.Result)
	if e.Result == groupcast.EntryBeside {
		what = "lies beside as " + e.Name
	}
	return []string{e.Path, e.Kind, what, e.Reason}
}

// OfferRow is a group as a receiver's user sees it.
func OfferRow(g groupcast.GroupOnOffer) []string {
	since := ""
	if !g.Since.IsZero() {
		since = Ago(g.Since)
	}
	state := map[groupcast.Membership]string{
		groupcast.MembershipNone: "", groupcast.MembershipAsked: "asked", groupcast.MembershipMember: "member",
		groupcast.MembershipDenied: "denied",
	}[g.Membership]
	return []string{g.Name, state, since, g.Address.String()}
}

// CheckRow is what a check found of a device.
func CheckRow(r groupcast.CheckResult) []string {
	state, trip, free := "active", "", ""
	if !r.Active {
		state = "seen " + Ago(r.LastSeen)
	}
	if r.RoundTrip > 0 {
		trip = r.RoundTrip.Round(10 * time.Microsecond).String()
	}
	if r.FreeBytes > 0 {
		free = Size(r.FreeBytes)
	}
	var heard []string
	for _, p := range r.Multicast {
		heard = append(heard, fmt.Sprintf("%s %d/%d", p.Group, p.Heard, p.Sent))
	}
	return []string{r.User, r.Device, state, trip, strings.Join(heard, ", "), free, Reach(r)}
}

// TransferState is where a transfer stands, in a list: "delivered · 2 away".
func TransferState(t groupcast.Transfer) string {
	text, _ := Standing(t)
	if t.Label() == groupcast.LabelDelivered && t.Away > 0 {
		text += fmt.Sprintf(" · %d away", t.Away)
	}
	return text
}

// Replaces says which transfers a transfer took the place of; empty: of none.
func Replaces(t groupcast.Transfer) string {
	if len(t.Replaces) == 0 {
		return ""
	}
	var which []string
	for _, no := range t.Replaces {
		which = append(which, fmt.Sprint(no))
	}
	return "replaces transfer " + strings.Join(which, ", ") +
		", which has the same paths: receivers that lacked it get this one instead"
}

// ForWhom names a transfer's group, and for whom of it the transfer is if that is not everybody.
func ForWhom(t groupcast.Transfer) string {
	if t.Selection.All() {
		return Name(t.Group)
	}
	return fmt.Sprintf("%s (%s)", Name(t.Group), Name(t.Selection.String()))
}

// WhatNow says what becomes of a transfer that was just promised.
func WhatNow(t groupcast.Transfer) string {
	switch {
	case t.State == groupcast.TransferDone:
		return "nobody lacks it"
	case t.State != groupcast.TransferSending && t.Reason != "":
		return joined(": ", Name(t.Reason), NextStep(t))
	}
	return "it goes out as soon as a device that lacks it is active"
}

// NextStep is the command that continues a transfer which waits for an administrator; "" if it continues
// by itself.
func NextStep(t groupcast.Transfer) string {
	switch {
	case !t.State.Open():
		return ""
	case t.Cause == groupcast.CauseHeld:
		return "groupcast pending send " + Name(t.Group)
	case t.Cause == groupcast.CauseUnconfirmed:
		return "groupcast restore --confirm"
	case t.Cause == groupcast.CauseLater:
		return fmt.Sprintf("groupcast transfer send %d", t.No)
	}
	return ""
}

// The heads of the tables above.
const (
	DeliveryHead = "USER|DEVICE|STATE|RECEIVED|PATH|LOSS|WHY"
	EntryHead    = "PATH|KIND|IS|WHY"
	OfferHead    = "GROUP|STATE|SINCE|ADDRESS|DESCRIPTION"
	CheckHead    = "USER|DEVICE|STATE|ROUND TRIP|MULTICAST|FREE|NOTE"
)

// DeviceRow is a device as an administrator sees it.
func DeviceRow(d groupcast.Device) []string {
	free := ""
	if d.FreeBytes > 0 {
		free = Size(d.FreeBytes)
	}
	state := "seen " + Ago(d.LastSeen)
	if d.Active {
		state = "active"
	}
	if d.Machines > 1 {
		state = fmt.Sprintf("used by %d machines", d.Machines)
	}
	version := d.Version
	if d.Earlier != "" {
		version += " (earlier format)"
	}
	ends := "no login"
	if !d.LoginEnds.IsZero() {
		ends = units.Day(d.LoginEnds)
	}
	return []string{
		d.Name, d.User, state, string(d.Path), units.Percent(d.LossPercent), free, version, d.Labels.String(), ends,
		d.ID.String(),
	}
}
