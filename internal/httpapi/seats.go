package httpapi

import (
	"context"
	"net/http"

	"github.com/groupcast/groupcast"
)

// maxSeats bounds a seat map: 1,600 seats with the names of their devices.
const maxSeats = 512 << 10

func (a *api) seatRoutes() {
	reply(a, route{
		method: http.MethodGet, path: "/groups/{name}/seats", id: "seats", access: admins,
		summary: "Show where the devices of a group stand in their room",
	},
		func(ctx context.Context, p groupcast.Principal, in *named) (groupcast.SeatMap, error) {
			return a.service.Seats(ctx, p, in.Name)
		})
	reply(a, route{
		method: http.MethodPut, path: "/groups/{name}/seats", id: "set-seats", access: admins, body: maxSeats,
		summary: "Set where the devices of a group stand in their room",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Name string `path:"name"`
			Body groupcast.SeatMap
		},
		) (groupcast.SeatMap, error) {
			return a.service.SetSeats(ctx, p, in.Name, in.Body)
		})
}
