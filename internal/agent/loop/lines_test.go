package loop

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

// What the user of a machine reads when a transfer is through.
func TestLinesAboutWhatBecameOfATransfer(t *testing.T) {
	about := &transfer{group: lab, started: start, offer: Offer{Transfer: 7, Bytes: 2_000_000}}
	for want, out := range map[string]Outcome{
		"lab: x 2 MB verified in 1.5s (multicast)": {
			State: groupcast.DeliveryVerified, What: "x", Bytes: 2_000_000, Path: groupcast.PathMulticast,
		},
		"lab: x 2 MB verified in 1.5s (https); x lies beside": {
			State: groupcast.DeliveryVerified, What: "x", Bytes: 2_000_000, Path: groupcast.PathHTTPS, Reason: "x lies beside",
		},
		"lab: 3 files incomplete: 2 of 3 are here; y: no such name": {
			State: groupcast.DeliveryIncomplete, What: "3 files", Reason: "y: no such name",
			Tally: groupcast.Tally{Entries: 3, Missing: 1},
		},
		"lab: 2 files incomplete: 3 of 8 are here; y: no such name; not delivered: a (gone at the server) and 3 more": {
			State: groupcast.DeliveryIncomplete, What: "2 files", Reason: "y: no such name",
			Tally: groupcast.Tally{Entries: 8, Missing: 1, Void: 4}, Void: []string{"a (gone at the server)"},
		},
		"lab: x: already-had": {State: groupcast.DeliveryAlreadyHad, What: "x"},
		"lab: x: superseded; a member of the group forged packets: 2 blocks came wrong and right again": {
			State: groupcast.DeliverySuperseded, What: "x", Forged: 2,
		},
		"lab: refused: the disk is full; it is looked at again by itself": {
			State: groupcast.DeliveryRefused, Kind: "space", Reason: "the disk is full",
		},
		"lab: refused: too large": {State: groupcast.DeliveryRefused, Kind: "size", Reason: "too large"},
	} {
		t.Run(want, func(t *testing.T) {
			l := about.line(start.Add(1503*time.Millisecond), out)
			if l.Text != want || l.Transfer != 7 || l.Outcome != out.State || (l.Forging != nil) != (out.Forged > 0) {
				t.Errorf("%+v", l)
			}
		})
	}
}

// A device has done its part if the server could not deliver some files; whoever waits for them reads that they lack.
func TestALineAboutFilesThatTheServerCouldNotDeliver(t *testing.T) {
	about := &transfer{group: lab, started: start, offer: Offer{Transfer: 7, Bytes: 2_000_000}}
	out := Outcome{
		State: groupcast.DeliveryVerified, What: "2 files", Path: groupcast.PathMulticast,
		Tally: groupcast.Tally{Entries: 3, Void: 1}, Void: []string{"a (changed at the server)"},
	}
	l := about.line(start, out)
	want := "lab: 2 files incomplete: 2 of 3 are here; not delivered: a (changed at the server)"
	if l.Text != want || l.Kind != "incomplete" || l.Outcome != groupcast.DeliveryIncomplete {
		t.Errorf("%+v", l)
	}
	out.Void, out.Tally.Void = nil, 0
	if l = about.line(start, out); l.Kind != "done" || l.Outcome != groupcast.DeliveryVerified {
		t.Errorf("%+v", l)
	}
}
