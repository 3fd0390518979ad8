package delivery

import (
	"errors"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
)

// ErrUnconfirmed says that nothing is sent: the server's state is an earlier one, and the memberships are
// not confirmed.
var ErrUnconfirmed = groupcast.Errorf(groupcast.EUnconfirmed, "%s", groupcast.Unconfirmed).
	WithHint("check who is in which group, then confirm the memberships").
	WithNext(groupcast.Next{Step: groupcast.StepConfirm})

// cannotMove says to an administrator why a device cannot be moved now; nil if it was.
func (e *Engine) cannotMove(dev protocol.DeviceID, err error) error {
	conflict := func(message, hint string) *groupcast.Error {
		return groupcast.Errorf(groupcast.EConflict, "%s", message).WithHint("%s", hint)
	}
	switch {
	case errors.Is(err, schedule.ErrNotOwed):
		return errNotOwed
	case errors.Is(err, schedule.ErrPaused):
		return ErrUnconfirmed
	case errors.Is(err, schedule.ErrHeld):
		return conflict("the transfer is held: it goes to nobody", "release it first").
			WithNext(groupcast.Next{Step: groupcast.StepRelease})
	case errors.Is(err, schedule.ErrSuspended):
		return conflict("the transfer is paused: it goes to nobody", "resume it first")
	case errors.Is(err, schedule.ErrAway):
		return conflict("its receiver is not connected", "it is served by itself when it comes back")
	case errors.Is(err, schedule.ErrUnfit):
		e.mu.Lock()
		defer e.mu.Unlock()
		return conflict(e.sched.Unfit(dev), "it is served by itself when it attaches again with a version that fits")
	case errors.Is(err, schedule.ErrStored):
		return conflict("it has every block already and puts the files in place", "wait a moment for its receipt")
	case errors.Is(err, schedule.ErrOccupied):
		return conflict("it receives another transfer with the same files first", "wait for that one, or drop it")
	case errors.Is(err, schedule.ErrFetches):
		return conflict("it fetches over HTTPS already", "wait for it, or drop it")
	case errors.Is(err, schedule.ErrPutOffAlready):
		return conflict("it is put off already", "let it catch up to serve it now").
			WithNext(groupcast.Next{Step: groupcast.StepCatchUp})
	}
	return err
}
