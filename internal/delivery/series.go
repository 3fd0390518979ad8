package delivery

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/telemetry"
)

const (
	seriesQuiet = 5 * time.Second  // then a series goes to the store and out of memory
	maxSeries   = 1000             // transfers sampled at a time
	maxLossMaps = 128              // transfers whose loss map is drawn at a time
	lossFresh   = 10 * time.Second // a report older than this says nothing of this second
)

// seriesBook holds the series of transfers that move now.
type seriesBook struct {
	mu sync.Mutex
	of map[protocol.TransferNo]*telemetry.Series
}

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
		e.keepSample(ctx, no, sm)
	}
	e.saveSeries(ctx, now.Add(-seriesQuiet))
}

func (e *Engine) keepSample(ctx context.Context, no protocol.TransferNo, sm telemetry.Sample) {
	e.series.mu.Lock()
	known, full := e.series.of[no], len(e.series.of) >= maxSeries
	e.series.mu.Unlock()
	if known == nil {
		if full {
			return
		}
		known = e.storedSeries(ctx, no)
	}
	e.series.mu.Lock()
	defer e.series.mu.Unlock()
	if known.Idle(sm) {
		return
	}
	if len(e.series.of) < maxLossMaps && len(sm.Losses) > 0 {
		known.Draw()
	}
	known.Add(sm)
	e.series.of[no] = known
}

// samples looks at what runs or was reported since the last look.
func (e *Engine) samples(now time.Time, status map[protocol.TransferNo]sender.Status) map[protocol.TransferNo]telemetry.Sample {
	out := map[protocol.TransferNo]telemetry.Sample{}
	for no, st := range status {
		out[no] = telemetry.Sample{
			Running: true, Session: st.Session.ID, Wire: st.Wire, Source: st.Session.SourceSent, Parity: st.Session.ParitySent,
			Loss: st.Session.LossPercent, Limiter: st.Session.Limiter, Losses: freshLoss(now, st.Devices),
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, p := range e.seen {
		p.pace.Look(now, p.bytes)
		if _, running := out[key.no]; p.dirty && !running {
			out[key.no] = telemetry.Sample{Limiter: string(groupcast.PathHTTPS)}
		}
	}
	for no, sm := range out {
		sm.At, sm.Size, sm.Verified = now, e.infos[no].Bytes, map[protocol.DeviceID]uint64{}
		out[no] = sm
	}
	for key, p := range e.seen {
		if sm, ok := out[key.no]; ok {
			sm.Verified[key.dev] = p.bytes
			sm.HTTPS += p.gave
			out[key.no] = sm
		}
	}
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

// saveSeries writes and forgets the series that were last added to before a time.
func (e *Engine) saveSeries(ctx context.Context, before time.Time) {
	quiet := map[protocol.TransferNo][]byte{}
	e.series.mu.Lock()
	for no, v := range e.series.of {
		if !v.Last().Before(before) {
			continue
		}
		encoded, err := v.Encode()
		if err != nil {
			e.log.Error("a transfer's series could not be encoded", "transfer", no, slog.Any("err", err))
		}
		quiet[no] = encoded
	}
	e.series.mu.Unlock()
	for no, encoded := range quiet {
		if err := e.store.SetSeries(ctx, no, encoded); err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
			e.log.Error("a transfer's series could not be written", "transfer", no, slog.Any("err", err))
		}
		e.series.mu.Lock()
		delete(e.series.of, no)
		e.series.mu.Unlock()
	}
}

// storedSeries reads what is kept of a transfer; nothing readable is nothing.
func (e *Engine) storedSeries(ctx context.Context, no protocol.TransferNo) *telemetry.Series {
	b, err := e.store.Series(ctx, no)
	if err != nil {
		return &telemetry.Series{}
	}
	out, err := telemetry.Decode(b)
	if err != nil {
		e.log.Warn("a transfer's series cannot be read", "transfer", no, slog.Any("err", err))
		return &telemetry.Series{}
	}
	return out
}

// Series tells how a transfer went after some time.
func (e *Engine) Series(ctx context.Context, no protocol.TransferNo, after time.Time) ([]groupcast.Point, error) {
	points, err := e.allPoints(ctx, no)
	i, _ := slices.BinarySearchFunc(points, after, func(p groupcast.Point, t time.Time) int {
		if p.At.After(t) {
			return 1
		}
		return -1
	})
	return points[i:], err
}

func (e *Engine) allPoints(ctx context.Context, no protocol.TransferNo) ([]groupcast.Point, error) {
	e.series.mu.Lock()
	if v := e.series.of[no]; v != nil {
		defer e.series.mu.Unlock()
		return v.Points(), nil
	}
	e.series.mu.Unlock()
	if _, err := e.store.Transfer(ctx, no); err != nil {
		return nil, err
	}
	return e.storedSeries(ctx, no).Points(), nil
}

// LossMap tells the loss of a transfer's devices over its whole time.
func (e *Engine) LossMap(ctx context.Context, no protocol.TransferNo) (groupcast.LossMap, error) {
	all, err := e.store.Deliveries(ctx, no, groupcast.Window{})
	if err != nil {
		return groupcast.LossMap{}, err
	}
	e.series.mu.Lock()
	known := e.series.of[no]
	var m *telemetry.LossMap
	if known != nil {
		m = known.Loss()
	}
	e.series.mu.Unlock()
	if known == nil {
		m = e.storedSeries(ctx, no).Loss()
	}
	return m.Show(all.Rows), nil
}
