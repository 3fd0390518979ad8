package ui

import (
	"fmt"

	"github.com/groupcast/groupcast"
)

// LeftOut says why an entry is left out.
func LeftOut(l groupcast.LeftOut) string {
	var text string
	switch l.Why {
	case groupcast.WhyName:
		text = "its name cannot be carried"
	case groupcast.WhyTarget:
		text = "the link cannot be carried"
	case groupcast.WhyPipe:
		text = "a named pipe, not a file"
	case groupcast.WhySocket:
		text = "a socket, not a file"
	case groupcast.WhyDevice:
		text = "a device, not a file"
	case groupcast.WhySpecial:
		text = "neither a file nor a folder"
	case groupcast.WhyForbidden:
		text = "no permission to read it"
	case groupcast.WhyUnreadable:
		text = "it cannot be read"
	case groupcast.WhyHome:
		text = "groupcast's own home: it holds the keys"
	case groupcast.WhyExcluded:
		text = "excluded"
	case groupcast.WhyChanged:
		text = "changed at the server"
	case groupcast.WhyGone:
		text = "gone at the server"
	case groupcast.WhyUnread:
		text = "not readable any more at the server"
	default:
		text = Name(string(l.Why))
	}
	if l.Detail != "" {
		text += ": " + Name(l.Detail)
	}
	return text
}

// LeftOutLines lists entries with their reasons, and how many more there are.
func LeftOutLines(entries []groupcast.LeftOut, total, most int) []string {
	shown := entries[:min(most, len(entries))]
	lines := make([]string, 0, len(shown)+1)
	for _, l := range shown {
		lines = append(lines, fmt.Sprintf("%s: %s", Name(l.Path), LeftOut(l)))
	}
	if more := total - len(shown); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return lines
}

// Entries is so many entries, in words.
func Entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}
