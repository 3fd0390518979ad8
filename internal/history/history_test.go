package history

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/telemetry"
)

var (
	noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ann  = protocol.DeviceID{1}
)

// shelf is a store of series.
type shelf struct {
	mu    sync.Mutex
	of    map[protocol.TransferNo][]byte
	reads int
	fails error // of writing
}

func (s *shelf) SetSeries(_ context.Context, no protocol.TransferNo, points []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		return s.fails
	}
	s.of[no] = points
	return nil
}

func (s *shelf) Series(_ context.Context, no protocol.TransferNo) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	b, found := s.of[no]
	if !found {
		return nil, groupcast.Errorf(groupcast.ENotFound, "no series")
	}
	return b, nil
}

type fixture struct {
	*History
	shelf *shelf
	log   *bytes.Buffer
}

func open(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{shelf: &shelf{of: map[protocol.TransferNo][]byte{}}, log: &bytes.Buffer{}}
	f.reopen()
	return f
}

// reopen is a start of the server.
func (f *fixture) reopen() { f.History = New(f.shelf, slog.New(slog.NewTextHandler(f.log, nil))) }

// sample is one of a session that sends 100 bytes a second, so many seconds after noon.
func sample(second int) telemetry.Sample {
	return telemetry.Sample{
		At: noon.Add(time.Duration(second) * time.Second), Running: true, Wire: uint64(100 * second), Size: 10_000,
		Verified: map[protocol.DeviceID]uint64{ann: uint64(90 * second)},
	}
}

func (f *fixture) add(no protocol.TransferNo, seconds ...int) {
	for _, s := range seconds {
		f.Add(context.Background(), no, sample(s))
	}
}

func TestASeriesGoesOnWithWhatIsKept(t *testing.T) {
	f, ctx := open(t), context.Background()
	if got := f.Points(ctx, 1); len(got) != 0 {
		t.Fatalf("of a transfer that never moved: %+v", got)
	}
	f.add(1, 1, 2, 3)
	f.Save(ctx, noon.Add(3*time.Second)) // the newest sample is not older
	if len(f.shelf.of) != 0 {
		t.Fatal("a series that moves was put away")
	}
	before := f.Points(ctx, 1)
	f.Save(ctx, noon.Add(4*time.Second))
	if len(f.shelf.of) != 1 {
		t.Fatal("a quiet series was not put away")
	}
	f.reopen()
	after := f.Points(ctx, 1)
	if len(before) != 3 || len(after) != 3 || !after[2].At.Equal(before[2].At) {
		t.Fatalf("before %+v, after a start %+v", before, after)
	}
	f.add(1, 60, 61)
	if got := f.Points(ctx, 1); len(got) != 5 || !got[0].At.Equal(before[0].At) {
		t.Fatalf("after it went on: %+v", got)
	}
}

func TestWhatShowsNothingNewAddsNothing(t *testing.T) {
	f, ctx := open(t), context.Background()
	over := telemetry.Sample{At: noon, HTTPS: 5, Verified: map[protocol.DeviceID]uint64{ann: 5}}
	for second := range 4 {
		over.At = noon.Add(time.Duration(second) * time.Second)
		f.Add(ctx, 1, over)
	}
	if got := f.Points(ctx, 1); len(got) != 1 {
		t.Fatalf("%d points of a download that stands still", len(got))
	}
	over.HTTPS++
	f.Add(ctx, 1, over)
	if got := f.Points(ctx, 1); len(got) != 2 {
		t.Fatalf("%d points after it moved", len(got))
	}
}

func TestALossMapIsDrawnOfThoseThatReport(t *testing.T) {
	f, ctx := open(t), context.Background()
	f.add(1, 1, 2)
	if f.Loss(ctx, 1) != nil {
		t.Fatal("a map without any loss reported")
	}
	lossy := sample(3)
	lossy.Losses = map[protocol.DeviceID]float64{ann: 7.5}
	f.Add(ctx, 1, lossy)
	devices := []groupcast.Delivery{{DeviceID: ann, Device: "pc"}}
	if m := f.Loss(ctx, 1).Show(devices); len(m.Devices) != 1 || m.Devices[0].Mean != 7.5 {
		t.Fatalf("while it runs: %+v", m)
	}
	f.Save(ctx, noon.Add(time.Hour))
	f.reopen()
	if m := f.Loss(ctx, 1).Show(devices); len(m.Devices) != 1 || m.Devices[0].Mean != 7.5 {
		t.Fatalf("after a start: %+v", m)
	}
}

func TestWhatIsInMemoryIsBounded(t *testing.T) {
	f, ctx := open(t), context.Background()
	lossy := sample(1)
	lossy.Losses = map[protocol.DeviceID]float64{ann: 1}
	for no := range protocol.TransferNo(maxSeries + 5) {
		f.Add(ctx, no, lossy)
	}
	if len(f.of) != maxSeries {
		t.Errorf("%d series are in memory, want %d", len(f.of), maxSeries)
	}
	drawn := 0
	for no := range f.of {
		if f.Loss(ctx, no) != nil {
			drawn++
		}
	}
	if drawn != maxLossMaps {
		t.Errorf("%d loss maps are in memory, want %d", drawn, maxLossMaps)
	}
	reads := f.shelf.reads
	f.Add(ctx, maxSeries+2, lossy)
	if f.shelf.reads != reads {
		t.Error("what there is no room for is read all the same")
	}
}

func TestAStoreThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		says string
	}{
		"full":    {errors.New("the disk is full"), "the disk is full"},
		"deleted": {groupcast.Errorf(groupcast.ENotFound, "no such transfer"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, ctx := open(t), context.Background()
			f.add(1, 1)
			f.shelf.fails = test.err
			f.Save(ctx, noon.Add(time.Hour))
			if len(f.of) != 0 {
				t.Error("it stays in memory")
			}
			if said := f.log.String(); (said != "") != (test.says != "") || !strings.Contains(said, test.says) {
				t.Errorf("logged: %q", said)
			}
		})
	}
}

func TestASeriesThatCannotBeReadBeginsAnew(t *testing.T) {
	f, ctx := open(t), context.Background()
	f.shelf.of[1] = []byte("not a series")
	if got := f.Points(ctx, 1); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
	f.add(1, 1)
	if got := f.Points(ctx, 1); len(got) != 1 || !strings.Contains(f.log.String(), "cannot be read") {
		t.Fatalf("%+v; logged %q", got, f.log)
	}
}

func TestFromManyGoroutines(t *testing.T) {
	f, ctx := open(t), context.Background()
	var all sync.WaitGroup
	for no := range protocol.TransferNo(8) {
		all.Go(func() {
			for second := range 200 {
				f.Add(ctx, no, sample(second))
				f.Points(ctx, no)
				f.Loss(ctx, no)
			}
		})
		all.Go(func() {
			for range 50 {
				f.Save(ctx, noon.Add(-time.Hour))
			}
		})
	}
	all.Wait()
	for no := range protocol.TransferNo(8) {
		if got := f.Points(ctx, no); len(got) == 0 {
			t.Errorf("nothing is known of transfer %d", no)
		}
	}
}
