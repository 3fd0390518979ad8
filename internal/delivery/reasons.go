package delivery

import (
	"errors"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/summary"
)

// ErrUnconfirmed says that nothing is sent: the server's state is an earlier one, and the memberships are
// not confirmed.
var ErrUnconfirmed = groupcast.Errorf(groupcast.EUnconfirmed, "%s", groupcast.Unconfirmed).
	WithHint("check who is in which group, then confirm the memberships").
	WithNext(groupcast.Next{Step: groupcast.StepConfirm})

// cannotMove says to an administrator why a device cannot be moved now; nil if it was.
func (e *Engine) cannotMove(no protocol.TransferNo, dev protocol.DeviceID, err error) error {
	switch {
	case errors.Is(err, schedule.ErrNotOwed):
		return errNotOwed
	case errors.Is(err, schedule.ErrPaused):
		return ErrUnconfirmed
	}
	return summary.CannotMove(err, func() string {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.sched.Unfit(no, dev)
	})
}
