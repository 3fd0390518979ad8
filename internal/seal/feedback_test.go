package seal

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

var testID = protocol.FeedbackID{1, 2, 3, 4, 5, 6, 7, 8}

func TestFeedback(t *testing.T) {
	in, out := NewFeedbackSealer(testSecret(), testID), NewFeedbackOpener(testSecret(), testID)
	for n := range uint32(5) {
		want := wire.Feedback{Verified: n, NACKs: []wire.NACK{{Block: 1, Deficit: 2, HighParity: wire.NoParity}}}
		got, err := out.Open(in.Seal(nil, want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("packet %d: %+v, %v", n, got, err)
		}
	}
}

func TestEveryByteOfFeedbackIsProtected(t *testing.T) {
	packet := NewFeedbackSealer(testSecret(), testID).Seal(nil, wire.Feedback{Verified: 1})
	out := NewFeedbackOpener(testSecret(), testID)
	for i := range packet {
		bad := bytes.Clone(packet)
		bad[i] ^= 0x40
		if _, err := out.Open(bad); err == nil {
			t.Fatalf("byte %d may change", i)
		}
	}
	// None of the forgeries, whatever number it claimed, may have used up the genuine one.
	if _, err := out.Open(packet); err != nil {
		t.Error(err)
	}
}

func TestReplayWindow(t *testing.T) {
	in, out := NewFeedbackSealer(testSecret(), testID), NewFeedbackOpener(testSecret(), testID)
	packets := make([][]byte, 3*ReplayWindow)
	for i := range packets {
		packets[i] = in.Seal(nil, wire.Feedback{})
	}
	for _, step := range []struct {
		number int
		ok     bool
	}{
		{0, true},
		{0, false},
		{2, true},
		{1, true},
		{1, false},
		{ReplayWindow + 1, true},
		{1, false},
		{2, false}, // 2 is the oldest told apart
		{3, true},
		{3, false},
		{ReplayWindow, true},
		{ReplayWindow, false},
		{3*ReplayWindow - 1, true},
		{4, false},
		{2*ReplayWindow - 1, false},
		{2 * ReplayWindow, true},
		{2 * ReplayWindow, false},
	} {
		_, err := out.Open(packets[step.number])
		if (err == nil) != step.ok || (err != nil && !errors.Is(err, ErrReplay)) {
			t.Errorf("number %d: %v", step.number, err)
		}
	}
}

// The window against a plain set, over jumps of every size.
func TestReplayWindowAgainstASet(t *testing.T) {
	var w replayWindow
	used := map[uint64]bool{}
	seed, top := uint64(1), uint64(0)
	for range 20_000 {
		seed = seed*6364136223846793005 + 1442695040888963407
		n := top + seed>>40%1200
		n -= min(n, 1100)
		if seed>>33%500 == 0 {
			n = top + seed>>40%5000
		}
		old := top >= ReplayWindow && n < top-ReplayWindow
		want := !used[n] && !old
		if w.fresh(n) != want {
			t.Fatalf("number %d below %d: fresh is %v", n, top, !want)
		}
		if want {
			w.mark(n)
			used[n] = true
			top = max(top, n+1)
		}
	}
}

func TestFeedbackOfAnotherKey(t *testing.T) {
	packet := NewFeedbackSealer(NewSecret(), testID).Seal(nil, wire.Feedback{})
	if _, err := NewFeedbackOpener(testSecret(), testID).Open(packet); !errors.Is(err, ErrOpen) {
		t.Errorf("got %v", err)
	}
	if _, err := NewFeedbackOpener(testSecret(), NewFeedbackID()).Open(packet); !errors.Is(err, ErrTag) {
		t.Errorf("another ID: %v", err)
	}
}
