package ui

import (
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func TestNobodyWaitsForWhoDoesNotAnswer(t *testing.T) {
	for cause, want := range map[groupcast.Cause]bool{
		"": false, groupcast.CauseWaits: false, groupcast.CauseBehind: false, groupcast.CauseSilent: true, groupcast.CauseLater: true,
	} {
		t.Run(string(cause), func(t *testing.T) {
			s := Snapshot{
				Transfer:   groupcast.Transfer{State: groupcast.TransferSending},
				Deliveries: []groupcast.Delivery{{Active: true, State: groupcast.DeliveryQueued, Cause: cause}},
			}
			if got := Settled(s); got != want {
				t.Errorf("cause %q: settled is %v", cause, got)
			}
		})
	}
}

func TestStatesInWords(t *testing.T) {
	tally := groupcast.Tally{Entries: 30, Missing: 2, Beside: 1}
	for want, d := range map[string]groupcast.Delivery{
		"incomplete (28 of 30) · 1 kept beside": {State: groupcast.DeliveryIncomplete, Tally: tally},
		"verified · 1 kept beside": {
			State: groupcast.DeliveryVerified,
			Tally: groupcast.Tally{Entries: 30, Beside: 1},
		},
		"verified":  {State: groupcast.DeliveryVerified, Tally: groupcast.Tally{Entries: 30}},
		"queued":    {Device: "pc", Active: true, State: groupcast.DeliveryQueued, Tally: tally},
		"off":       {Device: "pc", State: groupcast.DeliveryQueued, Tally: tally},
		"no device": {State: groupcast.DeliveryQueued},
		"no answer": {
			Device: "pc", Active: true, State: groupcast.DeliveryQueued,
			Cause: groupcast.CauseSilent,
		},
	} {
		t.Run(want, func(t *testing.T) {
			if got := DeliveryRow(d)[2]; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	s := Snapshot{Transfer: groupcast.Transfer{Bytes: 100, Verified: 1, Incomplete: 1}, Deliveries: []groupcast.Delivery{
		{State: groupcast.DeliveryVerified}, {State: groupcast.DeliveryIncomplete, Bytes: 50},
	}}
	if got := Share(s); got != 0.75 {
		t.Errorf("a share of %v", got)
	}
	if got := Summary(s.Transfer, time.Second); !strings.Contains(got, "1 verified, 1 incomplete;") {
		t.Errorf("%q", got)
	}
}

func TestNothingIsSaidOfEntriesThatNobodyCounted(t *testing.T) {
	for state, want := range map[groupcast.DeliveryState]string{
		groupcast.DeliveryVerified:   "every entry lies under its name",
		groupcast.DeliveryAlreadyHad: "every entry lies under its name",
		groupcast.DeliveryQueued:     "it is queued: what became of the entries is not known",
		groupcast.DeliveryRefused:    "it is refused: what became of the entries is not known",
		groupcast.DeliveryCancelled:  "it is cancelled: what became of the entries is not known",
	} {
		t.Run(string(state), func(t *testing.T) {
			if got := Astray(groupcast.Delivery{State: state}); got != want {
				t.Errorf("%s: %q, want %q", state, got, want)
			}
		})
	}
	d := groupcast.Delivery{State: groupcast.DeliveryQueued}
	d.Entries, d.Missing = 3, 1
	if got := Astray(d); got != "1 of 3 entries are missing" {
		t.Error(got)
	}
}
