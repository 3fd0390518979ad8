package ui

import (
	"github.com/groupcast/groupcast"
)

// Forging says that a member of the group forges packets of a transfer; nothing if none is known to.
func Forging(t groupcast.Transfer) string {
	f, marked := t.Forging, t.Session != nil && t.Session.Marked
	switch {
	case f == nil && marked:
		return "a member of the group forged packets lately: " + marks
	case f == nil:
		return ""
	}
	text := "a member of the group forged packets: "
	if t.Session != nil {
		text = "a member of the group forges packets: "
	}
	text += Plural(f.Devices, "device") + " reported it"
	if f.Blocks > 0 {
		text += ", " + Plural(f.Blocks, "block") + " came wrong and were put right"
	}
	text += ". Which one cannot be determined, because all members have the same key; no wrong data is written"
	if marked {
		text += "; " + marks
	}
	return text
}

const marks = "packets carry codes that members cannot forge, which takes 1 % of the line and up to a second or two a transfer"
