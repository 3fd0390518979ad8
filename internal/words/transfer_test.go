package words

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func TestEstimatesInWords(t *testing.T) {
	soon := time.Now().Add(time.Minute)
	at := soon.Local().Format("15:04:05")
	type is = groupcast.Estimate
	for want, e := range map[string][]is{
		"": {{Share: 50, Done: true}, {Share: 100, Done: true}},
		"half by " + at + ", 95 % by " + at + ", all by " + at: {{Share: 50, At: soon}, {Share: 95, At: soon}, {Share: 100, At: soon}},
		"half by " + at + ", all once 2 more take part":        {{Share: 50, At: soon}, {Share: 95, Waits: 1}, {Share: 100, Waits: 2}},
		"all once 1 more takes part":                           {{Share: 50, Done: true}, {Share: 95, Done: true}, {Share: 100, Waits: 1}},
	} {
		if got := Estimates(groupcast.Transfer{Estimates: e}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNobodyWaitsForWhoDoesNotAnswer(t *testing.T) {
	for cause, want := range map[groupcast.Cause]bool{
		"": false, groupcast.CauseWaits: false, groupcast.CauseBehind: false, groupcast.CauseSilent: true, groupcast.CauseLater: true,
	} {
		s := Snapshot{
			Transfer:   groupcast.Transfer{State: groupcast.TransferSending},
			Deliveries: []groupcast.Delivery{{Active: true, State: groupcast.DeliveryQueued, Cause: cause}},
		}
		if got := Settled(s); got != want {
			t.Errorf("cause %q: settled is %v", cause, got)
		}
	}
}
