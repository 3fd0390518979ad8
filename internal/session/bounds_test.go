package session

import (
	"errors"
	"slices"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// TestListsOfRangesAreBounded: what a device says it lacks is in order, apart and within the session,
// or it gets no keys.
func TestListsOfRangesAreBounded(t *testing.T) {
	r := newRig(t, newContent(t, 1<<20), testRate)
	blocks := uint32(r.sender.cfg.Layout.Blocks())
	for name, lacks := range map[string][]protocol.Range{
		"overlapping":  {{First: 0, Count: 3}, {First: 1, Count: 3}},
		"out of order": {{First: 3, Count: 1}, {First: 1, Count: 1}},
		"beyond":       {{First: 0, Count: blocks + 1}},
		"too many":     slices.Repeat([]protocol.Range{{First: 0, Count: blocks}}, protocol.MaxNACKRanges+1),
	} {
		_, err := r.sender.Attach(protocol.NewDeviceID(), lacks, false)
		if bad := new(protocol.RangesError); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.sender.Attach(protocol.NewDeviceID(), []protocol.Range{{First: 0, Count: 1}, {First: 1, Count: blocks - 1}}, false); err != nil {
		t.Error(err)
	}
}

// TestKeysAreNotAskedForWithoutEnd: each hand-out looks at every block of the session.
func TestKeysAreNotAskedForWithoutEnd(t *testing.T) {
	r := newRig(t, newContent(t, 1<<20), testRate)
	dev := protocol.NewDeviceID()
	var err error
	got := 0
	for range 5 * attachesBurst {
		if _, err = r.sender.Attach(dev, nil, true); err == nil {
			got++
		}
	}
	if got < attachesBurst || got > 2*attachesBurst || groupcast.ErrorCode(err) != groupcast.EExhausted {
		t.Errorf("%d hand-outs, then %v", got, err)
	}
	if _, err := r.sender.Attach(protocol.NewDeviceID(), nil, true); err != nil {
		t.Errorf("another device: %v", err)
	}
}

// TestFeedbackHasOneBudget: a device has no more of it by posting feedback over HTTPS, nor by
// attaching again.
func TestFeedbackHasOneBudget(t *testing.T) {
	r := newRig(t, newContent(t, 1<<20), testRate)
	dev := protocol.NewDeviceID()
	body := wire.AppendFeedback(nil, wire.Feedback{})
	var late error
	for range 3 {
		h, err := r.sender.Attach(dev, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		key, _ := seal.ParseSecret(h.FeedbackKey)
		sealer := seal.NewFeedbackSealer(key, protocol.FeedbackID(h.FeedbackID))
		for range deviceBurst {
			r.station.desk.handle(sealer.Seal(nil, wire.Feedback{}))
			if err := r.sender.Feedback(dev, body); err != nil {
				late = err
			}
		}
	}
	if n := r.sender.machine.Status().Counters.Feedback; n > 2*deviceBurst {
		t.Errorf("the machine heard %d", n)
	}
	if groupcast.ErrorCode(late) != groupcast.EExhausted {
		t.Errorf("feedback over HTTPS beyond the budget: %v", late)
	}
}
