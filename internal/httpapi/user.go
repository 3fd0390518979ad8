package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// named is the path parameter of most operations.
type named struct {
	Name string `path:"name"`
}

// namedList is the input of a list below a name.
type namedList struct {
	Window
	Name string `path:"name"`
}

type userFilter struct {
	Window
	Text     string `query:"text" maxLength:"200" doc:"Only users with these words in their name"`
	Role     string `query:"role" doc:"Only users of this role: admin or member"`
	Disabled string `query:"disabled" enum:"true,false" doc:"Only accounts that are disabled, or are not"`
}

type deviceFilter struct {
	Window
	User   string   `query:"user" doc:"Only this user's devices"`
	Label  []string `query:"label,explode" maxItems:"16" doc:"Only with this label, KEY=VALUE"`
	Group  string   `query:"group" doc:"Only devices that may have this group's files"`
	Online string   `query:"online" enum:"true,false" doc:"Only devices that are connected now, or are not"`
	Owed   string   `query:"owed" enum:"true,false" doc:"Only devices that are owed something, or are not"`
	Text   string   `query:"text" maxLength:"200" doc:"Only devices with these words in their name, user, address, groups or labels"`
}

func (in *deviceFilter) keep() func(groupcast.Device) bool {
	var inGroup func(groupcast.Device) bool
	if in.Group != "" {
		inGroup = func(d groupcast.Device) bool { return slices.Contains(d.Groups, in.Group) }
	}
	return all(inGroup,
		is(in.Online, func(d groupcast.Device) string { return strconv.FormatBool(d.Active) }),
		is(in.Owed, func(d groupcast.Device) string { return strconv.FormatBool(d.Owed > 0) }),
		has(in.Text, func(d groupcast.Device) []string {
			texts := append([]string{d.Name, d.User, d.Address, d.OS}, d.Groups...)
			for key, value := range d.Labels {
				texts = append(texts, key+"="+value)
			}
			return texts
		}))
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
		rows[userFilter, groupcast.User]{
			read: func(
				ctx context.Context, p groupcast.Principal, _ *userFilter, w groupcast.Window,
			) (groupcast.Page[groupcast.User], error) {
				return a.service.Users(ctx, p, w)
			},
			key: func(u groupcast.User) string { return u.Name },
			keep: func(in *userFilter) func(groupcast.User) bool {
				return all(
					has(in.Text, func(u groupcast.User) []string { return []string{u.Name} }),
					is(in.Role, func(u groupcast.User) string { return string(u.Role) }),
					is(in.Disabled, func(u groupcast.User) string { return strconv.FormatBool(u.Disabled) }),
				)
			},
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
	paged(a, route{
		method: http.MethodGet, path: "/users/{name}/groups", id: "user-groups", access: admins,
		summary: "List a user's memberships and requests",
	},
		onOffer(func(ctx context.Context, p groupcast.Principal, in *namedList) ([]groupcast.GroupOnOffer, error) {
			return a.service.UserGroups(ctx, p, in.Name)
		}))
}

func (a *api) deviceRoutes() {
	paged(a, route{
		method: http.MethodGet, path: "/devices", id: "devices", access: users,
		summary: "List devices; users see their own",
	},
		rows[deviceFilter, groupcast.Device]{
			read: func(
				ctx context.Context, p groupcast.Principal, in *deviceFilter, w groupcast.Window,
			) (groupcast.Page[groupcast.Device], error) {
				return a.service.Devices(ctx, p, groupcast.DeviceFilter{User: in.User, Labels: in.Label}, w)
			},
			key: func(d groupcast.Device) string { return names(d.User, d.Name) }, keep: (*deviceFilter).keep,
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
