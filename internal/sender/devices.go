package sender

import (
	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Hand-outs of a session to one device: each looks at every block of it.
const (
	attachesSecond = 1
	attachesBurst  = 10
)

// attached is a device by its handle, which is its index in Sender.devices.
type attached struct {
	id       protocol.DeviceID
	feedback protocol.FeedbackID // zero: detached
	budget   *rate.Limiter       // of its feedback
	attaches *rate.Limiter       // of hand-outs
}

func newAttached(id protocol.DeviceID) *attached {
	return &attached{
		id: id, budget: rate.NewLimiter(deviceFeedback, deviceBurst), attaches: rate.NewLimiter(attachesSecond, attachesBurst),
	}
}
