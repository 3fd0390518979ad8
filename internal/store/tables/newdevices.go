package tables

import (
	"context"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// askForDevice keeps a request for a new device in each group where it has to wait. It comes
// before the device is owed anything.
func askForDevice(ctx context.Context, q *queries.Queries, d groupcast.Device, at time.Time) error {
	groups, err := q.GroupsOfUser(ctx, d.UserID)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if groupcast.NewDevices(g.Group.NewDevices) != groupcast.NewDevicesApprove {
			continue
		}
		if err := q.AddRequest(ctx, queries.AddRequestParams{
			ID: newID(at), GroupID: g.Group.ID, UserID: d.UserID, AskedAt: micros(at), DeviceID: deviceText(d.ID),
		}); err != nil {
			return err
		}
	}
	return nil
}

// AdmitDevice lets a device into a group of its user.
func (s *Store) AdmitDevice(
	ctx context.Context, group protocol.GroupID, dev protocol.DeviceID, by string, at time.Time,
) (r groupcast.JoinRequest, owed []groupcast.Delivery, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if owed, err = admitDevice(ctx, q, group, dev, by, micros(at)); err != nil {
			return err
		}
		r, err = deviceRequest(ctx, q, group, dev)
		return err
	})
	return r, owed, err
}

func admitDevice(
	ctx context.Context, q *queries.Queries, group protocol.GroupID, dev protocol.DeviceID, by string, at int64,
) ([]groupcast.Delivery, error) {
	d, err := q.Device(ctx, deviceText(dev))
	if err != nil {
		return nil, missing(err, "device", dev)
	}
	n, err := q.DecideDevice(ctx, queries.DecideDeviceParams{
		State: string(groupcast.RequestApproved), DecidedAt: at, DecidedBy: by, GroupID: group.String(),
		DeviceID: deviceText(dev),
	})
	if err = touched(n, err, "request", "of this device for this group"); err != nil {
		return nil, err
	}
	whole, err := deviceFrom(d.Device, d.UserName)
	if err != nil {
		return nil, err
	}
	if _, err := takeOver(ctx, q, whole, at); err != nil {
		return nil, err
	}
	rows, err := q.OwedToMember(ctx, queries.OwedToMemberParams{UserID: whole.UserID, GroupID: group.String()})
	if err != nil {
		return nil, err
	}
	owed, err := each(rows, func(r queries.OwedToMemberRow) (groupcast.Delivery, error) {
		return deliveryFrom(r.Delivery, r.GroupName)
	})
	return slices.DeleteFunc(owed, func(o groupcast.Delivery) bool { return o.DeviceID != dev }), err
}

func deviceRequest(
	ctx context.Context, q *queries.Queries, group protocol.GroupID, dev protocol.DeviceID,
) (groupcast.JoinRequest, error) {
	id, err := q.DeviceRequest(ctx, queries.DeviceRequestParams{GroupID: group.String(), DeviceID: deviceText(dev)})
	if err != nil {
		return groupcast.JoinRequest{}, missing(err, "request", "of this device for this group")
	}
	return request(ctx, q, id)
}

// DenyDevice keeps a device that waits out of a group.
func (s *Store) DenyDevice(
	ctx context.Context, group protocol.GroupID, dev protocol.DeviceID, by string, at time.Time,
) (r groupcast.JoinRequest, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if r, err = deviceRequest(ctx, q, group, dev); err != nil {
			return err
		}
		if r.State != groupcast.RequestOpen {
			return groupcast.Errorf(groupcast.ENotFound, "the device %s does not wait for the group %s: it is %s", r.Who(),
				r.Group, r.State).
				WithHint("to stop a device that may receive, revoke it").
				WithNext(groupcast.Next{Step: groupcast.StepRevokeDevice})
		}
		if _, err := q.DecideDevice(ctx, queries.DecideDeviceParams{
			State: string(groupcast.RequestDenied), DecidedAt: micros(at), DecidedBy: by, GroupID: group.String(),
			DeviceID: deviceText(dev),
		}); err != nil {
			return err
		}
		r, err = deviceRequest(ctx, q, group, dev)
		return err
	})
	return r, err
}

// SetNewDevices says what becomes of new devices.
func (s *Store) SetNewDevices(
	ctx context.Context, id protocol.GroupID, n groupcast.NewDevices, by string, at time.Time,
) (owed []groupcast.Delivery, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		rows, err := q.SetNewDevices(ctx, queries.SetNewDevicesParams{NewDevices: string(n), ID: id.String()})
		if err = touched(rows, err, "group", id.String()); err != nil || n == groupcast.NewDevicesApprove {
			return err
		}
		waiting, err := q.WaitingDevices(ctx, id.String())
		if err != nil {
			return err
		}
		owed = nil // a change may be tried again
		for _, text := range waiting {
			dev, err := deviceID(text)
			if err != nil {
				return err
			}
			more, err := admitDevice(ctx, q, id, dev, by, micros(at))
			if err != nil {
				return err
			}
			owed = append(owed, more...)
		}
		return nil
	})
	return owed, err
}

// GroupsOfDevice lists the groups that a device is admitted to, by name.
func (s *Store) GroupsOfDevice(ctx context.Context, dev protocol.DeviceID) (out []groupcast.Group, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.GroupsOfDevice(ctx, deviceText(dev))
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.Group) (groupcast.Group, error) { return groupFrom(r, 0, 0) })
		return err
	})
	return out, err
}

// Withheld lists the groups of a device's user that it is not admitted to, by name.
func (s *Store) Withheld(ctx context.Context, dev protocol.DeviceID) (out []groupcast.WithheldGroup, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Withheld(ctx, deviceText(dev))
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.WithheldRow) (groupcast.WithheldGroup, error) {
			return groupcast.WithheldGroup{Name: r.Name, State: groupcast.RequestState(r.State)}, nil
		})
		return err
	})
	return out, err
}
