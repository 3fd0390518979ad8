package apiclient

import (
	"context"
	"net/http"

	"github.com/groupcast/groupcast"
)

// Seats shows where the devices of a group stand in their room.
func (c *Client) Seats(ctx context.Context, group string) (groupcast.SeatMap, error) {
	return answered[groupcast.SeatMap](ctx, c, get("/groups/"+segment(group)+"/seats"))
}

// SetSeats replaces a group's seat map, as it was read at its version.
func (c *Client) SetSeats(ctx context.Context, group string, m groupcast.SeatMap) (groupcast.SeatMap, error) {
	return answered[groupcast.SeatMap](ctx, c,
		call{method: http.MethodPut, path: "/groups/" + segment(group) + "/seats", in: m})
}
