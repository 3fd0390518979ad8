package httpapi

import (
	"context"
	"net/http"

	"github.com/groupcast/groupcast"
)

// membership names a user in a group.
type membership struct {
	Name string `path:"name"`
	User string `path:"user"`
}

type textFilter struct {
	Window
	Text string `query:"text" maxLength:"200" doc:"Only rows with these words in their name or description"`
}

type memberFilter struct {
	Window
	Name string `path:"name"`
	Text string `query:"text" maxLength:"200" doc:"Only members with these words in their name"`
}

type requestFilter struct {
	Window
	State groupcast.RequestState `query:"state" doc:"open, approved or denied; left out: all"`
	Group string                 `query:"group" doc:"Only of this group; several stand between commas"`
	Text  string                 `query:"text" maxLength:"200" doc:"Only with these words in user, group, device or message"`
}

func (a *api) groupRoutes() {
	create(a, route{
		method: http.MethodPost, path: "/groups", id: "create-group", access: admins,
		summary: "Create a group",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.NewGroup }) (groupcast.Group, error) {
			return a.service.CreateGroup(ctx, p, in.Body)
		})
	paged(a, route{method: http.MethodGet, path: "/groups", id: "groups", access: admins, summary: "List groups"},
		rows[textFilter, groupcast.Group]{
			read: inMemory(func(ctx context.Context, p groupcast.Principal, _ *textFilter) ([]groupcast.Group, error) {
				return a.service.Groups(ctx, p)
			}),
			key: func(g groupcast.Group) string { return g.Name },
			keep: func(in *textFilter) func(groupcast.Group) bool {
				return has(in.Text, func(g groupcast.Group) []string { return []string{g.Name, g.Description} })
			},
		})
	reply(a, route{method: http.MethodGet, path: "/groups/{name}", id: "group", access: admins, summary: "Show a group"},
		func(ctx context.Context, p groupcast.Principal, in *named) (groupcast.Group, error) {
			return a.service.Group(ctx, p, in.Name)
		})
	reply(a, route{
		method: http.MethodPatch, path: "/groups/{name}", id: "update-group", access: admins,
		summary: "Change whether new devices of members have to be approved",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Name string `path:"name"`
			Body groupcast.GroupChange
		},
		) (groupcast.Group, error) {
			return a.service.UpdateGroup(ctx, p, in.Name, in.Body)
		})
	act(a, route{
		method: http.MethodDelete, path: "/groups/{name}", id: "delete-group", access: admins,
		summary: "Delete a group",
	},
		func(ctx context.Context, p groupcast.Principal, in *named) error {
			return a.service.DeleteGroup(ctx, p, in.Name)
		})
	a.memberRoutes()
}

func (a *api) memberRoutes() {
	paged(a, route{
		method: http.MethodGet, path: "/groups/{name}/members", id: "members", access: admins,
		summary: "List a group's members",
	},
		rows[memberFilter, groupcast.Member]{
			read: func(
				ctx context.Context, p groupcast.Principal, in *memberFilter, w groupcast.Window,
			) (groupcast.Page[groupcast.Member], error) {
				return a.service.Members(ctx, p, in.Name, w)
			},
			key: func(m groupcast.Member) string { return m.User },
			keep: func(in *memberFilter) func(groupcast.Member) bool {
				return has(in.Text, func(m groupcast.Member) []string { return []string{m.User} })
			},
		})
	reply(a, route{
		method: http.MethodPut, path: "/groups/{name}/members/{user}", id: "add-member", access: admins,
		summary: "Add a member",
	},
		func(ctx context.Context, p groupcast.Principal, in *membership) (groupcast.Member, error) {
			return a.service.AddMember(ctx, p, in.Name, in.User)
		})
	act(a, route{
		method: http.MethodDelete, path: "/groups/{name}/members/{user}", id: "remove-member", access: admins,
		summary: "Remove a member",
	},
		func(ctx context.Context, p groupcast.Principal, in *membership) error {
			return a.service.RemoveMember(ctx, p, in.Name, in.User)
		})
}

func (a *api) keyRoutes() {
	paged(a, route{
		method: http.MethodGet, path: "/groups/{name}/sessions", id: "key-sessions", access: admins,
		summary: "List a group's last sessions, and how many devices have the keys of each",
	},
		rows[namedList, groupcast.KeySession]{
			read: inMemory(func(ctx context.Context, p groupcast.Principal, in *namedList) ([]groupcast.KeySession, error) {
				return a.service.KeySessions(ctx, p, in.Name)
			}),
		})
	reply(a, route{
		method: http.MethodGet, path: "/savings", id: "savings", access: admins,
		summary: "Show how much traffic multicast saved, in the last day and in total",
	},
		func(ctx context.Context, p groupcast.Principal, _ *nothing) (groupcast.Savings, error) {
			return a.service.Savings(ctx, p)
		})
}

func (a *api) requestRoutes() {
	paged(a, route{
		method: http.MethodGet, path: "/requests", id: "requests", access: admins,
		summary: "List requests to join, and new devices that wait for approval",
	},
		rows[requestFilter, groupcast.JoinRequest]{
			read: func(
				ctx context.Context, p groupcast.Principal, in *requestFilter, w groupcast.Window,
			) (groupcast.Page[groupcast.JoinRequest], error) {
				return a.service.Requests(ctx, p, in.State, w)
			},
			key: func(r groupcast.JoinRequest) string { return names(instant(r.AskedAt), r.ID) },
			keep: func(in *requestFilter) func(groupcast.JoinRequest) bool {
				return all(
					is(in.Group, func(r groupcast.JoinRequest) string { return r.Group }),
					has(in.Text, func(r groupcast.JoinRequest) []string { return []string{r.User, r.Group, r.Device, r.Text} }),
				)
			},
		})
	reply(a, route{
		method: http.MethodPost, path: "/groups/{name}/requests/{user}/approve", id: "approve", access: admins,
		summary: "Approve a user's request to join, or a new device as USER/DEVICE",
	},
		func(ctx context.Context, p groupcast.Principal, in *membership) (groupcast.JoinRequest, error) {
			return a.service.Approve(ctx, p, in.Name, in.User)
		})
	reply(a, route{
		method: http.MethodPost, path: "/groups/{name}/requests/{user}/deny", id: "deny", access: admins,
		summary: "Deny a user's request to join, or a new device as USER/DEVICE",
	},
		func(ctx context.Context, p groupcast.Principal, in *membership) (groupcast.JoinRequest, error) {
			return a.service.Deny(ctx, p, in.Name, in.User)
		})
}
