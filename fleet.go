package groupcast

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/groupcast/groupcast/internal/protocol"
)

// FleetService is for administrators: what is done to several devices at once.
type FleetService interface {
	// LabelDevices sets and removes labels of devices, and says what became of each.
	LabelDevices(ctx context.Context, p Principal, c LabelChange) ([]DeviceResult, error)
	// DropOwed cancels what devices are still owed, of one transfer or of all, and says what became of each.
	DropOwed(ctx context.Context, p Principal, d DropOwed) ([]DeviceResult, error)
}

// DeviceFilter narrows a list of devices.
type DeviceFilter struct {
	User   string   // only this user's; empty: everyone's
	Labels []string // KEY=VALUE; one value of each key that is given
}

// LabelChange says which labels of which devices are set and removed.
type LabelChange struct {
	Devices []protocol.DeviceID `json:"devices"`
	Set     Labels              `json:"set,omitempty"`
	Remove  []string            `json:"remove,omitempty"` // keys
}

// Check says why the labels cannot be changed so.
func (c LabelChange) Check() error {
	if err := checkDevices(c.Devices); err != nil {
		return err
	}
	if len(c.Set)+len(c.Remove) == 0 {
		return Errorf(EInvalid, "no label is to be set or removed")
	}
	if n := len(c.Set) + len(c.Remove); n > 2*MaxLabels {
		return Errorf(EInvalid, "%d labels are named: a device has %d at most", n, MaxLabels)
	}
	for key, value := range c.Set {
		if err := CheckLabel(key, value); err != nil {
			return err
		}
	}
	for _, key := range c.Remove {
		if err := CheckLabelKey(key); err != nil {
			return err
		}
		if _, both := c.Set[key]; both {
			return Errorf(EInvalid, "the label %s is to be set and to be removed", key)
		}
	}
	return nil
}

// String is the change as one types it: room=2 kind-
func (c LabelChange) String() string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(c.Set)) {
		all = append(all, key+"="+c.Set[key])
	}
	for _, key := range c.Remove {
		all = append(all, key+"-")
	}
	return strings.Join(all, " ")
}

func checkDevices(ids []protocol.DeviceID) error {
	switch n := len(ids); {
	case n == 0:
		return Errorf(EInvalid, "no device is named")
	case n > MaxAtOnce:
		return Errorf(EInvalid, "%d devices are named, %d at most in one call", n, MaxAtOnce)
	}
	return nil
}

// DropOwed says of which devices what they are owed is cancelled.
type DropOwed struct {
	Devices  []protocol.DeviceID `json:"devices"`
	Transfer protocol.TransferNo `json:"transfer,omitempty"` // 0: all that they are owed
}

// Check says why this cannot be asked.
func (d DropOwed) Check() error { return checkDevices(d.Devices) }

// DeviceResult is what became of one device of several. Without a code it was done.
type DeviceResult struct {
	DeviceID protocol.DeviceID `json:"device_id"`
	User     string            `json:"user,omitempty"`
	Device   string            `json:"device,omitempty"`
	Labels   Labels            `json:"labels,omitempty"`  // that it has now
	Dropped  []string          `json:"dropped,omitempty"` // what it is owed no more: the transfers, as "12 course.zip"
	Site     string            `json:"site,omitempty"`    // that it is in now, if it was put into one
	Code     Code              `json:"code,omitempty"`    // why nothing was done
	Problem  string            `json:"problem,omitempty"` // the same in words
}

// Who names the device with its user.
func (r DeviceResult) Who() string {
	if r.Device == "" {
		return r.DeviceID.String()
	}
	return r.User + "/" + r.Device
}

// ResultOf says what became of a device; nil: it was done.
func ResultOf(d Device, err error) DeviceResult {
	r := DeviceResult{DeviceID: d.ID, User: d.User, Device: d.Name}
	if err == nil {
		return r
	}
	r.Code, r.Problem = EInternal, "an internal error: the server's log has it"
	var e *Error
	if errors.As(err, &e) {
		r.Code, r.Problem = e.Code, e.Message
	}
	return r
}
