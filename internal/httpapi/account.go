package httpapi

import (
	"context"
	"net/http"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/door"
	"github.com/groupcast/groupcast/internal/keyed"
)

func (a *api) accountRoutes() {
	reply(a, route{
		method: http.MethodPost, path: "/login", id: "login", access: open, body: maxLogin,
		summary: "Log in from a device",
	}, a.login)
	act(a, route{
		method: http.MethodPost, path: "/logout", id: "logout", access: anyone,
		summary: "Log out: end the login that asks",
	},
		func(ctx context.Context, p groupcast.Principal, _ *nothing) error { return a.service.Logout(ctx, p) })
	act(a, route{
		method: http.MethodPost, path: "/password", id: "change-password", access: users, body: maxLogin,
		summary: "Change your own password",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.PasswordChange }) error {
			return a.service.ChangePassword(ctx, p, in.Body)
		})
	reply(a, route{
		method: http.MethodGet, path: "/me", id: "me", access: anyone,
		summary: "Show who is asking",
	},
		func(ctx context.Context, p groupcast.Principal, _ *nothing) (groupcast.Me, error) {
			me, err := a.service.Me(ctx, p)
			if a.keys != nil {
				me.IdempotencyHours = keyed.Hours
			}
			return me, err
		})
	paged(a, route{
		method: http.MethodGet, path: "/offers", id: "groups-on-offer", access: users,
		summary: "List the groups that the user may join or is in",
	},
		onOffer(func(ctx context.Context, p groupcast.Principal, _ *struct{ Window }) ([]groupcast.GroupOnOffer, error) {
			return a.service.GroupsOnOffer(ctx, p, false)
		}))
	paged(a, route{
		method: http.MethodGet, path: "/my/groups", id: "my-groups", access: users,
		summary: "List the groups that the user is in or has asked to join",
	},
		onOffer(func(ctx context.Context, p groupcast.Principal, _ *struct{ Window }) ([]groupcast.GroupOnOffer, error) {
			return a.service.GroupsOnOffer(ctx, p, true)
		}))
	a.joinRoutes()
}

// onOffer reads a list of groups as users see them, by name.
func onOffer[I any](
	read func(context.Context, groupcast.Principal, *I) ([]groupcast.GroupOnOffer, error),
) rows[I, groupcast.GroupOnOffer] {
	return rows[I, groupcast.GroupOnOffer]{
		read: inMemory(read), key: func(g groupcast.GroupOnOffer) string { return g.Name },
	}
}

// joining is the body of a request to join.
type joining struct {
	Text string `json:"text,omitempty" maxLength:"280" doc:"Message to the administrator"`
}

func (a *api) joinRoutes() {
	create(a, route{
		method: http.MethodPost, path: "/groups/{name}/join", id: "join", access: users,
		summary: "Ask to join a group",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Name string `path:"name"`
			Body joining
		},
		) (groupcast.JoinRequest, error) {
			return a.service.Join(ctx, p, in.Name, in.Body.Text)
		})
	act(a, route{
		method: http.MethodPost, path: "/groups/{name}/leave", id: "leave", access: users,
		summary: "Leave a group, or withdraw the request to join it",
	},
		func(ctx context.Context, p groupcast.Principal, in *named) error {
			return a.service.Leave(ctx, p, in.Name)
		})
}

// login comes before there is a principal: it can be limited by address only.
func (a *api) login(
	ctx context.Context, _ groupcast.Principal, in *struct{ Body groupcast.Login },
) (groupcast.LoggedIn, error) {
	out, err := a.service.Login(ctx, addressOf(ctx), in.Body)
	if err == nil {
		err = door.Admitted(ctx, groupcast.Principal{User: out.User, Scope: groupcast.ScopeCLI})
	}
	return out, err
}
