package sender

import (
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

func TestForgedFeedbackIsCounted(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	dev, h := r.attach()
	sealer := sealerOf(t, h)
	key, _ := seal.ParseSecret(h.FeedbackKey)
	good := sealer.Seal(nil, wire.Feedback{})
	demux := &r.endpoint.demux
	demux.handle(good)
	demux.handle(good) // replayed
	demux.handle(good[:20])
	demux.handle(seal.NewFeedbackSealer(key, seal.NewFeedbackID()).Seal(nil, wire.Feedback{}))
	got := demux.drops.Counts()
	if got["key"] != 1 || got["length"] != 1 || got["tag"] != 1 {
		t.Errorf("%v", got)
	}
	if n := r.sender.machine.Status().Counters.Feedback; n != 1 {
		t.Errorf("the machine heard %d", n)
	}
	for range 2 * deviceBurst {
		demux.handle(sealer.Seal(nil, wire.Feedback{}))
	}
	if got := demux.drops.Counts()["budget"]; got == 0 || got > 2*deviceBurst {
		t.Errorf("%d over the device's budget", got)
	}
	r.sender.Detach(dev, "removed")
	demux.handle(sealer.Seal(nil, wire.Feedback{}))
	if got := demux.drops.Counts()["tag"]; got != 2 {
		t.Errorf("feedback of a detached device: %v", demux.drops.Counts())
	}
}

// TestFeedbackHasOneBudget: a device has no more of it by posting feedback over HTTPS, nor by
// attaching again.
func TestFeedbackHasOneBudget(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	dev := protocol.NewDeviceID()
	body := wire.AppendFeedback(nil, wire.Feedback{})
	var late error
	for range 3 {
		h, err := r.sender.Attach(dev, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		sealer := sealerOf(t, h)
		for range deviceBurst {
			r.endpoint.demux.handle(sealer.Seal(nil, wire.Feedback{}))
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
