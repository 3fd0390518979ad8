package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/session"
)

const (
	sampleEvery = time.Second
	sampleSpan  = 5               // samples that a receiver's rate is taken over: reports come slower than once a second
	seriesQuiet = 5 * time.Second // then a series goes to the store and out of memory
	maxSeries   = 1000            // transfers sampled at a time
	maxEncoded  = 4 << 20         // bytes of a series, decoded
)

// sample is what is known of a transfer at one moment; counters only grow within a session.
type sample struct {
	at             time.Time
	running        bool // a session sends
	session        protocol.SessionID
	wire, https    uint64 // bytes sent so far
	source, parity uint64 // symbols sent so far
	loss           float64
	limiter        string
	size           uint64 // of the transfer
	verified       map[protocol.DeviceID]uint64
	losses         map[protocol.DeviceID]float64 // percent, of those who reported lately
}

// series are the points of one transfer, at most MaxPoints.
type series struct {
	points []groupcast.Point
	step   int // samples that make one point
	open   []groupcast.Point
	recent []sample // the last sampleSpan
	loss   *lossMap // nil: none is drawn
}

// seriesBook holds the series of transfers that move now.
type seriesBook struct {
	mu sync.Mutex
	of map[protocol.TransferNo]*series
}

// idle says that a sample without a session tells nothing new.
func (s *series) idle(now sample) bool {
	if len(s.recent) == 0 || now.running {
		return false
	}
	last := s.recent[len(s.recent)-1]
	return now.https == last.https && maps.Equal(now.verified, last.verified)
}

// add turns a sample into a point, given those before it.
func (s *series) add(now sample) {
	if len(s.recent) == 0 {
		s.recent = []sample{{at: now.at.Add(-sampleEvery), https: now.https, verified: map[protocol.DeviceID]uint64{}}}
	}
	s.open = append(s.open, pointOf(s.recent, now))
	s.recent = append(s.recent, now)
	s.recent = s.recent[max(0, len(s.recent)-sampleSpan):]
	s.step = max(s.step, 1)
	if len(s.open) < s.step {
		return
	}
	s.points, s.open = append(s.points, merged(s.open)), s.open[:0]
	if len(s.points) >= groupcast.MaxPoints {
		s.coarsen()
	}
}

// coarsen makes one point of two.
func (s *series) coarsen() {
	half := s.points[:0]
	for pair := range slices.Chunk(s.points, 2) {
		half = append(half, merged(pair))
	}
	s.points, s.step = half, 2*s.step
}

// merged is the mean of points, at the time of the last.
func merged(of []groupcast.Point) groupcast.Point {
	last := of[len(of)-1]
	out := groupcast.Point{At: last.At, Limiter: last.Limiter}
	n := uint64(len(of))
	for _, p := range of {
		out.Sent += p.Sent / n
		out.Repair += p.Repair / n
		out.P10 += p.P10 / n
		out.P50 += p.P50 / n
		out.P90 += p.P90 / n
		out.Loss += p.Loss / float64(n)
	}
	return out
}

func pointOf(before []sample, now sample) groupcast.Point {
	last := before[len(before)-1]
	if last.session != now.session {
		last.wire, last.source, last.parity = 0, 0, 0 // a session counts from nothing
	}
	seconds := max(now.at.Sub(last.at), sampleEvery/4).Seconds()
	wire := bitsPerSecond(now.wire, last.wire, seconds)
	p := groupcast.Point{At: now.at, Sent: wire + bitsPerSecond(now.https, last.https, seconds), Loss: now.loss, Limiter: now.limiter}
	parity, all := since(now.parity, last.parity), since(now.parity+now.source, last.parity+last.source)
	if all > 0 {
		p.Repair = uint64(float64(wire) * float64(parity) / float64(all))
	}
	p.P10, p.P50, p.P90 = goodput(before[0], now)
	return p
}

func since(now, before uint64) uint64 { return now - min(now, before) }

func bitsPerSecond(now, before uint64, seconds float64) uint64 {
	return uint64(float64(since(now, before)) * 8 / seconds)
}

// goodput says what the receivers that still lacked something verified in bits a second.
func goodput(before, now sample) (p10, p50, p90 uint64) {
	seconds := max(now.at.Sub(before.at), sampleEvery/4).Seconds()
	var rates []uint64
	for dev, have := range now.verified {
		if had := before.verified[dev]; had < now.size {
			rates = append(rates, bitsPerSecond(have, had, seconds))
		}
	}
	if len(rates) == 0 {
		return 0, 0, 0
	}
	slices.Sort(rates)
	at := func(q float64) uint64 { return rates[int(q*float64(len(rates)-1)+0.5)] }
	return at(0.1), at(0.5), at(0.9)
}

// sampleSeries takes a sample of everything that moves, and puts away what does not any more.
func (s *Server) sampleSeries(ctx context.Context) {
	status := map[protocol.TransferNo]session.SenderStatus{}
	for _, r := range s.live.current() {
		if st := r.sender.Status(); st.Running {
			status[r.no] = st
		}
	}
	now := s.now()
	for no, sm := range s.live.samples(now, status) {
		s.keepSample(ctx, no, sm)
	}
	s.saveSeries(ctx, now.Add(-seriesQuiet))
}

func (s *Server) keepSample(ctx context.Context, no protocol.TransferNo, sm sample) {
	s.series.mu.Lock()
	known, full := s.series.of[no], len(s.series.of) >= maxSeries
	s.series.mu.Unlock()
	if known == nil {
		if full {
			return
		}
		known = s.storedSeries(ctx, no)
	}
	s.series.mu.Lock()
	defer s.series.mu.Unlock()
	if !known.idle(sm) {
		known.add(sm)
		if known.loss == nil && len(s.series.of) < maxLossMaps && len(sm.losses) > 0 {
			known.loss = newLossMap()
		}
		if known.loss != nil && sm.running {
			known.loss.add(sm.at, sm.losses)
		}
		s.series.of[no] = known
	}
}

// samples looks at what runs or was reported since the last look.
func (l *live) samples(now time.Time, status map[protocol.TransferNo]session.SenderStatus) map[protocol.TransferNo]sample {
	out := map[protocol.TransferNo]sample{}
	for no, st := range status {
		out[no] = sample{
			running: true, session: st.Session.ID, wire: st.Wire, source: st.Session.SourceSent, parity: st.Session.ParitySent,
			loss: st.Session.LossPercent, limiter: st.Session.Limiter, losses: freshLoss(now, st.Devices),
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, e := range l.seen {
		e.pace(now)
		if _, running := out[key.no]; e.dirty && !running {
			out[key.no] = sample{limiter: string(groupcast.PathHTTPS)}
		}
	}
	for no, sm := range out {
		sm.at, sm.size, sm.verified = now, l.infos[no].Bytes, map[protocol.DeviceID]uint64{}
		out[no] = sm
	}
	for key, e := range l.seen {
		if sm, ok := out[key.no]; ok {
			sm.verified[key.dev] = e.bytes
			sm.https += e.gave
			out[key.no] = sm
		}
	}
	return out
}

// freshLoss is the loss of those who reported lately and still receive.
func freshLoss(now time.Time, devices []session.DeviceStatus) map[protocol.DeviceID]float64 {
	out := map[protocol.DeviceID]float64{}
	for _, d := range devices {
		if !d.LastReport.IsZero() && now.Sub(d.LastReport) < lossFresh && !d.Done && d.Behind == "" {
			out[d.Device] = d.LossPercent
		}
	}
	return out
}

// saveSeries writes and forgets the series that were last added to before a time.
func (s *Server) saveSeries(ctx context.Context, before time.Time) {
	quiet := map[protocol.TransferNo]keptSeries{}
	s.series.mu.Lock()
	for no, v := range s.series.of {
		if n := len(v.recent); n > 0 && v.recent[n-1].at.Before(before) {
			quiet[no] = keptSeries{v.all(), v.loss.clone()}
		}
	}
	s.series.mu.Unlock()
	for no, kept := range quiet {
		if err := s.writeSeries(ctx, no, kept); err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
			s.log.Error("a transfer's series could not be written", "transfer", no, slog.Any("err", err))
		}
		s.series.mu.Lock()
		delete(s.series.of, no)
		s.series.mu.Unlock()
	}
}

// all are the points with what is not a whole one yet.
func (s *series) all() []groupcast.Point {
	out := slices.Clone(s.points)
	if len(s.open) > 0 {
		out = append(out, merged(s.open))
	}
	return out
}

// keptSeries is what the store keeps of a transfer. Older servers kept the points alone.
type keptSeries struct {
	Points []groupcast.Point `json:"points"`
	Loss   *lossMap          `json:"loss,omitempty"`
}

func (s *Server) writeSeries(ctx context.Context, no protocol.TransferNo, kept keptSeries) error {
	b, err := zipJSON(kept)
	if err != nil {
		return fmt.Errorf("encode a series: %w", err)
	}
	return s.store.SetSeries(ctx, no, b)
}

func zipJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(v); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unzipSeries(b []byte) (kept keptSeries, err error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return kept, err
	}
	raw, err := io.ReadAll(io.LimitReader(z, maxEncoded))
	if err != nil {
		return kept, err
	}
	if bytes.HasPrefix(raw, []byte("[")) {
		return kept, json.Unmarshal(raw, &kept.Points)
	}
	return kept, json.Unmarshal(raw, &kept)
}

// storedSeries reads what is kept of a transfer; nothing readable is nothing.
func (s *Server) storedSeries(ctx context.Context, no protocol.TransferNo) *series {
	out := &series{step: 1}
	b, err := s.store.Series(ctx, no)
	if err != nil {
		return out
	}
	kept, err := unzipSeries(b)
	if err != nil {
		s.log.Warn("a transfer's series cannot be read", "transfer", no, slog.Any("err", err))
		return out
	}
	out.points = kept.Points
	for len(out.points) >= groupcast.MaxPoints {
		out.coarsen()
	}
	if kept.Loss != nil && kept.Loss.sound() {
		out.loss = kept.Loss
		out.loss.All = map[protocol.DeviceID]lossTotal{}
		for dev, r := range out.loss.Rows {
			out.loss.All[dev] = r.Total
		}
	}
	return out
}

// Series tells how a transfer went.
func (s *Server) Series(ctx context.Context, p groupcast.Principal, no protocol.TransferNo, after time.Time) ([]groupcast.Point, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	points, err := s.allPoints(ctx, no)
	i, _ := slices.BinarySearchFunc(points, after, func(p groupcast.Point, t time.Time) int {
		if p.At.After(t) {
			return 1
		}
		return -1
	})
	return points[i:], err
}

func (s *Server) allPoints(ctx context.Context, no protocol.TransferNo) ([]groupcast.Point, error) {
	s.series.mu.Lock()
	if v := s.series.of[no]; v != nil {
		defer s.series.mu.Unlock()
		return v.all(), nil
	}
	s.series.mu.Unlock()
	if _, err := s.store.Transfer(ctx, no); err != nil {
		return nil, err
	}
	return s.storedSeries(ctx, no).points, nil
}
