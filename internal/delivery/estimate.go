package delivery

import (
	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/telemetry"
)

// estimate says when shares of a transfer's devices will be done. rate is what the session
// sends in bytes a second: it holds for those who have not shown a rate of their own yet.
func (e *Engine) estimate(tr groupcast.Transfer, rate uint64) []groupcast.Estimate {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, open := e.sched.Transfer(e.now(), tr.No)
	if !open {
		return nil
	}
	moving := make([]telemetry.Ahead, 0, p.Owed)
	for dev, d := range e.sched.Deliveries(tr.No) {
		if a, moves := e.ahead(tr, dev, d, rate); moves {
			moving = append(moving, a)
		}
	}
	return telemetry.Estimates(e.now(), tr.Verified+tr.Incomplete, max(0, tr.Owed-len(moving)), moving)
}

// ahead says what a device lacks, if it takes part; the lock is held.
func (e *Engine) ahead(
	tr groupcast.Transfer, dev protocol.DeviceID, d schedule.Delivery, rate uint64,
) (telemetry.Ahead, bool) {
	if !d.Active {
		return telemetry.Ahead{}, false
	}
	out := telemetry.Ahead{Left: tr.Bytes}
	if bytes, rate, known := e.book.At(tr.No, dev); known {
		out.Left, out.Rate = tr.Bytes-min(bytes, tr.Bytes), rate
	}
	switch d.State {
	case schedule.StateStored:
		out.Left = 0
	case schedule.StateAsked, schedule.StateMulticast:
		if out.Rate == 0 {
			out.Rate = float64(rate)
		}
	case schedule.StateHTTPS:
	default:
		return telemetry.Ahead{}, false
	}
	return out, true
}
