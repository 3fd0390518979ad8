package sender

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

func TestMeterMeasuresWhatLeaves(t *testing.T) {
	begin := time.Unix(1000, 0)
	for _, c := range []struct {
		name  string
		after time.Duration
		bytes uint64
		paced uint64
		want  uint64
	}{
		{"too soon to measure", meterEvery / 2, 1 << 30, 400, 400},
		{"slower than paced", time.Second, 100, 500, 100},
		{"never faster than paced", time.Second, 10_000, 500, 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m meter
			if got := m.rate(begin, 0, 500); got != 500 {
				t.Errorf("at first %d", got)
			}
			if got := m.rate(begin.Add(c.after), c.bytes, c.paced); got != c.want {
				t.Errorf("got %d", got)
			}
		})
	}
}

func TestRemainingTime(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	total := float64(r.sender.format.size())
	for _, c := range []struct {
		name     string
		rate     uint64
		progress float64
		want     time.Duration
	}{
		{"no rate", 0, 0.5, 0},
		{"done", 1000, 1, 0},
		{"half", uint64(total / 20), 0.5, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := r.sender.remaining(send.Status{Rate: c.rate}, c.progress)
			if d := got - c.want; d.Abs() > time.Second {
				t.Errorf("got %s", got)
			}
		})
	}
}

// TestStatusShowsDevices: what a device reports is what the status says of it.
func TestStatusShowsDevices(t *testing.T) {
	r := newRig(t, contenttest.New(t, 1<<20), testRate)
	dev, _ := r.attach()
	r.attach()
	if err := r.sender.Feedback(dev, wire.AppendFeedback(nil, wire.Feedback{Verified: 2})); err != nil {
		t.Fatal(err)
	}
	st := r.sender.Status()
	if len(st.Devices) != 2 || st.Running || st.Forging != nil || st.Session.Devices != 2 {
		t.Fatalf("got %+v", st)
	}
	if d := st.Devices[0]; d.Device != dev || d.Blocks != 2 || d.LastReport.IsZero() || d.Done || d.Behind != "" {
		t.Errorf("the device that reported: %+v", d)
	}
	if d := st.Devices[1]; !d.LastReport.IsZero() {
		t.Errorf("the device that did not: %+v", d)
	}
	if r.sender.Failed(protocol.Range{First: 1, Count: 1}) {
		t.Error("a block counts as failed that nobody reported")
	}
	r.sender.Complete(dev)
	if d := r.sender.Status().Devices[0]; !d.Done {
		t.Errorf("after its receipt: %+v", d)
	}
}
