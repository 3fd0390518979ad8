package ui

import (
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
)

// RelayHead names the columns of RelayRow.
const RelayHead = "RELAY|SITE|STATE|HOLDS|OF|FETCHED|TRANSFERS|GROUPS"

// RelayRow is a line of the list of relays.
func RelayRow(r groupcast.Relay) []string {
	row := []string{Name(r.Name), Name(r.Site), relayState(r), "", "", "", "", Name(strings.Join(r.Groups, ", "))}
	if r.Report == nil || r.State == groupcast.RelayRevoked {
		return row
	}
	row[3], row[4], row[5] = Size(r.Report.Bytes), Size(r.Report.Quota), Size(r.Report.Fetched)
	var all []string
	for _, h := range r.Report.Transfers {
		all = append(all, RelayHolding(h))
	}
	row[6] = strings.Join(all, ", ")
	return row
}

func relayState(r groupcast.Relay) string {
	switch r.State {
	case groupcast.RelayInvited:
		return "invited"
	case groupcast.RelayExpired:
		return "its code is over"
	case groupcast.RelayAway:
		if r.SeenAt.IsZero() {
			return "not heard since the server started"
		}
		return "away, heard " + Ago(r.SeenAt)
	case groupcast.RelayHere:
		return "here"
	case groupcast.RelayRevoked:
		return "revoked"
	}
	return Name(string(r.State))
}

// RelayHolding says how much of a transfer a relay holds.
func RelayHolding(h groupcast.RelayHolding) string {
	switch {
	case h.Whole:
		return fmt.Sprintf("%d whole", h.Transfer)
	case h.Problem != "":
		return fmt.Sprintf("%d: %s", h.Transfer, Name(h.Problem))
	}
	return fmt.Sprintf("%d: %s of %s", h.Transfer, Size(h.Held), Size(h.Bytes))
}
