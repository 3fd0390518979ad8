package ui

import (
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func TestRelayRows(t *testing.T) {
	report := &groupcast.RelayReport{Quota: 10e9, Bytes: 3e9, Fetched: 2e9, Transfers: []groupcast.RelayHolding{
		{Transfer: 7, Whole: true}, {Transfer: 8, Held: 1e9, Bytes: 4e9}, {Transfer: 9, Problem: "full\x1b[31m"},
	}}
	seen := time.Now().Add(-time.Minute)
	for want, r := range map[string]groupcast.Relay{
		"a|depot|invited||||":                        {State: groupcast.RelayInvited},
		"a|depot|its code is over||||":               {State: groupcast.RelayExpired},
		"a|depot|not heard since the server started": {State: groupcast.RelayAway},
		"a|depot|away, heard ":                       {State: groupcast.RelayAway, SeenAt: seen, Report: report},
		"a|depot|here|3 GB|10 GB|2 GB|7 whole, 8: 1 GB of 4 GB, 9: full": {
			State: groupcast.RelayHere, Report: report,
		},
		"a|depot|revoked||||": {State: groupcast.RelayRevoked, Report: report},
	} {
		r.Name, r.Site, r.Groups = "a", "depot", []string{"lab", "shop"}
		got := strings.Join(RelayRow(r), "|")
		if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "lab, shop") || strings.Contains(got, "\x1b") {
			t.Errorf("%q, want %q", got, want)
		}
		if n := strings.Count(RelayHead, "|") + 1; len(RelayRow(r)) != n {
			t.Errorf("%d columns, want %d", len(RelayRow(r)), n)
		}
	}
}
