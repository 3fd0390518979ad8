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

func (a *api) groupRoutes() {
	create(a, route{
		method: http.MethodPost, path: "/groups", id: "create-group", access: admins,
		summary: "Create a group",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.NewGroup }) (groupcast.Group, error) {
			return a.service.CreateGroup(ctx, p, in.Body)
		})
	listed(a, route{method: http.MethodGet, path: "/groups", id: "groups", access: admins, summary: "List groups"},
		func(ctx context.Context, p groupcast.Principal, _ *nothing) ([]groupcast.Group, error) {
			return a.service.Groups(ctx, p)
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
	paged(a, route{
		method: http.MethodGet, path: "/groups/{name}/members", id: "members", access: admins,
		summary: "List a group's members",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Name string `path:"name"`
			Window
		},
		) (groupcast.Page[groupcast.Member], error) {
			return a.service.Members(ctx, p, in.Name, in.window())
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
	listed(a, route{
		method: http.MethodGet, path: "/groups/{name}/sessions", id: "key-sessions", access: admins,
		summary: "List a group's last sessions, and how many devices have the keys of each",
	},
		func(ctx context.Context, p groupcast.Principal, in *named) ([]groupcast.KeySession, error) {
			return a.service.KeySessions(ctx, p, in.Name)
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
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Window
			State groupcast.RequestState `query:"state" doc:"open, approved or denied; left out: all"`
		},
		) (groupcast.Page[groupcast.JoinRequest], error) {
			return a.service.Requests(ctx, p, in.State, in.window())
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
