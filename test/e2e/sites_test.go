//go:build linux

package e2e

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/test/netlab"
)

// TestABranchWithoutMulticast: two receivers are behind a switch that drops multicast, and in a site of their own. They
// get everything over HTTPS and verified, no session has them, and the others receive by multicast as if alone.
func TestABranchWithoutMulticast(t *testing.T) {
	t.Parallel()
	s := newSite(t, netlab.Config{Receivers: 4})
	pcs := room(s, 4)
	server := s.host("s")
	must(t, s.lab.Block(3))
	must(t, s.lab.Block(4))
	server.run("", "site", "create", "branch")
	branch := map[string]bool{"u-r3": true, "u-r4": true}
	for _, d := range list[groupcast.Device](server, "device", "list") {
		if branch[d.User] {
			server.run("", "site", "set", d.ID.String(), "branch")
		}
	}
	for _, pc := range pcs {
		pc.receive()
	}
	s.await("all to be connected", func() bool {
		n := 0
		for _, d := range list[groupcast.Device](server, "device", "list") {
			if d.Active && (d.Site == "branch") == branch[d.User] {
				n++
			}
		}
		return n == 4
	})
	path, sum := s.randomFile("f.bin", 8<<20)
	server.run("", "send", "lab", path)
	if !allGot(pcs, "lab/f.bin", sum) {
		t.Fatal("not everyone has it")
	}
	for _, d := range deliveries(s) {
		want := groupcast.PathMulticast
		if branch[d.User] {
			want = groupcast.PathHTTPS
		}
		if d.Path != want || d.State != groupcast.DeliveryVerified {
			t.Errorf("%s: %s by %s, want %s (%s)", d.User, d.State, d.Path, want, d.Reason)
		}
	}
	keys := server.run("", "transfer", "keys", "1")
	for _, user := range []string{"u-r1", "u-r2", "u-r3", "u-r4"} {
		if strings.Contains(keys, user) == branch[user] {
			t.Errorf("keys of a session, and %s:\n%s", user, keys)
		}
	}
	for _, d := range list[groupcast.Device](server, "device", "list") { // now nobody is left here
		server.run("", "site", "set", d.ID.String(), "branch")
	}
	path, sum = s.randomFile("g.bin", 1<<20)
	server.run("", "send", "lab", path, "--via", "multicast")
	if !allGot(pcs, "lab/g.bin", sum) {
		t.Fatal("not everyone has the second one")
	}
	for _, tr := range list[groupcast.Transfer](server, "transfer", "list") {
		if (tr.No == 2) != (tr.WireBytes == 0) {
			t.Errorf("transfer %d: %d bytes by multicast", tr.No, tr.WireBytes)
		}
	}
}
