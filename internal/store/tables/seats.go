package tables

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// Seats gives a group's seat map.
func (s *Store) Seats(ctx context.Context, group protocol.GroupID) (m groupcast.SeatMap, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		if m, err = seatMap(ctx, q, group); err != nil {
			return err
		}
		rows, err := q.Seats(ctx, group.String())
		if err != nil {
			return err
		}
		m.Seats, err = each(rows, func(r queries.SeatsRow) (groupcast.Seat, error) {
			seat := groupcast.Seat{
				Device: r.DeviceName, User: r.UserName, Row: int(r.SeatRow), Column: int(r.SeatColumn),
			}
			seat.DeviceID, err = deviceID(r.DeviceID)
			return seat, err
		})
		return err
	})
	return m, err
}

// seatMap is a group's map without its seats; a zero one if none was set.
func seatMap(ctx context.Context, q *queries.Queries, group protocol.GroupID) (groupcast.SeatMap, error) {
	r, err := q.SeatMap(ctx, group.String())
	if errors.Is(err, sql.ErrNoRows) {
		return groupcast.SeatMap{}, nil
	}
	return groupcast.SeatMap{
		Rows: int(r.SeatRows), Columns: int(r.SeatColumns), Version: uint64(r.Version),
		ChangedAt: instant(r.ChangedAt), ChangedBy: r.ChangedBy,
	}, err
}

// SetSeats replaces a group's seat map.
func (s *Store) SetSeats(
	ctx context.Context, group protocol.GroupID, m groupcast.SeatMap, by string, at time.Time,
) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if _, err := q.GroupByID(ctx, group.String()); err != nil {
			return missing(err, "group", group)
		}
		is, err := seatMap(ctx, q, group)
		if err != nil {
			return err
		}
		if is.Version != m.Version {
			return overtaken(is.ChangedBy)
		}
		if err := q.SetSeatMap(ctx, queries.SetSeatMapParams{
			GroupID: group.String(), SeatRows: int64(m.Rows), SeatColumns: int64(m.Columns),
			Version: int64(m.Version + 1), ChangedAt: micros(at), ChangedBy: by,
		}); err != nil {
			return err
		}
		if err := q.EmptySeats(ctx, group.String()); err != nil {
			return err
		}
		return takeSeats(ctx, q, group, m.Seats)
	})
}

// overtaken is the error of a change that was made from an older map.
func overtaken(by string) error {
	what := "the seats were changed meanwhile"
	if by != "" {
		what = by + " changed the seats meanwhile"
	}
	return groupcast.Errorf(groupcast.EChanged, "%s", what).WithHint("read them again and repeat what is still wanted")
}

func takeSeats(ctx context.Context, q *queries.Queries, group protocol.GroupID, seats []groupcast.Seat) error {
	for _, seat := range seats {
		n, err := q.TakeSeat(ctx, queries.TakeSeatParams{
			GroupID: group.String(), DeviceID: deviceText(seat.DeviceID),
			SeatRow: int64(seat.Row), SeatColumn: int64(seat.Column),
		})
		if err != nil {
			return err
		}
		if n == 0 {
			return groupcast.Errorf(groupcast.EInvalid, "device %s is not in the group", seat.DeviceID).
				WithHint("leave its seat out")
		}
	}
	return nil
}
