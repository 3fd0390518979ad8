package ui

import (
	"strings"

	"github.com/groupcast/groupcast"
)

// Why says why a delivery stands as it does. What a device refuses a transfer for is said in words that are made
// here, of its code and its numbers; what the device wrote itself stands behind them, as its own words.
func Why(d groupcast.Delivery) string {
	switch {
	case d.State == groupcast.DeliveryRefused && d.Refusal == groupcast.RefusedSpace && d.Space != nil:
		return roomIn(*d.Space)
	case d.State == groupcast.DeliveryRefused && d.Refusal == groupcast.RefusedVersion && d.Reason != "":
		return refusedFor(d.Refusal) + "; " + quoted(d.Reason) // the server's if it found that out, else the device's
	case d.State == groupcast.DeliveryRefused:
		return joined("; ", refusedFor(d.Refusal), ownWords(d.Reason))
	case d.State == groupcast.DeliveryFailed && d.Signed != "":
		return joined("; ", "it did not work there", ownWords(d.Reason))
	case d.Void > 0:
		return joined("; ", lost(d.Void), said(d))
	}
	return said(d)
}

// lost says how much of a delivery the server could not deliver.
func lost(n int) string {
	return Plural(n, "file") + " changed, went or could not be read at the server"
}

// said is what a delivery's reason says, as words of whoever wrote it.
func said(d groupcast.Delivery) string {
	switch {
	case d.Signed == groupcast.SignedOutcome && d.Reason != "":
		return quoted(d.Reason) // the device's, or the server's of what it lost itself
	case d.Signed != groupcast.SignedNothing:
		return ownWords(d.Reason)
	}
	return Name(d.Reason)
}

func roomIn(s groupcast.Space) string {
	text := RoomFor(s.Needed, s.Free, s.Kept, s.Lacks())
	if s.Others > 0 {
		text += "; other transfers take " + Size(s.Others)
	}
	return text
}

// refusedFor says what a device refuses a transfer for.
func refusedFor(r groupcast.Refusal) string {
	switch r {
	case groupcast.RefusedSpace:
		return "has no room for it"
	case groupcast.RefusedSize:
		return "takes nothing so large"
	case groupcast.RefusedNames:
		return "cannot hold these file names"
	case groupcast.RefusedFolder:
		return "its folder for received files is not there"
	case groupcast.RefusedVersion:
		return "its version does not fit"
	case groupcast.RefusedUnreadable:
		return "cannot read the offer"
	case groupcast.RefusedPages:
		return "was told two different things about the files"
	case groupcast.RefusedSite:
		return "belongs to another site"
	case groupcast.RefusedClock:
		return "is too far away for multicast"
	}
	if strings.HasPrefix(string(r), groupcast.RefusedManifest) {
		return "does not accept the list of files"
	}
	return "refused it"
}

// ownWords are a device's own: whoever runs it chose them.
func ownWords(text string) string {
	if text == "" {
		return ""
	}
	return "it says " + quoted(text)
}

// quoted keeps a text from ending its quotation itself.
func quoted(text string) string {
	return "“" + strings.NewReplacer("“", `"`, "”", `"`).Replace(Name(text)) + "”"
}
