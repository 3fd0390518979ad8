package sender

import (
	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Hand-outs of a session to one device, a second and at once: each looks at every block.
const (
	attachesSecond = 1
	attachesBurst  = 10
)

// device is a device of a session. Its index in Sender.devices is its handle in the machine.
type device struct {
	id       protocol.DeviceID
	feedback protocol.FeedbackID // of its latest hand-out
	reports  *rate.Limiter       // limits its feedback
	attaches *rate.Limiter       // limits its hand-outs
}

func newDevice(id protocol.DeviceID) *device {
	return &device{
		id:       id,
		reports:  rate.NewLimiter(deviceFeedback, deviceBurst),
		attaches: rate.NewLimiter(attachesSecond, attachesBurst),
	}
}
