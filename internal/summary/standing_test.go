package summary

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/schedule"
)

// TestWhyATransferHasNotBegun: only receivers that refused it cannot take it. One that is about to begin,
// or whose receivers are busy with another transfer, waits for its turn.
func TestWhyATransferHasNotBegun(t *testing.T) {
	for _, c := range []struct {
		name   string
		counts Counts
		want   groupcast.Cause
	}{
		{"was made a moment ago", Counts{Here: 2, Coming: 2}, groupcast.CauseWaits},
		{"one refused, another is busy", Counts{Here: 2, Refused: 1, Coming: 1}, groupcast.CauseWaits},
		{"all refused", Counts{Here: 2, Refused: 2}, groupcast.CauseRefused},
		{"one refused, another does not answer", Counts{Here: 2, Refused: 1, Silent: 1}, groupcast.CauseSilent},
		{"nobody is connected", Counts{}, groupcast.CauseAway},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := schedule.Transfer{Owed: 3}
			state, cause, why := StateOf(p, c.counts, schedule.Run{}, false, time.Time{})
			if state != groupcast.TransferWaiting || cause != c.want || why == "" {
				t.Errorf("%s, %s: %q; want it to wait because of %s", state, cause, why, c.want)
			}
		})
	}
}
