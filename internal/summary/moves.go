package summary

import (
	"errors"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/schedule"
)

// CannotMove says to an administrator why the schedule does not move a device now. unfit says why a device's
// version does not fit. What is none of the schedule's refusals comes back as it is.
func CannotMove(err error, unfit func() string) error {
	conflict := func(message, hint string) *groupcast.Error {
		return groupcast.Errorf(groupcast.EConflict, "%s", message).WithHint("%s", hint)
	}
	switch {
	case errors.Is(err, schedule.ErrHeld):
		return conflict("the transfer is held: it goes to nobody", "release it first").
			WithNext(groupcast.Next{Step: groupcast.StepRelease})
	case errors.Is(err, schedule.ErrSuspended):
		return conflict("the transfer is paused: it goes to nobody", "resume it first")
	case errors.Is(err, schedule.ErrUnread):
		return conflict("the server still reads its files", "it is served by itself when they are read")
	case errors.Is(err, schedule.ErrAway):
		return conflict("its receiver is not connected", "it is served by itself when it comes back")
	case errors.Is(err, schedule.ErrUnfit):
		return conflict(unfit(), "it is served by itself when it attaches again with a version that fits")
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
