package tables

import (
	"context"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

func deliveries(
	ctx context.Context, q *queries.Queries, no protocol.TransferNo, w groupcast.Window,
) (groupcast.Page[groupcast.Delivery], error) {
	rows, err := q.Deliveries(ctx, queries.DeliveriesParams{TransferNo: int64(no), Most: most(w), Skip: skip(w.From)})
	if err != nil {
		return groupcast.Page[groupcast.Delivery]{}, err
	}
	return page(w, rows, func(r queries.DeliveriesRow) (groupcast.Delivery, error) {
		return deliveryFrom(r.Delivery, r.GroupName)
	}, func() (int64, error) { return q.CountDeliveries(ctx, int64(no)) })
}

// Deliveries lists a transfer's deliveries by user and device.
func (s *Store) Deliveries(
	ctx context.Context, no protocol.TransferNo, w groupcast.Window,
) (out groupcast.Page[groupcast.Delivery], err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		if _, err := transfer(ctx, q, no); err != nil {
			return err
		}
		out, err = deliveries(ctx, q, no, w)
		return err
	})
	return out, err
}

// OwedOf lists the deliveries of a transfer that are still owed, by user and device.
func (s *Store) OwedOf(
	ctx context.Context, no protocol.TransferNo, w groupcast.Window,
) (out []groupcast.Delivery, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.OwedOf(ctx, queries.OwedOfParams{TransferNo: int64(no), Most: most(w), Skip: skip(w.From)})
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.OwedOfRow) (groupcast.Delivery, error) {
			return deliveryFrom(r.Delivery, r.GroupName)
		})
		return err
	})
	return out, err
}

// DeliveriesOfUser lists what a user's devices are and were owed.
func (s *Store) DeliveriesOfUser(ctx context.Context, userID string, limit int) (out []groupcast.Received, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.DeliveriesOfUser(ctx, queries.DeliveriesOfUserParams{UserID: userID, Most: int32(limit)})
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.DeliveriesOfUserRow) (groupcast.Received, error) {
			d, err := deliveryFrom(r.Delivery, r.GroupName)
			return groupcast.Received{Delivery: d, Name: r.Name, Size: uint64(r.Bytes)}, err
		})
		return err
	})
	return out, err
}

// DeliveriesOfDevice lists what a device is and was owed.
func (s *Store) DeliveriesOfDevice(
	ctx context.Context, id protocol.DeviceID, w groupcast.Window, held bool,
) (out groupcast.Page[groupcast.Received], err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.DeliveriesOfDevice(ctx, queries.DeliveriesOfDeviceParams{
			DeviceID: deviceText(id), Held: held, Most: most(w), Skip: skip(w.From),
		})
		if err != nil {
			return err
		}
		out, err = page(w, rows, func(r queries.DeliveriesOfDeviceRow) (groupcast.Received, error) {
			d, err := deliveryFrom(r.Delivery, r.GroupName)
			return groupcast.Received{Delivery: d, Name: r.Name, Size: uint64(r.Bytes)}, err
		}, func() (int64, error) {
			return q.CountDeliveriesOfDevice(ctx,
				queries.CountDeliveriesOfDeviceParams{DeviceID: deviceText(id), Held: held})
		})
		return err
	})
	return out, err
}

// Delivery gives what a device is or was owed of a transfer.
func (s *Store) Delivery(
	ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID,
) (d groupcast.Delivery, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		d, err = delivery(ctx, q, no, dev, "")
		return err
	})
	return d, err
}

// delivery needs the user of a delivery without a device.
func delivery(
	ctx context.Context, q *queries.Queries, no protocol.TransferNo, dev protocol.DeviceID, userID string,
) (groupcast.Delivery, error) {
	r, err := q.Delivery(ctx, queries.DeliveryParams{TransferNo: int64(no), DeviceID: deviceText(dev), UserID: userID})
	if err != nil {
		return groupcast.Delivery{}, missing(err, "delivery of transfer", no)
	}
	return deliveryFrom(r.Delivery, r.GroupName)
}

// Owed lists what a device is owed, oldest transfer first.
func (s *Store) Owed(ctx context.Context, dev protocol.DeviceID) (out []groupcast.Delivery, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Owed(ctx, deviceText(dev))
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.OwedRow) (groupcast.Delivery, error) {
			return deliveryFrom(r.Delivery, r.GroupName)
		})
		return err
	})
	return out, err
}

// OwedReleased lists what a device may know that it is owed, oldest first.
func (s *Store) OwedReleased(
	ctx context.Context, dev protocol.DeviceID, limit int,
) (out []protocol.TransferNo, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.OwedReleased(ctx, queries.OwedReleasedParams{DeviceID: deviceText(dev), Most: int32(limit)})
		out = nil // it may be read again
		for _, no := range rows {
			out = append(out, protocol.TransferNo(no))
		}
		return err
	})
	return out, err
}

// OwedAll lists what all devices are owed.
func (s *Store) OwedAll(ctx context.Context) (out []groupcast.Delivery, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.OwedAll(ctx)
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.OwedAllRow) (groupcast.Delivery, error) {
			return deliveryFrom(r.Delivery, r.GroupName)
		})
		return err
	})
	return out, err
}

// UpdateDeliveries notes progress of many deliveries.
func (s *Store) UpdateDeliveries(ctx context.Context, changed []groupcast.Delivery, at time.Time) error {
	for some := range slices.Chunk(changed, mostProgress) {
		if err := s.updateDeliveries(ctx, some, at); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) updateDeliveries(ctx context.Context, changed []groupcast.Delivery, at time.Time) error {
	return s.loosely(ctx, func(ctx context.Context, q *queries.Queries) error {
		for _, d := range changed {
			if !d.State.Owed() {
				return groupcast.Errorf(groupcast.EInternal, "delivery of transfer %d: %s is no progress", d.Transfer, d.State)
			}
			space, err := spaceText(d.Space)
			if err != nil {
				return err
			}
			if err := q.UpdateDelivery(ctx, queries.UpdateDeliveryParams{
				State: string(d.State), Reason: d.Reason, Refusal: string(d.Refusal), Space: space, Path: string(d.Path),
				Blocks: int64(d.Blocks), Bytes: int64(d.Bytes), Loss: d.LossPercent, Bar: d.Bar,
				UpdatedAt: micros(at), TransferNo: int64(d.Transfer), UserID: d.UserID,
				DeviceID: deviceText(d.DeviceID),
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// PutOff notes that a device is left out for now, or is not any more.
func (s *Store) PutOff(
	ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID, later bool, at time.Time,
) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.SetLater(ctx,
			queries.SetLaterParams{Later: later, UpdatedAt: micros(at), TransferNo: int64(no), DeviceID: deviceText(dev)})
	})
}
