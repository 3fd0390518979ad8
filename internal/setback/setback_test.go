package setback

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

func TestAStartLikeAnyOther(t *testing.T) {
	l := begin(t)
	before := l.works().Number
	l.start()
	if l.why() != "" || l.paused || l.halted > 0 || len(l.audited) > 0 {
		t.Errorf("%q, paused %v, halted %d, %v", l.why(), l.paused, l.halted, l.audited)
	}
	if gap := l.store.offers - before; gap < leastGap || gap > mostGap {
		t.Errorf("the start left out %d numbers", gap)
	}
	if l.store.editions > 0 {
		t.Errorf("pages begin anew without a reason, %d editions on", l.store.editions)
	}
}

// Whoever was given what the database does not know of stops all, once, until it is confirmed; the
// numbers go on past the lost ones.
func TestADeviceKnowsMore(t *testing.T) {
	for name, paged := range map[string]bool{"format 1": false, "format 2": true} {
		t.Run(name, func(t *testing.T) { deviceKnowsMore(t, paged) })
	}
}

func deviceKnowsMore(t *testing.T, paged bool) {
	l := begin(t)
	l.files, l.paged = nil, paged
	l.start()
	old := l.copied()
	lost := l.works()
	for range 3 {
		lost = l.works()
	}
	l.store = old
	l.start()
	if err := l.show(lost); err != nil {
		t.Fatal(err)
	}
	if l.why() != groupcast.SetBackDevice || l.halted != 1 || !slices.Equal(l.audited, []string{"setback"}) {
		t.Errorf("%q, halted %d, %v", l.why(), l.halted, l.audited)
	}
	if l.store.offers < lost.Number+far || l.store.transfers < lost.Transfer+farTransfers {
		t.Errorf("numbers go on at %d and %d, after %d and %d", l.store.offers, l.store.transfers, lost.Number,
			lost.Transfer)
	}
	if l.store.editions < leastEditions {
		t.Errorf("pages go on %d editions on", l.store.editions)
	}
	if l.taken < uint64(lost.Number)+far {
		t.Errorf("the site was taken in epoch %d, after offer %d", l.taken, lost.Number)
	}
	l.start()
	if l.why() != groupcast.SetBackDevice || !l.paused {
		t.Errorf("after a start: %q, paused %v", l.why(), l.paused)
	}
	if err := l.Confirm(t.Context()); err != nil || l.paused || l.why() != "" {
		t.Errorf("confirmed: %v, paused %v, %q", err, l.paused, l.why())
	}
	if err := l.show(lost); err != nil || l.why() != "" {
		t.Errorf("asked twice about one loss: %v, %q", err, l.why())
	}
}

// An offer of the lost life is known by its number, which this life's start left out.
func TestANumberThatWasLeftOut(t *testing.T) {
	l := begin(t)
	l.store.leftOut = [2]protocol.OfferNo{l.store.offers - 10, l.store.offers - 5}
	if err := l.show(wire.Offer{Server: serverID, Number: l.store.offers - 7}); err != nil {
		t.Fatal(err)
	}
	if l.why() != groupcast.SetBackDevice {
		t.Error("it passes for one of this life")
	}
}

func TestWhatProvesNothing(t *testing.T) {
	l := begin(t)
	genuine := l.works()
	bytes := wire.AppendOffer(nil, wire.Offer{Server: serverID, Number: l.store.offers + 9})
	for name, show := range map[string]func() error{
		"nothing":  func() error { return l.Shown(t.Context(), "ann/pc", nil, nil) },
		"its own":  func() error { return l.show(genuine) },
		"too much": func() error { return l.Shown(t.Context(), "ann/pc", make([]byte, 1<<20), nil) },
		"no offer": func() error { return l.Shown(t.Context(), "ann/pc", []byte("x"), []byte("y")) },
		"unsigned": func() error { return l.Shown(t.Context(), "ann/pc", bytes, nil) },
		"signed by another": func() error {
			return l.Shown(t.Context(), "ann/pc", bytes, seal.SignOffer(seal.NewSigningKey(), bytes))
		},
		"another server's": func() error {
			return l.show(wire.Offer{Server: protocol.ServerID{1}, Number: l.store.offers +
				9})
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := l.copied()
			if err := show(); err != nil || l.why() != "" || l.halted > 0 || l.store.offers != before.offers {
				t.Errorf("%s: %v, %q, halted %d", name, err, l.why(), l.halted)
			}
		})
	}
}

// Who signs numbers that no life can have drawn has the key: that is noted once, and moves nothing.
func TestNumbersBeyondAnyLife(t *testing.T) {
	for name, o := range map[string]wire.Offer{
		"number":   {Server: serverID, Number: 1<<64 - 1},
		"floor":    {Server: serverID, Number: 1 << 40, Floor: 1<<64 - 1},
		"transfer": {Server: serverID, Number: 1 << 40, Transfer: 1<<64 - 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := begin(t)
			before := l.store.offers
			for range 3 {
				if err := l.show(o); err != nil {
					t.Fatal(err)
				}
			}
			if l.why() != "" || l.store.offers != before || !slices.Equal(l.audited, []string{"offer.forged"}) {
				t.Errorf("%q, offers %d after %d, %v", l.why(), l.store.offers, before, l.audited)
			}
		})
	}
}

// A disk that takes no note changes nothing: all is stopped, it says why, and a confirmation waits.
func TestADiskThatIsFull(t *testing.T) {
	l := begin(t)
	lost := wire.Offer{Server: serverID, Number: l.store.offers + 100, Transfer: 3}
	l.store.full = true
	if err := l.show(lost); groupcast.ErrorCode(err) != groupcast.EUnavailable || !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
	if l.why() != groupcast.SetBackDevice || l.halted != 1 {
		t.Errorf("%q, halted %d", l.why(), l.halted)
	}
	if err := l.Confirm(t.Context()); err == nil || l.why() == "" {
		t.Errorf("confirmed, and the numbers did not move: %v", err)
	}
	l.store.full = false
	if err := l.Confirm(t.Context()); err != nil || l.why() != "" || l.store.offers < lost.Number+far {
		t.Errorf("%v, %q, offers %d", err, l.why(), l.store.offers)
	}
}

// What cannot be read decides nothing.
func TestADiskThatCannotBeRead(t *testing.T) {
	l := begin(t)
	lost := wire.Offer{Server: serverID, Number: l.store.offers + 100}
	l.store.broken = true
	if err := l.show(lost); !errors.Is(err, errBroken) || l.halted > 0 {
		t.Errorf("%v, halted %d", err, l.halted)
	}
	if err := l.Restored(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("restored: %v", err)
	}
	if err := l.Begin(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("started: %v", err)
	}
	l.store.broken = false
	if l.why() != "" {
		t.Errorf("decided: %q", l.why())
	}
}

// What was restored is called so, whatever else says that it is old.
func TestARestoreStaysARestore(t *testing.T) {
	l := begin(t)
	before := l.works()
	if err := l.Restored(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(t.Context()); err != nil || !l.paused {
		t.Errorf("%v, paused %v", err, l.paused)
	}
	if l.store.editions < leastEditions {
		t.Errorf("pages go on %d editions on", l.store.editions)
	}
	if l.store.offers < before.Number+far || !slices.Contains(l.audited, "restore") {
		t.Errorf("offers go on at %d after %d, %v", l.store.offers, before.Number, l.audited)
	}
	if err := l.show(wire.Offer{Server: serverID, Number: l.store.offers + 5}); err != nil {
		t.Fatal(err)
	}
	if l.why() != groupcast.SetBackRestored {
		t.Errorf("it is called %q", l.why())
	}
}

// A setting of an earlier version is a word.
func TestTheSettingOfAnEarlierVersion(t *testing.T) {
	for value, want := range map[string]groupcast.SetBack{
		"": "", "yes": groupcast.SetBackRestored, "{": groupcast.SetBackRestored, "{}": groupcast.SetBackRestored,
		`{"how":"device","offers":7}`: groupcast.SetBackDevice,
	} {
		t.Run(value, func(t *testing.T) {
			if b, is := readState(value); is != (want != "") || b.How != want {
				t.Errorf("%q: %+v, %v", value, b, is)
			}
		})
	}
}

// A witness knows more than a database that was put back: the one beside it, if that alone was put
// back; the one elsewhere, if the whole home was.
func TestAWitnessKnowsMore(t *testing.T) {
	for name, c := range map[string]struct {
		home, removal bool
	}{"the database alone": {}, "the home": {home: true}, "the home, after a removal": {home: true, removal: true}} {
		t.Run(name, func(t *testing.T) {
			l := begin(t)
			l.works()
			old := l.copied()
			witness := contentOf(t, l.files[0])
			if c.removal {
				l.store.audit++
				l.Counted(t.Context())
			} else {
				l.works()
			}
			lost := l.store.offers
			l.store = old
			if c.home {
				write(t, l.files[0], witness)
			}
			l.start()
			if l.why() != groupcast.SetBackWitness || l.halted != 1 || !l.paused || l.store.offers < lost+far {
				t.Errorf("%q, halted %d, paused %v, offers %d after %d", l.why(), l.halted, l.paused, l.store.offers, lost)
			}
			if err := l.Confirm(t.Context()); err != nil {
				t.Fatal(err)
			}
			l.start()
			if l.why() != "" {
				t.Error("asked again after the confirmation")
			}
		})
	}
}

func TestAWitnessThatSaysNothing(t *testing.T) {
	for name, text := range map[string]string{
		"torn": "groupcast 0000", "empty": "", "something else": "not of groupcast at all, but long enough for one",
		"beyond any life": "groupcast 18446744073709551615 00000000000000000001 00000000000000000001\n",
	} {
		t.Run(name, func(t *testing.T) {
			l := begin(t)
			l.works()
			write(t, l.files[0], text)
			l.start()
			if l.why() != "" {
				t.Errorf("it is believed: %q", l.why())
			}
		})
	}
}

// A witness that cannot be kept is missing, and no reason not to start.
func TestAWitnessThatCannotBeKept(t *testing.T) {
	l := begin(t)
	write(t, l.files[0]+".file", "no folder")
	l.files = []string{l.files[0] + ".file/witness"}
	l.start()
	l.works()
	if l.why() != "" {
		t.Errorf("%q", l.why())
	}
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
