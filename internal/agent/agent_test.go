package agent

import (
	"net/netip"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/spool"
)

// TestSumUp: what became of the files decides, not the folders around them.
func TestSumUp(t *testing.T) {
	file := func(r spool.Result) spool.Outcome {
		return spool.Outcome{Kind: manifest.KindFile, Path: "f", Result: r, Reason: "because"}
	}
	folder := spool.Outcome{Kind: manifest.KindFolder, Path: "d", Result: spool.Committed}
	for _, c := range []struct {
		all  []spool.Outcome
		want groupcast.DeliveryState
	}{
		{[]spool.Outcome{folder}, groupcast.DeliveryVerified},
		{[]spool.Outcome{folder, file(spool.Committed)}, groupcast.DeliveryVerified},
		{[]spool.Outcome{folder, file(spool.Superseded)}, groupcast.DeliverySuperseded},
		{[]spool.Outcome{folder, file(spool.AlreadyHad), file(spool.AlreadyHad)}, groupcast.DeliveryAlreadyHad},
		{[]spool.Outcome{folder, file(spool.AlreadyHad), file(spool.Committed)}, groupcast.DeliveryVerified},
		{[]spool.Outcome{folder, file(spool.Rejected)}, groupcast.DeliveryRefused},
		{[]spool.Outcome{file(spool.Rejected), file(spool.Committed)}, groupcast.DeliveryVerified},
	} {
		if got := sumUp(c.all); got.state != c.want {
			t.Errorf("%+v: %s, want %s", c.all, got.state, c.want)
		}
	}
	if out := sumUp([]spool.Outcome{file(spool.Rejected), file(spool.Committed)}); out.reason == "" {
		t.Error("the file that could not be held is not named")
	}
}

// TestAllowedAddresses: a server cannot make agents join what is not a group's (R5).
func TestAllowedAddresses(t *testing.T) {
	for addr, want := range map[string]bool{
		"239.192.7.9:7441": true, "224.0.0.1:7441": true, "[ff15::7]:7441": true, "232.1.2.3:7441": true,
		"224.0.0.251:7441": false, "239.192.7.9:53": false, "10.0.0.1:7441": false, "[ff02::fb]:7441": false, "[::1]:7441": false, "255.255.255.255:7441": false,
	} {
		if err := allowed(netip.MustParseAddrPort(addr)); (err == nil) != want {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

// TestGroupNames: what becomes a folder's name is checked here, whatever the server says (R1).
func TestGroupNames(t *testing.T) {
	for name, want := range map[string]bool{"lab-a": true, "..": false, ".": false, "a/b": false, "": false, "Lab": false, ".hidden": false, "a\x00": false} {
		if groupName.MatchString(name) != want {
			t.Errorf("%q", name)
		}
	}
}
