package httpapi

import (
	"context"
	"net/http"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// named is the path parameter of most operations.
type named struct {
	Name string `path:"name"`
}

func (a *api) userRoutes() {
	create(a, route{
		method: http.MethodPost, path: "/users", id: "add-user", access: admins, body: maxLogin,
		summary: "Add a user",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.NewUser }) (groupcast.User, error) {
			return a.service.AddUser(ctx, p, in.Body)
		})
	paged(a, route{method: http.MethodGet, path: "/users", id: "users", access: admins, summary: "List users"},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Window }) (groupcast.Page[groupcast.User], error) {
			return a.service.Users(ctx, p, in.window())
		})
	reply(a, route{
		method: http.MethodPatch, path: "/users/{name}", id: "update-user", access: admins, body: maxLogin,
		summary: "Change a user's role or password, disable or enable the account",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Name string `path:"name"`
			Body groupcast.UserChange
		},
		) (groupcast.User, error) {
			return a.service.UpdateUser(ctx, p, in.Name, in.Body)
		})
	act(a, route{
		method: http.MethodDelete, path: "/users/{name}", id: "delete-user", access: admins,
		summary: "Delete a user",
	},
		func(ctx context.Context, p groupcast.Principal, in *named) error {
			return a.service.DeleteUser(ctx, p, in.Name)
		})
	listed(a, route{
		method: http.MethodGet, path: "/users/{name}/groups", id: "user-groups", access: admins,
		summary: "List a user's memberships and requests",
	},
		func(ctx context.Context, p groupcast.Principal, in *named) ([]groupcast.GroupOnOffer, error) {
			return a.service.UserGroups(ctx, p, in.Name)
		})
}

func (a *api) deviceRoutes() {
	paged(a, route{
		method: http.MethodGet, path: "/devices", id: "devices", access: users,
		summary: "List devices; users see their own",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Window
			User  string   `query:"user" doc:"Only this user's devices"`
			Label []string `query:"label,explode" maxItems:"16" doc:"Only with this label, KEY=VALUE"`
		},
		) (groupcast.Page[groupcast.Device], error) {
			return a.service.Devices(ctx, p, groupcast.DeviceFilter{User: in.User, Labels: in.Label}, in.window())
		})
	act(a, route{
		method: http.MethodDelete, path: "/devices/{id}", id: "revoke-device", access: users,
		summary: "Revoke a device; users may revoke their own",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			ID protocol.DeviceID `path:"id"`
		},
		) error {
			return a.service.RevokeDevice(ctx, p, in.ID)
		})
}
