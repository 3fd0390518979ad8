package tables

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// unique gives a name that is not among those taken: host, host-2, host-3 …
func unique(name string, taken []string) string {
	candidate := name
	for n := 2; slices.Contains(taken, candidate); n++ {
		candidate = fmt.Sprintf("%s-%d", name, n)
	}
	return candidate
}

// AddDevice makes a device and owes it what is open for its user.
func (s *Store) AddDevice(
	ctx context.Context, d groupcast.Device, at time.Time,
) (groupcast.Device, []groupcast.Delivery, error) {
	return s.AddCopy(ctx, d, store.Copy{}, at)
}

// AddCopy is AddDevice that notes which device was copied.
func (s *Store) AddCopy(
	ctx context.Context, d groupcast.Device, c store.Copy, at time.Time,
) (groupcast.Device, []groupcast.Delivery, error) {
	var owed []groupcast.Delivery
	wanted := d.Name
	err := s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		u, err := q.UserByID(ctx, d.UserID)
		if err != nil {
			return missing(err, "user", d.UserID)
		}
		names, err := q.DeviceNames(ctx, d.UserID)
		if err != nil {
			return err
		}
		if len(names) >= store.MaxDevices {
			return groupcast.Errorf(groupcast.EExhausted, "%s has %d devices already", u.Name, len(names)).
				WithHint("revoke some of them").WithNext(groupcast.Next{Step: groupcast.StepUserDevices, User: u.Name})
		}
		d.User, d.Name, d.CreatedAt = u.Name, unique(wanted, names), instant(micros(at))
		row := deviceRow(d)
		row.CopyOf, row.Machine = deviceText(c.Of), c.Machine
		if err := q.AddDevice(ctx, row); err != nil {
			return err
		}
		if err := askForDevice(ctx, q, d, at); err != nil {
			return err
		}
		owed, err = takeOver(ctx, q, d, micros(at))
		return err
	})
	return d, owed, err
}

// Copies lists the copies of a device on a machine.
func (s *Store) Copies(ctx context.Context, c store.Copy) (out []groupcast.Device, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.CopyOnMachine(ctx, queries.CopyOnMachineParams{CopyOf: deviceText(c.Of), Machine: c.Machine})
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.CopyOnMachineRow) (groupcast.Device,
			error,
		) {
			return deviceFrom(r.Device, r.UserName)
		})
		return err
	})
	return out, err
}

// RekeyDevice gives a device another key.
func (s *Store) RekeyDevice(
	ctx context.Context, id protocol.DeviceID, publicKey []byte, at time.Time,
) ([]groupcast.Delivery, error) {
	var owed []groupcast.Delivery
	err := s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if _, err := q.Device(ctx, deviceText(id)); err != nil {
			return missing(err, "device", id)
		}
		var err error
		if err := q.RekeyDevice(ctx,
			queries.RekeyDeviceParams{PublicKey: publicKey, LastSeen: micros(at), ID: deviceText(id)}); err != nil {
			return err
		}
		if err := q.DeleteTokensOfDevice(ctx, sql.NullString{String: deviceText(id), Valid: true}); err != nil {
			return err
		}
		owed, err = owedTo(ctx, q, id)
		return err
	})
	return owed, err
}

// Logins says how long the logins of devices last.
func (s *Store) Logins(
	ctx context.Context, userID string, w groupcast.Window, held bool,
) (map[protocol.DeviceID]store.DeviceLogin, error) {
	out := map[protocol.DeviceID]store.DeviceLogin{}
	err := s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.DeviceLogins(ctx,
			queries.DeviceLoginsParams{UserID: userID, Most: most(w), Skip: skip(w.From), Held: held})
		if err != nil {
			return err
		}
		groups, err := groupsOfDevices(ctx, q, userID, w)
		if err != nil {
			return err
		}
		for _, r := range rows {
			id, err := deviceID(r.ID)
			if err != nil {
				return err
			}
			out[id] = store.DeviceLogin{
				LastUsed: instant(r.LastUsed), OwedUntil: instant(r.OwedUntil), CopyOf: r.CopyOf,
				Owed: int(r.Owed), Groups: groups[r.ID],
			}
		}
		return nil
	})
	return out, err
}

// groupsOfDevices gives the names of the groups that each device may have files of.
func groupsOfDevices(
	ctx context.Context, q *queries.Queries, userID string, w groupcast.Window,
) (map[string][]string, error) {
	rows, err := q.DeviceGroups(ctx, queries.DeviceGroupsParams{UserID: userID, Most: most(w), Skip: skip(w.From)})
	out := map[string][]string{}
	for _, r := range rows {
		out[r.DeviceID] = append(out[r.DeviceID], r.Name)
	}
	return out, err
}

func takeOver(ctx context.Context, q *queries.Queries, d groupcast.Device, at int64) ([]groupcast.Delivery, error) {
	if err := q.TakeOver(ctx, queries.TakeOverParams{
		DeviceID: deviceText(d.ID), DeviceName: d.Name, UpdatedAt: at, UserID: d.UserID,
	}); err != nil {
		return nil, err
	}
	if err := q.OweDevice(ctx, queries.OweDeviceParams{UpdatedAt: at, DeviceID: deviceText(d.ID)}); err != nil {
		return nil, err
	}
	if err := recountOfUser(ctx, q, d.UserID); err != nil {
		return nil, err
	}
	return owedTo(ctx, q, d.ID)
}

func owedTo(ctx context.Context, q *queries.Queries, id protocol.DeviceID) ([]groupcast.Delivery, error) {
	rows, err := q.Owed(ctx, deviceText(id))
	if err != nil {
		return nil, err
	}
	return each(rows, func(r queries.OwedRow) (groupcast.Delivery, error) { return deliveryFrom(r.Delivery, r.GroupName) })
}

func deviceRow(d groupcast.Device) queries.AddDeviceParams {
	path := d.Path
	if path == "" {
		path = groupcast.PathUnknown
	}
	return queries.AddDeviceParams{
		ID: d.ID.String(), UserID: d.UserID, Name: d.Name, PublicKey: append([]byte{}, d.PublicKey...),
		Os: d.OS, Version: d.Version, CreatedAt: micros(d.CreatedAt), LastSeen: micros(d.LastSeen),
		Address: d.Address, Path: string(path), FreeBytes: int64(d.FreeBytes), Loss: d.LossPercent,
		ClockOff: int64(d.Clock),
	}
}

// Device gives a device by its ID.
func (s *Store) Device(ctx context.Context, id protocol.DeviceID) (d groupcast.Device, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		r, err := q.Device(ctx, deviceText(id))
		if err != nil {
			return missing(err, "device", id)
		}
		d, err = deviceFrom(r.Device, r.UserName)
		return err
	})
	return d, err
}

// DeviceByKey finds a user's device by its public key.
func (s *Store) DeviceByKey(ctx context.Context, userID string, publicKey []byte) (d groupcast.Device, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		r, err := q.DeviceByKey(ctx, queries.DeviceByKeyParams{UserID: userID, PublicKey: publicKey})
		if err != nil {
			return missing(err, "device", "with this key")
		}
		d, err = deviceFrom(r.Device, r.UserName)
		return err
	})
	return d, err
}

// Devices lists devices by user and name.
func (s *Store) Devices(
	ctx context.Context, userID string, w groupcast.Window,
) (out groupcast.Page[groupcast.Device], err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Devices(ctx, queries.DevicesParams{UserID: userID, Most: most(w), Skip: skip(w.From)})
		if err != nil {
			return err
		}
		labels, err := labelsOfDevices(ctx, q, userID, w)
		if err != nil {
			return err
		}
		out, err = page(w, rows,
			func(r queries.DevicesRow) (groupcast.Device, error) {
				d, err := deviceFrom(r.Device, r.UserName)
				d.Labels = labels[r.Device.ID]
				return d, err
			},
			func() (int64, error) { return q.CountDevices(ctx, userID) })
		return err
	})
	return out, err
}

// UpdateDevices notes what was seen of devices.
func (s *Store) UpdateDevices(ctx context.Context, devices []groupcast.Device) error {
	for some := range slices.Chunk(devices, mostProgress) {
		if err := s.updateDevices(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// mostProgress bounds the rows of progress in one transaction: a database far away takes a millisecond for each.
const mostProgress = 5000

func (s *Store) updateDevices(ctx context.Context, devices []groupcast.Device) error {
	return s.loosely(ctx, func(ctx context.Context, q *queries.Queries) error {
		for _, d := range devices {
			r := deviceRow(d)
			if err := q.UpdateDevice(ctx, queries.UpdateDeviceParams{
				LastSeen: r.LastSeen, Address: r.Address, Path: r.Path, FreeBytes: r.FreeBytes,
				DiskBytes: int64(d.DiskBytes), Reserve: int64(d.ReserveBytes),
				Loss: r.Loss, ClockOff: r.ClockOff, Os: r.Os, Version: r.Version, Wire: int64(d.Wire), ID: r.ID,
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// RevokeDevice ends a device and its tokens.
func (s *Store) RevokeDevice(ctx context.Context, id protocol.DeviceID, at time.Time) (d groupcast.Device, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		r, err := q.Device(ctx, deviceText(id))
		if err != nil {
			return missing(err, "device", id)
		}
		if d, err = deviceFrom(r.Device, r.UserName); err != nil {
			return err
		}
		names, err := q.DeviceNames(ctx, d.UserID)
		if err != nil {
			return err
		}
		if err := disown(ctx, q, d, len(names) == 1, micros(at)); err != nil {
			return err
		}
		if err := recountOfUser(ctx, q, d.UserID); err != nil {
			return err
		}
		if err := q.ForgetDevice(ctx, deviceText(id)); err != nil {
			return err
		}
		return q.DeleteDevice(ctx, deviceText(id))
	})
	return d, err
}

const revoked = "the device was revoked"

// disown cancels what a device is owed, or gives it back to the user if it is their last device.
func disown(ctx context.Context, q *queries.Queries, d groupcast.Device, last bool, at int64) error {
	if !last {
		return q.CancelOfDevice(ctx, queries.CancelOfDeviceParams{
			Reason: revoked, UpdatedAt: at, DeviceID: deviceText(d.ID),
		})
	}
	if err := q.ForgetClosedWithoutDevice(ctx, d.UserID); err != nil {
		return err
	}
	if err := q.CancelSelected(ctx, queries.CancelSelectedParams{
		Reason: revoked, UpdatedAt: at, DeviceID: deviceText(d.ID),
	}); err != nil {
		return err
	}
	return q.GiveBack(ctx, queries.GiveBackParams{UpdatedAt: at, DeviceID: deviceText(d.ID)})
}
