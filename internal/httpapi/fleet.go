package httpapi

import (
	"context"
	"net/http"

	"github.com/groupcast/groupcast"
)

// fleetRoutes are what is done to several devices at once.
func (a *api) fleetRoutes() {
	listed(a, route{
		method: http.MethodPost, path: "/devices/labels", id: "label-devices", access: admins,
		summary: "Set and remove labels of devices",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.LabelChange }) ([]groupcast.DeviceResult,
			error,
		) {
			return a.service.LabelDevices(ctx, p, in.Body)
		})
	listed(a, route{
		method: http.MethodPost, path: "/devices/drop-owed", id: "drop-owed", access: admins,
		summary: "Cancel what devices are still owed",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.DropOwed }) ([]groupcast.DeviceResult,
			error,
		) {
			return a.service.DropOwed(ctx, p, in.Body)
		})
}
