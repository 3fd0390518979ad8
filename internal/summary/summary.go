// Package summary says in words how a transfer and its deliveries stand: in one short line beside the counts of its
// devices, and what the schedule's states and reasons mean.
package summary

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/units"
)

const (
	maxNamed = 2    // devices named in one part of a summary
	mostRead = 99.9 // percent, as long as some is left
)

// overHTTPS begins why a device is served over HTTPS.
const overHTTPS = "receives over HTTPS: "

// Held says why a held transfer waits. Each face says where it is released.
const Held = "held until it is sent"

// Suspended says why a paused transfer waits.
const Suspended = "paused until it is resumed"

// Of says in one short line what the counts of a transfer's devices do not say: what it waits for, and who needs help
// or gets it later, by name; empty if there is no more to say. all are its deliveries, nil if they were not read. It
// names no command: faces add their own next step by Cause, and when it will be done.
func Of(tr groupcast.Transfer, all []groupcast.Delivery) string {
	switch tr.Cause {
	case groupcast.CauseHeld, groupcast.CausePaused, groupcast.CauseUnconfirmed, groupcast.CauseSource:
		return tr.Reason
	default: // its devices matter
	}
	var parts []string
	if tr.Reason != "" && (all == nil || !ofDevices(tr)) {
		parts = append(parts, tr.Reason)
	}
	parts = append(parts, needHelp(tr, all)...)
	if text := later(tr, all); text != "" {
		parts = append(parts, text)
	}
	if tr.Hashing != nil && tr.Bytes > 0 {
		read := min(100*float64(tr.Hashing.Bytes)/float64(tr.Bytes), mostRead)
		parts = append(parts, "the server has read "+units.Percent(read)+" of the files so far")
	}
	if len(parts) == 0 && tr.State == groupcast.TransferDone && everybody(tr, all) {
		return "everybody has it"
	}
	return strings.Join(parts, "; ")
}

// ofDevices says whether a transfer's reason is only about devices, which are named one by one.
func ofDevices(tr groupcast.Transfer) bool {
	switch tr.Cause {
	case groupcast.CauseAway, groupcast.CauseRefused, groupcast.CauseSilent, groupcast.CauseLater:
		return true
	default:
		return tr.State == groupcast.TransferSending // how many come over HTTPS
	}
}

func everybody(tr groupcast.Transfer, all []groupcast.Delivery) bool {
	for _, d := range all {
		if !d.State.Delivered() {
			return false
		}
	}
	return tr.Verified > 0 && tr.Owed+tr.Incomplete+tr.Failed == 0
}

// needHelp names those that do not get it by themselves, the worst first. What ended the whole transfer is not said of
// each of its devices again.
func needHelp(tr groupcast.Transfer, all []groupcast.Delivery) (parts []string) {
	var these []groupcast.Delivery
	for _, d := range all {
		if d.NeedsAttention() && (d.Reason == "" || d.Reason != tr.Reason || tr.State.Open()) {
			these = append(these, d)
		}
	}
	name := namesIn(all)
	slices.SortStableFunc(these, func(x, y groupcast.Delivery) int {
		return cmp.Or(cmp.Compare(x.Label(), y.Label()), cmp.Compare(name(x), name(y)))
	})
	for _, d := range these[:min(len(these), maxNamed)] {
		parts = append(parts, name(d)+" "+trouble(d))
	}
	if more := len(these) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more need you", more))
	}
	return parts
}

// trouble says what a device needs somebody for.
func trouble(d groupcast.Delivery) string {
	switch d.Label() {
	case groupcast.Label(groupcast.DeliveryRefused):
		return refusal(d)
	case groupcast.Label(groupcast.DeliveryIncomplete):
		return fmt.Sprintf("lacks %d of %d", d.Missing, d.Entries)
	case groupcast.Label(groupcast.DeliveryExpired):
		return "did not come in time"
	case groupcast.LabelSilent:
		return "does not answer"
	case groupcast.LabelPutOff:
		return "was put off"
	default:
		return "failed"
	}
}

// refusal says what a device cannot take a transfer for, by its code and its numbers: its own text is its own.
func refusal(d groupcast.Delivery) string {
	switch s := d.Space; {
	case d.Refusal == groupcast.RefusedSpace && s != nil:
		return fmt.Sprintf("needs %s and has room for %s", units.FormatSize(s.Needed),
			units.FormatSize(s.Needed-min(s.Needed, s.Lacks())))
	case d.Refusal == groupcast.RefusedSpace:
		return "has no room for it"
	case d.Refusal == groupcast.RefusedSize:
		return "takes nothing so large"
	case d.Refusal == groupcast.RefusedFolder:
		return "has lost its folder for files"
	case d.Refusal == groupcast.RefusedVersion:
		return "runs a version that does not fit"
	case d.Refusal == groupcast.RefusedNames:
		return "cannot hold these file names"
	}
	return "refused it"
}

// later names those that get it when they are back.
func later(tr groupcast.Transfer, all []groupcast.Delivery) string {
	var away []string
	name := namesIn(all)
	for _, d := range all {
		if d.Label() == groupcast.LabelOff {
			away = append(away, name(d))
		}
	}
	slices.Sort(away)
	switch {
	case len(away) == 0 || !tr.State.Open():
		return ""
	case len(away) == 1:
		return away[0] + " gets it when it is back"
	case len(away) <= maxNamed:
		return strings.Join(away, " and ") + " get it when they are back"
	}
	return fmt.Sprintf("%d who are away get it when they are back", len(away))
}

// namesIn calls a device by its name; where two have the same, by its user's, too.
func namesIn(all []groupcast.Delivery) func(groupcast.Delivery) string {
	count := map[string]int{}
	for _, d := range all {
		count[d.Device]++
	}
	return func(d groupcast.Delivery) string {
		switch {
		case d.Device == "":
			return d.User
		case count[d.Device] > 1:
			return d.User + "/" + d.Device
		}
		return d.Device
	}
}
