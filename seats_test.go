package groupcast_test

import (
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestSeatMapsAreChecked(t *testing.T) {
	a, b := protocol.NewDeviceID(), protocol.NewDeviceID()
	at := func(d protocol.DeviceID, row, column int) groupcast.Seat {
		return groupcast.Seat{DeviceID: d, Row: row, Column: column}
	}
	for name, c := range map[string]struct {
		rows, columns int
		seats         []groupcast.Seat
		good          bool
	}{
		"none taken":     {1, 1, nil, true},
		"the largest":    {40, 40, []groupcast.Seat{at(a, 40, 40), at(b, 1, 1)}, true},
		"no rows":        {0, 3, nil, false},
		"no columns":     {3, 0, nil, false},
		"negative":       {-1, -1, nil, false},
		"41 rows":        {41, 1, nil, false},
		"41 columns":     {1, 41, nil, false},
		"row 0":          {2, 2, []groupcast.Seat{at(a, 0, 1)}, false},
		"column 0":       {2, 2, []groupcast.Seat{at(a, 1, 0)}, false},
		"below":          {2, 2, []groupcast.Seat{at(a, 3, 1)}, false},
		"beside":         {2, 2, []groupcast.Seat{at(a, 1, 3)}, false},
		"one twice":      {2, 2, []groupcast.Seat{at(a, 1, 1), at(a, 1, 2)}, false},
		"two on a seat":  {2, 2, []groupcast.Seat{at(a, 1, 1), at(b, 1, 1)}, false},
		"beside another": {2, 2, []groupcast.Seat{at(a, 1, 1), at(b, 1, 2)}, true},
	} {
		err := groupcast.SeatMap{Rows: c.rows, Columns: c.columns, Seats: c.seats}.Check()
		if (err == nil) != c.good || (err != nil && groupcast.ErrorCode(err) != groupcast.EInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
