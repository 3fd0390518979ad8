package agent

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// R5: which addresses a server may make agents join.
func TestAllowedAddresses(t *testing.T) {
	for text, want := range map[string]bool{
		"239.192.1.1:7441": true, "224.0.0.1:7441": true, "232.1.1.1:7441": true,
		"[ff15::42]:7441": true, "[ff12::1]:7441": true,
		"224.0.0.251:5353": false, "224.0.0.2:7441": false, "192.0.2.1:7441": false, "239.192.1.1:80": false,
		"[ff02::fb]:7441": false, "[2001:db8::1]:7441": false, "[::ffff:10.0.0.1]:7441": false,
	} {
		t.Run(text, func(t *testing.T) {
			if err := allowed(netip.MustParseAddrPort(text)); (err == nil) != want {
				t.Errorf("%v, want it allowed: %v", err, want)
			}
		})
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
	a.hearUnsealed(probe(key, server, 1), netip.Addr{}) // before the key is known
	public := key.Public()
	a.verify = &public
	a.hearUnsealed(probe(forger, server, 2), netip.Addr{})
	a.hearUnsealed(probe(key, protocol.ServerID{9}, 3), netip.Addr{})
	a.hearUnsealed([]byte("garbage"), netip.Addr{})
	a.hearUnsealed(nil, netip.Addr{})
	if len(a.heard) != 0 {
		t.Fatalf("heard %v", a.heard)
	}
	for i := range 2 * maxHeard {
		a.hearUnsealed(probe(key, server, byte(i)), netip.Addr{})
	}
	if len(a.heard) != maxHeard || a.heard[maxHeard-1][:2] != "7f" {
		t.Errorf("%d nonces, the last is %s", len(a.heard), a.heard[len(a.heard)-1])
	}

	announce := seal.SignAnnounce(key, wire.Announce{Server: wire.PrefixOf(server), Number: 1})
	a.hearUnsealed(seal.SignAnnounce(forger, wire.Announce{Server: wire.PrefixOf(server), Number: 7}), netip.Addr{})
	a.hearUnsealed(announce, netip.Addr{})
	if n := <-a.announces; n != 1 {
		t.Errorf("heard of offer %d", n)
	}
	for range 3 {
		a.hearUnsealed(announce, netip.Addr{})
	}
	if len(a.announces) != 0 {
		t.Errorf("more than one announcement within %s is heeded", announceEvery)
	}
	a.announced = time.Now().Add(-2 * announceEvery)
	a.hearUnsealed(announce, netip.Addr{})
	if len(a.announces) != 1 {
		t.Error("a later announcement is not heeded")
	}
}

// Manifests that all devices together would fetch megabytes of come with the session.
func TestManifestsOfLargeGroupsComeByMulticast(t *testing.T) {
	for _, c := range []struct {
		devices int
		bytes   uint64
		flags   wire.OfferFlags
		want    bool
	}{
		{0, smallManifest, wire.OfferMulticast, false},
		{protocol.PromptGroup, smallManifest, wire.OfferMulticast, false},
		{1, smallManifest + 1, wire.OfferMulticast, true},
		{10_000, 10_000, wire.OfferMulticast, true},
		{10_000, 400, wire.OfferMulticast, false},
		{10_000, 10_000, 0, false},
	} {
		t.Run(fmt.Sprintf("%d bytes for %d", c.bytes, c.devices), func(t *testing.T) {
			offer := wire.Offer{ManifestBytes: c.bytes, Flags: c.flags}
			tr := &plain{transfer: &transfer{raw: groupcast.Offered{Devices: c.devices}}, offer: offer}
			if got := tr.manifestByMulticast(); got != c.want {
				t.Errorf("%+v: %t", c, got)
			}
		})
	}
}
