package sender

import (
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/send"
)

// Status is a snapshot of a session.
type Status struct {
	Session groupcast.SessionStatus
	Running bool
	Wire    uint64 // bytes sent, headers included
	Devices []DeviceStatus
	Forging *groupcast.Forging // nil: nobody is known to forge packets
}

// DeviceStatus is one device's progress according to its reports.
type DeviceStatus struct {
	Device      protocol.DeviceID
	Blocks      int // verified
	LossPercent float64
	Bar         [64]byte
	LastReport  time.Time // zero: none yet
	Behind      string    // why it is not waited for; empty: it is
	Done        bool
}

// Status is a snapshot of the session and of the devices attached.
func (s *Sender) Status() Status {
	s.mu.Lock()
	machine, devices := s.machine.Status(), s.machine.Devices()
	out := Status{Running: s.running && !s.ended, Wire: machine.Counters.Bytes}
	sends := s.meter.rate(time.Now(), machine.Counters.Bytes, machine.Rate)
	machine.Limiter, machine.Rate = machine.Holder(sends), sends
	ids := s.devices
	s.mu.Unlock()
	for _, d := range devices {
		out.Devices = append(out.Devices, DeviceStatus{
			Device: ids[d.Device].id, Blocks: s.format.ofContent(d.Verified), LossPercent: 100 * d.Loss, Bar: d.Bar,
			LastReport: d.Heard, Behind: d.Reason, Done: d.Done,
		})
	}
	out.Session = s.describe(machine, devices)
	if machine.ForgerLikely() {
		out.Forging = &groupcast.Forging{Code: groupcast.MemberForges, Devices: machine.Forged, Blocks: machine.ForgedBlocks}
	}
	return out
}

// Failed says whether enough devices reported a wrong digest for every block of the range.
func (s *Sender) Failed(r protocol.Range) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.machine.Failed(s.format.ofSession(r))
}

// meter measures the rate that packets leave at; the machine's rate is the most it may be.
type meter struct {
	at    time.Time
	bytes uint64
	last  uint64 // bytes a second
}

const meterEvery = 200 * time.Millisecond

func (m *meter) rate(now time.Time, bytes, paced uint64) uint64 {
	switch d := now.Sub(m.at); {
	case m.at.IsZero():
		m.last = paced
	case d < meterEvery:
		return min(m.last, paced)
	default:
		m.last = uint64(float64(bytes-m.bytes) / d.Seconds())
	}
	m.at, m.bytes = now, bytes
	return min(m.last, paced)
}

func (s *Sender) describe(m send.Status, devices []send.DeviceStatus) groupcast.SessionStatus {
	c := m.Counters
	out := groupcast.SessionStatus{
		ID: s.offer.Session, Rate: m.Rate * 8, Limiter: string(m.Limiter), Sent: c.Bytes,
		SourceSent: c.Source + c.Resent, ParitySent: c.Proactive + c.Repair,
		Pass: m.Pass, Devices: m.Devices,
		LossPercent: 100 * median(devices, func(d send.DeviceStatus) float64 { return d.Loss }),
	}
	if n := s.format.ofContent(m.Blocks); n > 0 {
		out.Progress = median(devices, func(d send.DeviceStatus) float64 {
			return float64(s.format.ofContent(d.Verified)) / float64(n)
		})
	}
	out.Remaining, out.Marked = s.remaining(m, out.Progress), s.offer.MACs
	return out
}

// remaining estimates the time left from the present rate and what the median device lacks.
func (s *Sender) remaining(m send.Status, progress float64) time.Duration {
	if m.Rate == 0 || progress >= 1 {
		return 0
	}
	left := (1 - progress) * float64(s.format.size())
	return time.Duration(left / float64(m.Rate) * float64(time.Second)).Round(time.Second)
}

func median(devices []send.DeviceStatus, of func(send.DeviceStatus) float64) float64 {
	if len(devices) == 0 {
		return 0
	}
	values := make([]float64, len(devices))
	for i, d := range devices {
		values[i] = of(d)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
