package agent

import (
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
		"239.192.1.1:7441": true, "224.0.0.1:7441": true, "232.1.1.1:7441": true, "[ff15::42]:7441": true, "[ff12::1]:7441": true,
		"224.0.0.251:5353": false, "224.0.0.2:7441": false, "192.0.2.1:7441": false, "239.192.1.1:80": false,
		"[ff02::fb]:7441": false, "[2001:db8::1]:7441": false, "[::ffff:10.0.0.1]:7441": false,
	} {
		if err := allowed(netip.MustParseAddrPort(text)); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
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
	a.hearPlain(seal.SignAnnounce(forger, wire.Announce{Server: wire.PrefixOf(server), Number: 7}), netip.Addr{})
	a.hearPlain(announce, netip.Addr{})
	if n := <-a.announces; n != 1 {
		t.Errorf("heard of offer %d", n)
	}
	for range 3 {
		a.hearPlain(announce, netip.Addr{})
	}
	if len(a.announces) != 0 {
		t.Errorf("more than one announcement within %s is heeded", announceEvery)
	}
	a.announced = time.Now().Add(-2 * announceEvery)
	a.hearPlain(announce, netip.Addr{})
	if len(a.announces) != 1 {
		t.Error("a later announcement is not heeded")
	}
}

// What the event stream has brought already is not asked for again.
func TestAnnouncedOffersAreExpected(t *testing.T) {
	a, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	a.newest = 5
	if a.expect(5); a.lookAgain != nil {
		t.Error("an offer that came is looked for again")
	}
	if a.expect(6); a.lookAgain == nil || a.overdue != 6 {
		t.Error("an offer that did not come is not looked for")
	}
	a.newest = 6 // it came meanwhile: the state is not read, for which there is no client here
	if a.look(t.Context()); a.lookAgain != nil {
		t.Error("it is looked for twice")
	}
}

// Devices of a large group take turns; those of a small one do not wait at all.
func TestTurns(t *testing.T) {
	small := &job{raw: groupcast.Offered{Devices: protocol.PromptGroup}}
	a := &Agent{unsent: map[protocol.TransferNo]bool{}}
	for range 100 {
		if turnOf(small.raw.Devices) != 0 || a.postpone(small) {
			t.Fatal("a device of a small group waits")
		}
	}
	large := &job{raw: groupcast.Offered{Devices: 1}, crowd: 10_000, offer: wire.Offer{Transfer: 3}}
	var sum time.Duration
	for range 1000 {
		d := turnOf(large.crowd)
		if d < 0 || d > protocol.Spread(large.crowd) {
			t.Fatalf("a turn after %v", d)
		}
		sum += d
	}
	if mean := sum / 1000; mean < protocol.Spread(large.crowd)/3 || mean > protocol.Spread(large.crowd)*2/3 {
		t.Errorf("turns after %v on average, of %v", mean, protocol.Spread(large.crowd))
	}
	if !a.postpone(large) || a.receiptTurn == nil || !a.unsent[3] {
		t.Error("a device of a large group does not wait for its turn")
	}
	if a.cfg.Once = true; a.postpone(large) {
		t.Error("an agent that ends now keeps its receipt back")
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
		j := &job{raw: groupcast.Offered{Devices: c.devices}, offer: wire.Offer{ManifestBytes: c.bytes, Flags: c.flags}}
		if got := j.manifestByMulticast(); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 4_700_000_000: "4.7 GB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
