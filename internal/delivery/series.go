package delivery

import (
	"context"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/telemetry"
)

const (
	seriesQuiet = 5 * time.Second  // then a series goes to the store and out of memory
	lossFresh   = 10 * time.Second // a report older than this says nothing of this second
)

// sampleSeries takes a sample of everything that moves, and puts away what does not any more.
func (e *Engine) sampleSeries(ctx context.Context) {
	status := map[protocol.TransferNo]sender.Status{}
	for _, r := range e.current() {
		if st := r.sender.Status(); st.Running {
			status[r.no] = st
		}
	}
	now := e.now()
	for no, sm := range e.samples(now, status) {
		e.history.Add(ctx, no, sm)
	}
	e.history.Save(ctx, now.Add(-seriesQuiet))
}

// samples looks at what runs or was reported since the last look.
func (e *Engine) samples(
	now time.Time, status map[protocol.TransferNo]sender.Status,
) map[protocol.TransferNo]telemetry.Sample {
	out := map[protocol.TransferNo]telemetry.Sample{}
	for no, st := range status {
		out[no] = telemetry.Sample{
			Running: true, Session: st.Session.ID, Wire: st.Wire, Source: st.Session.SourceSent, Parity: st.Session.ParitySent,
			Loss: st.Session.LossPercent, Limiter: st.Session.Limiter, Losses: freshLoss(now, st.Devices),
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.book.Sample(now, out, func(no protocol.TransferNo) uint64 { return e.infos[no].Bytes })
	return out
}

// freshLoss is the loss of those who reported lately and still receive.
func freshLoss(now time.Time, devices []sender.DeviceStatus) map[protocol.DeviceID]float64 {
	out := map[protocol.DeviceID]float64{}
	for _, d := range devices {
		if !d.LastReport.IsZero() && now.Sub(d.LastReport) < lossFresh && !d.Done && d.Behind == "" {
			out[d.Device] = d.LossPercent
		}
	}
	return out
}

// Series returns the course of a transfer after some time.
func (e *Engine) Series(ctx context.Context, no protocol.TransferNo, after time.Time) ([]groupcast.Point, error) {
	if _, err := e.store.Transfer(ctx, no); err != nil {
		return nil, err
	}
	points := e.history.Points(ctx, no)
	i, _ := slices.BinarySearchFunc(points, after, func(p groupcast.Point, t time.Time) int {
		if p.At.After(t) {
			return 1
		}
		return -1
	})
	return points[i:], nil
}

// LossMap returns the loss of a transfer's devices over its whole time.
func (e *Engine) LossMap(ctx context.Context, no protocol.TransferNo) (groupcast.LossMap, error) {
	all, err := e.store.Deliveries(ctx, no, groupcast.Window{})
	if err != nil {
		return groupcast.LossMap{}, err
	}
	return e.history.Loss(ctx, no).Show(all.Rows), nil
}
