package agent

import (
	"net/netip"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/wire"
)

// R5: which addresses a server may make agents join.
func TestAllowedAddresses(t *testing.T) {
	for text, want := range map[string]bool{
		"239.192.1.1:7441": true, "224.0.0.1:7441": true, "232.1.1.1:7441": true, "[ff15::42]:7441": true, "[ff12::1]:7441": true,
		"224.0.0.251:5353": false, "224.0.0.2:7441": false, "192.0.2.1:7441": false, "239.192.1.1:80": false,
		"[ff02::fb]:7441": false, "[2001:db8::1]:7441": false, "[::ffff:10.0.0.1]:7441": false,
	} {
		if err := allowed(netip.MustParseAddrPort(text)); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSumUp(t *testing.T) {
	one := func(r spool.Result) spool.Outcome {
		return spool.Outcome{Kind: manifest.KindFile, Path: "p", Result: r, Reason: "why"}
	}
	for _, c := range []struct {
		all  []spool.Result
		want groupcast.DeliveryState
		says bool
	}{
		{nil, groupcast.DeliveryVerified, false},
		{[]spool.Result{spool.Committed}, groupcast.DeliveryVerified, false},
		{[]spool.Result{spool.Committed, spool.KeptBoth}, groupcast.DeliveryVerified, true},
		{[]spool.Result{spool.Committed, spool.Rejected}, groupcast.DeliveryVerified, true},
		{[]spool.Result{spool.Rejected, spool.Rejected}, groupcast.DeliveryRefused, true},
		{[]spool.Result{spool.AlreadyHad, spool.AlreadyHad}, groupcast.DeliveryAlreadyHad, false},
		{[]spool.Result{spool.AlreadyHad, spool.Committed}, groupcast.DeliveryVerified, false},
		{[]spool.Result{spool.Superseded}, groupcast.DeliverySuperseded, false},
	} {
		var all []spool.Outcome
		for _, r := range c.all {
			all = append(all, one(r))
		}
		if got := sumUp(all); got.state != c.want || (got.reason != "") != c.says || got.files != len(all) {
			t.Errorf("%v: %+v", c.all, got)
		}
	}
}

// I6: probes and announcements count only if the server signed them, and are never answered
// more than the bounds allow.
func TestPlainPackets(t *testing.T) {
	key, forger := seal.NewSigningKey(), seal.NewSigningKey()
	server := protocol.ServerID{1, 2, 3}
	a, err := New(Config{Server: server})
	if err != nil {
		t.Fatal(err)
	}
	probe := func(k seal.SigningKey, s protocol.ServerID, n byte) []byte {
		return seal.SignProbe(k, wire.Probe{Server: wire.PrefixOf(s), Nonce: [16]byte{n}})
	}
	a.hearPlain(probe(key, server, 1), netip.Addr{}) // before the key is known
	public := key.Public()
	a.verify = &public
	a.hearPlain(probe(forger, server, 2), netip.Addr{})
	a.hearPlain(probe(key, protocol.ServerID{9}, 3), netip.Addr{})
	a.hearPlain([]byte("garbage"), netip.Addr{})
	a.hearPlain(nil, netip.Addr{})
	if len(a.heard) != 0 {
		t.Fatalf("heard %v", a.heard)
	}
	for i := range 2 * maxHeard {
		a.hearPlain(probe(key, server, byte(i)), netip.Addr{})
	}
	if len(a.heard) != maxHeard || a.heard[maxHeard-1][:2] != "7f" {
		t.Errorf("%d nonces, the last is %s", len(a.heard), a.heard[len(a.heard)-1])
	}

	announce := seal.SignAnnounce(key, wire.Announce{Server: wire.PrefixOf(server), Number: 1})
	for range 3 {
		a.hearPlain(announce, netip.Addr{})
	}
	a.hearPlain(seal.SignAnnounce(forger, wire.Announce{Server: wire.PrefixOf(server)}), netip.Addr{})
	if len(a.events) != 1 {
		t.Errorf("%d reads of the state for three announcements within %s", len(a.events), announceEvery)
	}
	a.announced = time.Now().Add(-2 * announceEvery)
	a.hearPlain(announce, netip.Addr{})
	if len(a.events) != 2 {
		t.Error("a later announcement is not heeded")
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 4_700_000_000: "4.7 GB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
