package lacks

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

var (
	now = time.Unix(1_800_000_000, 0)
	one = protocol.DeviceID{1}
)

// set makes a set of so many blocks of those that are chosen.
func set(blocks int, chosen func(n int) bool) *protocol.BlockSet {
	s := protocol.NewBlockSet(blocks)
	for n := range blocks {
		if chosen(n) {
			s.Add(protocol.BlockNumber(n))
		}
	}
	return s
}

func TestAListIsKnownByItsDigest(t *testing.T) {
	l := New()
	raw := format2.AppendLacks(nil, set(1000, func(n int) bool { return n >= 990 || n == 3 }))
	if err := l.Keep(now, 7, one, raw, 1000); err != nil {
		t.Fatal(err)
	}
	digest := format2.LacksDigest(raw)
	got, ok := l.Of(7, one, digest)
	want := []protocol.Range{{First: 3, Count: 1}, {First: 990, Count: 10}}
	if !ok || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%v, %v", got, ok)
	}
	for name, c := range map[string]struct {
		no     protocol.TransferNo
		dev    protocol.DeviceID
		digest protocol.Digest
	}{
		"another transfer": {8, one, digest}, "another device": {7, protocol.DeviceID{2}, digest},
		"another digest": {7, one, protocol.Digest{1}},
	} {
		if got, ok := l.Of(c.no, c.dev, c.digest); ok {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestListsThatAreNone(t *testing.T) {
	good := format2.AppendLacks(nil, set(1000, func(n int) bool { return n%3 == 0 }))
	for name, c := range map[string]struct {
		raw    []byte
		blocks int
	}{
		"nothing":             {nil, 1000},
		"of other blocks":     {good, 999},
		"of none":             {good, 0},
		"too short":           {good[:len(good)-1], 1000},
		"too long":            {append(good[:len(good):len(good)], 0), 1000},
		"far too long":        {make([]byte, groupcast.MaxLacksBytes+1), 1000},
		"of more than can be": {format2.AppendLacks(nil, protocol.NewBlockSet(0)), protocol.MaxBlocks + 1},
	} {
		l := New()
		if err := l.Keep(now, 7, one, c.raw, c.blocks); groupcast.ErrorCode(err) != groupcast.EInvalid {
			t.Errorf("%s: %v", name, err)
		}
		if _, ok := l.Of(7, one, format2.LacksDigest(c.raw)); ok {
			t.Errorf("%s is kept", name)
		}
	}
}

// A device that sends one list after another is slowed down, whether they are good or not.
func TestListsComeAtARate(t *testing.T) {
	l := New()
	raw := format2.AppendLacks(nil, set(10, func(int) bool { return true }))
	for _, bad := range [][]byte{raw, []byte("x")} {
		_ = l.Keep(now, 7, one, bad, 10)
		if err := l.Keep(now.Add(rest-1), 7, one, raw, 10); groupcast.ErrorCode(err) != groupcast.EExhausted {
			t.Errorf("too soon: %v", err)
		}
		if err := l.Keep(now.Add(rest-1), 7, protocol.DeviceID{2}, raw, 10); err != nil {
			t.Errorf("another device: %v", err)
		}
		if err := l.Keep(now.Add(rest), 7, one, raw, 10); err != nil {
			t.Errorf("later: %v", err)
		}
		now = now.Add(time.Minute)
	}
}

func TestListsAreBounded(t *testing.T) {
	l := New()
	raw := format2.AppendLacks(nil, set(10, func(int) bool { return true }))
	for n := range mostKept + 10 {
		if err := l.Keep(now.Add(time.Duration(n)), protocol.TransferNo(n), one, raw, 10); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.all) != mostKept {
		t.Errorf("%d lists", len(l.all))
	}
	for no, want := range map[protocol.TransferNo]bool{9: false, 10: true, mostKept + 9: true} {
		if _, ok := l.Of(no, one, format2.LacksDigest(raw)); ok != want {
			t.Errorf("transfer %d is known: %v", no, ok)
		}
	}
}

// However scattered a set is, its ranges are few, in order and hold all of it.
func TestCoarse(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, chosen := range map[string]func(n int) bool{
		"none":              func(int) bool { return false },
		"all":               func(int) bool { return true },
		"every other":       func(n int) bool { return n%2 == 0 },
		"one in a thousand": func(int) bool { return random.IntN(1000) == 0 },
		"half":              func(int) bool { return random.IntN(2) == 0 },
		"the last":          func(n int) bool { return n == 1<<20-1 },
		"a cloud":           func(n int) bool { return n > 1<<19 && random.IntN(3) == 0 },
	} {
		s := set(1<<20, chosen)
		ranges, err := protocol.MergeRanges(coarse(s), 1<<20)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all := protocol.NewBlockSet(1 << 20)
		for _, r := range ranges {
			all.AddRange(r)
		}
		for at, ok := s.Next(0); ok; at, ok = s.Next(at + 1) {
			if !all.Has(at) {
				t.Fatalf("%s: block %d is not among them", name, at)
			}
		}
		if len(ranges) < protocol.MaxNACKRanges && len(s.Missing(0)) < 10 && all.Count() != s.Count() {
			t.Errorf("%s: %d blocks of %d", name, all.Count(), s.Count())
		}
	}
}
