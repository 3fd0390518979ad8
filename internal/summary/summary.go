// Package summary says in words how a transfer and its deliveries stand: in one sentence, and what the
// schedule's states and reasons mean.
package summary

import (
	"fmt"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
)

const maxNamed = 3 // devices named in one part of a summary

// overHTTPS begins why a device is served over HTTPS.
const overHTTPS = "receives over HTTPS: "

// Held says why a held transfer waits. Each face says where it is released.
const Held = "held until it is sent"

// Suspended says why a paused transfer waits.
const Suspended = "paused until it is resumed"

// Of says in one sentence how a transfer stands and why: from its deliveries, or without them
// from its counts. It names no command: faces add their own next step by Cause.
func Of(tr groupcast.Transfer, all []groupcast.Delivery) string {
	done, of := tr.Verified, tr.Devices()
	if all != nil {
		done, of = count(all)
	}
	parts := []string{fmt.Sprintf("%d of %d done", done, of)}
	switch {
	case tr.Reason != "":
		parts = append(parts, tr.Reason)
	case tr.State != groupcast.TransferSending && tr.State != groupcast.TransferDone:
		parts = append(parts, string(tr.State))
	}
	return strings.Join(append(parts, notThrough(tr, all)...), "; ")
}

func count(all []groupcast.Delivery) (done, of int) {
	for _, d := range all {
		if d.Promised() {
			of++
		}
		if d.State.Delivered() {
			done++
		}
	}
	return done, of
}

// namedIn are the parts of a summary that name devices, in their order: each with its own words, or
// all of them before the same ones.
var namedIn = []struct {
	label groupcast.Label
	each  func(name string, d groupcast.Delivery) string
	how   string
}{
	{label: groupcast.LabelBehind, each: func(name string, d groupcast.Delivery) string {
		return name + " behind: " + strings.TrimPrefix(d.Reason, overHTTPS) + ", by HTTPS"
	}},
	{label: groupcast.Label(groupcast.DeliveryRefused), each: because},
	{label: groupcast.Label(groupcast.DeliveryFailed), each: because},
	{label: groupcast.Label(groupcast.DeliveryIncomplete), each: func(name string, d groupcast.Delivery) string {
		return fmt.Sprintf("%s lacks %d of %d", name, d.Missing, d.Entries)
	}},
	{label: groupcast.LabelSilent, how: "does not answer"},
	{label: groupcast.LabelPutOff, how: "put off"},
	{label: groupcast.Label(groupcast.DeliveryExpired), how: "expired"},
	{label: groupcast.LabelOff, how: "off"},
	{label: groupcast.LabelNoDevice, how: "without a device"},
	{label: groupcast.LabelReplaced, how: "owed a newer transfer instead"},
	{label: groupcast.Label(groupcast.DeliveryCancelled), how: "taken back"},
}

// notThrough names those that do not have it and says why. What ended the whole transfer is not said
// of each of its devices again.
func notThrough(tr groupcast.Transfer, all []groupcast.Delivery) []string {
	var parts []string
	name := namesIn(all)
	for _, part := range namedIn {
		var these []string
		for _, d := range all {
			switch {
			case d.Label() != part.label || d.Reason != "" && d.Reason == tr.Reason && !tr.State.Open():
			case part.each != nil:
				these = append(these, part.each(name(d), d))
			default:
				these = append(these, name(d))
			}
		}
		these = some(these)
		if part.how != "" && len(these) > 0 {
			these = []string{strings.Join(these, ", ") + " " + part.how}
		}
		parts = append(parts, these...)
	}
	return parts
}

// because says of a device that it refused or failed, and why if it is known.
func because(name string, d groupcast.Delivery) string {
	text := name + " " + string(d.State)
	if d.Reason != "" {
		text += ": " + d.Reason
	}
	return text
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

// some names the first few and counts the rest.
func some(names []string) []string {
	slices.Sort(names)
	if len(names) <= maxNamed {
		return names
	}
	return append(names[:maxNamed:maxNamed], fmt.Sprintf("%d more", len(names)-maxNamed))
}
