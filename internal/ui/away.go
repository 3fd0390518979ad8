package ui

import (
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
)

// Away are the deliveries that wait for receivers which are not connected, and for members without a
// device; none if any other delivery is owed, too.
func Away(all []groupcast.Delivery) (out []groupcast.Delivery) {
	for _, d := range all {
		switch {
		case !d.State.Owed():
		case d.Rank() != groupcast.RankAway:
			return nil
		default:
			out = append(out, d)
		}
	}
	return out
}

const namedAway = 5

// AwayInWords says who gets it later: "pc-05 is off and gets it when it is back".
func AwayInWords(away []groupcast.Delivery) string {
	var names []string
	for i, d := range away {
		if i == namedAway {
			names = append(names, fmt.Sprintf("%d more", len(away)-namedAway))
			break
		}
		name := d.Device
		if name == "" {
			name = d.User + " (no device yet)"
		}
		names = append(names, Name(name))
	}
	if len(away) == 1 {
		return names[0] + " is off and gets it when it is back"
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last] + " are off and get it when they are back"
}
