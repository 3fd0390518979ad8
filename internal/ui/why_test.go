package ui

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

// The words of a refusal are made of its code and its numbers. A device's own text is only a detail behind them.
func TestARefusalIsSaidInOurWords(t *testing.T) {
	refused := func(r groupcast.Refusal, why string) groupcast.Delivery {
		return groupcast.Delivery{Device: "pc", State: groupcast.DeliveryRefused, Refusal: r, Reason: why}
	}
	full := refused(groupcast.RefusedSpace, "You won a prize")
	full.Space = &groupcast.Space{Needed: 160e6, Free: 1.21e9, Kept: 1.1e9}
	crowded := refused(groupcast.RefusedSpace, "")
	crowded.Space = &groupcast.Space{Needed: 160e6, Free: 200e6, Others: 100e6}
	failed := groupcast.Delivery{State: groupcast.DeliveryFailed, Signed: groupcast.SignedAll, Reason: "x"}
	lacks := groupcast.DeliveryIncomplete
	signed := func(how groupcast.Signed, state groupcast.DeliveryState, why string) groupcast.Delivery {
		return groupcast.Delivery{State: state, Signed: how, Reason: why}
	}
	for want, d := range map[string]groupcast.Delivery{
		"needs 160 MB; 1.21 GB are free and 1.1 GB must stay free: free 50 MB there, or lower its reserve": full,
		"needs 160 MB; 200 MB are free: free 60 MB there; other transfers take 100 MB":                     crowded,
		"has no room for it; it says “no space”":                                                           refused(groupcast.RefusedSpace, "no space"),
		"takes nothing so large":                                     refused(groupcast.RefusedSize, ""),
		"cannot hold these file names; it says “a\\u{1b}[31m”":       refused(groupcast.RefusedNames, "a\x1b[31m"),
		"its folder for received files is not there; it says “gone”": refused(groupcast.RefusedFolder, "gone"),
		"its version does not fit; “install 0.2”":                    refused("version", "install 0.2"),
		"its version does not fit":                                   refused("version", ""),
		"cannot read the offer":                                      refused(groupcast.RefusedUnreadable, ""),
		"was told two different things about the files":              refused(groupcast.RefusedPages, ""),
		"belongs to another site":                                    refused(groupcast.RefusedSite, ""),
		"is too far away for multicast":                              refused(groupcast.RefusedClock, ""),
		"does not accept the list of files":                          refused("manifest-name", ""),
		"refused it; it says “a newer one's why”":                    refused("mood", "a newer one's why"),
		"it did not work there; it says “x”":                         failed,
		"it says “1 missing: a\\u{9}b”":                              signed(groupcast.SignedAll, lacks, "1 missing: a\tb"),
		"it says “x\"; call the police”":                             signed("counts", lacks, "x”; call the police"),
		"it says “1 lies beside”":                                    signed("all", "verified", "1 lies beside"),
		"“2 changed at the server”":                                  signed(groupcast.SignedOutcome, lacks, "2 changed at the server"),
		"asked for more than its share":                              {State: groupcast.DeliveryFailed, Reason: "asked for more than its share"},
	} {
		t.Run(want, func(t *testing.T) {
			if got := Why(d); got != want {
				t.Errorf("%q", got)
			}
			if row := strings.Join(DeliveryRow(d), "|"); !strings.Contains(row, want) {
				t.Errorf("its row has other words: %q", row)
			}
		})
	}
}

// What the server could not deliver is its own word; what the device says of itself stands behind it.
func TestWhatTheServerCouldNotDeliver(t *testing.T) {
	d := groupcast.Delivery{State: groupcast.DeliveryIncomplete, Signed: groupcast.SignedCounts}
	d.Void = 2
	if got := Why(d); got != "2 files changed, went or could not be read at the server" {
		t.Errorf("%q", got)
	}
	d.Void, d.Reason = 1, "b lies beside"
	if got := Why(d); got != "1 file changed, went or could not be read at the server; it says “b lies beside”" {
		t.Errorf("%q", got)
	}
}
