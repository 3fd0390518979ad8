package ui

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

// What an earlier version signed is shown as what it is.
func TestWhatIsNotSignedIsSaid(t *testing.T) {
	const own = "it did not work there; it says “disk”"
	for signed, want := range map[groupcast.Signed]string{
		groupcast.SignedOutcome: own + "; reason, path and counts are not signed", groupcast.SignedAll: own,
		groupcast.SignedNothing: "disk",
	} {
		t.Run(string(signed), func(t *testing.T) {
			row := DeliveryRow(groupcast.Delivery{State: groupcast.DeliveryFailed, Reason: "disk", Signed: signed})
			if got := row[len(row)-1]; got != want {
				t.Errorf("%q: %q, want %q", signed, got, want)
			}
		})
	}
	if row := DeliveryRow(groupcast.Delivery{Signed: groupcast.SignedOutcome}); strings.HasPrefix(row[len(row)-1], ";") {
		t.Error(row)
	}
}
