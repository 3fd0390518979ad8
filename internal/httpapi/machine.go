package httpapi

import (
	"context"
	"net/http"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func (a *api) machineRoutes() {
	reply(a, route{method: http.MethodGet, path: "/users/{name}", id: "user", access: admins, summary: "Show a user"},
		func(ctx context.Context, p groupcast.Principal, in *named) (groupcast.User, error) {
			return a.service.User(ctx, p, in.Name)
		})
	reply(a, route{
		method: http.MethodGet, path: "/devices/{id}", id: "device", access: users,
		summary: "Show a device, its groups and how much it is owed; users see their own",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			ID protocol.DeviceID `path:"id"`
		},
		) (groupcast.Device, error) {
			return a.service.Device(ctx, p, in.ID)
		})
	paged(a, route{
		method: http.MethodGet, path: "/devices/{id}/deliveries", id: "device-deliveries", access: users,
		summary: "What a device is owed and got, the newest transfer first; users see their own",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Window
			ID protocol.DeviceID `path:"id"`
		},
		) (groupcast.Page[groupcast.Received], error) {
			return a.service.DeviceDeliveries(ctx, p, in.ID, in.window())
		})
	reply(a, route{
		method: http.MethodGet, path: "/files", id: "sent-files", access: admins,
		summary: "Look for files by name in everything that was ever sent, the newest transfer first",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Name   string              `query:"name" required:"true" minLength:"1" maxLength:"1024" doc:"Part of the path, in any case"`
			Before protocol.TransferNo `query:"before" doc:"Only transfers below this number, from an earlier answer"`
			Limit  int                 `query:"limit" minimum:"0" maximum:"1000" doc:"At most about so many files; 0: 1,000"`
		},
		) (groupcast.SentFiles, error) {
			found, err := a.service.SentFiles(ctx, p, groupcast.SentFileQuery{Name: in.Name, Before: in.Before, Limit: in.Limit})
			if found.Rows == nil {
				found.Rows = []groupcast.SentFile{}
			}
			return found, err
		})
}
