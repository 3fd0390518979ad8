package telemetry

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	lossCloser   = 1.25 // so much more than the mildest row a device must have lost to take its place
	lossReplaced = 4    // rows that change hands in a second at most
)

// LossMap is the loss of a transfer's devices over its time, in at most MaxLossCells cells:
// what gets longer gets coarser, and of more than MaxLossRows devices the worst are drawn.
type LossMap struct {
	Start   time.Time                       `json:"start"`
	Seconds []uint32                        `json:"seconds"` // when each column ended, after Start
	Step    int                             `json:"step"`    // samples that make one column
	Rows    map[protocol.DeviceID]*lossRow  `json:"rows"`
	All     map[protocol.DeviceID]lossTotal `json:"-"` // of every device that was heard
	open    int                             // samples in the column to come
}

// lossRow is one device: a cell for each column, and what the column to come has so far.
type lossRow struct {
	Cells []byte    `json:"cells"`
	Total lossTotal `json:"total"`
	open  lossTotal
}

// lossTotal sums samples of percent.
type lossTotal struct {
	Sum float64 `json:"sum"`
	N   int     `json:"n"`
}

func (t *lossTotal) add(percent float64) { t.Sum, t.N = t.Sum+percent, t.N+1 }

func (t lossTotal) cell() byte {
	if t.N == 0 {
		return groupcast.LossUnknown
	}
	return byte(min(t.Sum/float64(t.N)*groupcast.LossScale+0.5, 100*groupcast.LossScale))
}

func newLossMap() *LossMap {
	return &LossMap{Step: 1, Rows: map[protocol.DeviceID]*lossRow{}, All: map[protocol.DeviceID]lossTotal{}}
}

// add takes one second's loss of every device that reported.
func (m *LossMap) add(at time.Time, loss map[protocol.DeviceID]float64) {
	if m.Start.IsZero() {
		m.Start = at.Add(-SampleEvery)
	}
	for dev, percent := range loss {
		total := m.All[dev]
		total.add(percent)
		m.All[dev] = total
		if m.Rows[dev] == nil && len(m.Rows) < groupcast.MaxLossRows {
			m.draw(dev)
		}
	}
	m.drawWorst(loss)
	for dev, percent := range loss {
		if r := m.Rows[dev]; r != nil {
			r.Total = m.All[dev]
			r.open.add(percent)
		}
	}
	if m.open++; m.open >= m.Step {
		m.close(at)
	}
}

// draw gives a device a row; of what was before it is not known.
func (m *LossMap) draw(dev protocol.DeviceID) {
	m.Rows[dev] = &lossRow{Cells: slices.Repeat([]byte{groupcast.LossUnknown}, len(m.Seconds))}
}

// drawWorst gives the rows of the mildest to devices that lost clearly more.
func (m *LossMap) drawWorst(loss map[protocol.DeviceID]float64) {
	if len(m.All) <= len(m.Rows) {
		return
	}
	var outside []protocol.DeviceID
	for dev := range loss {
		if m.Rows[dev] == nil {
			outside = append(outside, dev)
		}
	}
	worse := func(a, b protocol.DeviceID) int {
		return cmp.Or(-cmp.Compare(m.All[a].Sum, m.All[b].Sum), slices.Compare(a[:], b[:]))
	}
	slices.SortFunc(outside, worse)
	inside := slices.SortedFunc(maps.Keys(m.Rows), worse)
	for i, dev := range outside[:min(len(outside), lossReplaced)] {
		mildest := inside[len(inside)-1-i]
		if m.All[dev].Sum <= lossCloser*m.All[mildest].Sum+1 {
			return
		}
		delete(m.Rows, mildest)
		m.draw(dev)
	}
}

// close ends a column.
func (m *LossMap) close(at time.Time) {
	m.Seconds = append(m.Seconds, uint32(at.Sub(m.Start)/time.Second))
	for _, r := range m.Rows {
		r.Cells, r.open = append(r.Cells, r.open.cell()), lossTotal{}
	}
	m.open = 0
	for len(m.Seconds) > 1 &&
		(len(m.Seconds)*len(m.Rows) > groupcast.MaxLossCells || len(m.Seconds) > groupcast.MaxPoints) {
		m.coarsen()
	}
}

// coarsen makes one column of two.
func (m *LossMap) coarsen() {
	half := m.Seconds[:0]
	for pair := range slices.Chunk(m.Seconds, 2) {
		half = append(half, pair[len(pair)-1])
	}
	m.Seconds, m.Step = half, 2*m.Step
	for _, r := range m.Rows {
		cells := r.Cells[:0]
		for pair := range slices.Chunk(r.Cells, 2) {
			cells = append(cells, meanCell(pair))
		}
		r.Cells = cells
	}
}

func meanCell(of []byte) byte {
	sum, n := 0, 0
	for _, c := range of {
		if c != groupcast.LossUnknown {
			sum, n = sum+int(c), n+1
		}
	}
	if n == 0 {
		return groupcast.LossUnknown
	}
	return byte((sum + n/2) / n)
}

// clone is a copy for who reads or writes it without the lock.
func (m *LossMap) clone() *LossMap {
	if m == nil {
		return nil
	}
	out := *m
	out.Seconds, out.Rows = slices.Clone(m.Seconds), make(map[protocol.DeviceID]*lossRow, len(m.Rows))
	for dev, r := range m.Rows {
		out.Rows[dev] = &lossRow{Cells: slices.Clone(r.Cells), Total: r.Total}
	}
	out.All = maps.Clone(m.All)
	return &out
}

// sound says whether what was read back can be added to.
func (m *LossMap) sound() bool {
	for _, r := range m.Rows {
		if r == nil || len(r.Cells) != len(m.Seconds) {
			return false
		}
	}
	return m.Step > 0 && m.Rows != nil && len(m.Rows) <= groupcast.MaxLossRows &&
		len(m.Rows)*len(m.Seconds) <= groupcast.MaxLossCells
}

// Show names the rows, the worst first.
func (m *LossMap) Show(all []groupcast.Delivery) groupcast.LossMap {
	out := groupcast.LossMap{Seconds: []uint32{}, Devices: []groupcast.LossRow{}}
	if m == nil {
		return out
	}
	out.Start, out.Heard = m.Start, max(len(m.All), len(m.Rows))
	out.Seconds = append(out.Seconds, m.Seconds...)
	for i := range all {
		d := &all[i]
		r := m.Rows[d.DeviceID]
		if r == nil || d.Device == "" {
			continue
		}
		out.Devices = append(out.Devices, groupcast.LossRow{
			DeviceID: d.DeviceID, User: d.User, Device: d.Device, Cells: r.Cells,
			Mean: r.Total.Sum / float64(max(r.Total.N, 1)),
		})
	}
	slices.SortStableFunc(out.Devices, func(a, b groupcast.LossRow) int { return -cmp.Compare(a.Mean, b.Mean) })
	return out
}
