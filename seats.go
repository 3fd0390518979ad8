package groupcast

import (
	"context"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// MaxSeatRows and MaxSeatColumns bound a seat map.
const (
	MaxSeatRows    = 40
	MaxSeatColumns = 40
)

// SeatService is for administrators: where the devices of a group stand in their room.
type SeatService interface {
	// Seats shows a group's seat map. One that was never set has Version 0 and no rows.
	Seats(ctx context.Context, p Principal, group string) (SeatMap, error)
	// SetSeats replaces a group's seat map by m, which was read at m.Version: EChanged if it was changed since.
	// EInvalid for a seat outside of the grid, a seat or a device that comes twice, and a device that is not
	// admitted to the group. It gives the map as it stands then.
	SetSeats(ctx context.Context, p Principal, group string, m SeatMap) (SeatMap, error)
}

// SeatMap is a grid of seats, as one looks into the room. A device that leaves the group loses its seat.
type SeatMap struct {
	Rows      int       `json:"rows"`    // 1 to MaxSeatRows; 0: it was never set
	Columns   int       `json:"columns"` // 1 to MaxSeatColumns
	Version   uint64    `json:"version"` // grows with each SetSeats
	Seats     []Seat    `json:"seats"`   // those that are taken, row by row
	ChangedAt time.Time `json:"changed_at,omitzero"`
	ChangedBy string    `json:"changed_by,omitempty"`
}

// Seat is where a device stands.
type Seat struct {
	DeviceID protocol.DeviceID `json:"device_id"`
	Device   string            `json:"device,omitempty"` // its name; SetSeats passes it over
	User     string            `json:"user,omitempty"`   // whose it is; SetSeats passes it over
	Row      int               `json:"row"`              // from 1
	Column   int               `json:"column"`           // from 1
}

// Check says what of a map cannot be set.
func (m SeatMap) Check() error {
	if m.Rows < 1 || m.Rows > MaxSeatRows || m.Columns < 1 || m.Columns > MaxSeatColumns {
		return Errorf(EInvalid, "a seat map has 1 to %d rows and 1 to %d columns, not %d × %d",
			MaxSeatRows, MaxSeatColumns, m.Rows, m.Columns)
	}
	devices, places := map[protocol.DeviceID]bool{}, map[[2]int]bool{}
	for _, s := range m.Seats {
		place := [2]int{s.Row, s.Column}
		switch {
		case s.Row < 1 || s.Row > m.Rows || s.Column < 1 || s.Column > m.Columns:
			return Errorf(EInvalid, "row %d, seat %d is outside of the %d × %d seats", s.Row, s.Column, m.Rows, m.Columns)
		case devices[s.DeviceID]:
			return Errorf(EInvalid, "device %s has two seats", s.DeviceID).WithHint("leave one of them out")
		case places[place]:
			return Errorf(EInvalid, "two devices have row %d, seat %d", s.Row, s.Column).
				WithHint("give one of them another seat")
		}
		devices[s.DeviceID], places[place] = true, true
	}
	return nil
}
