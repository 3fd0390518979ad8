package httpapi

import (
	"context"
	"net/http"

	"github.com/groupcast/groupcast"
)

func (a *api) accountRoutes() {
	reply(a, route{method: http.MethodPost, path: "/login", id: "login", access: open, body: maxLogin,
		summary: "Log a device in"}, a.login)
	reply(a, route{method: http.MethodPost, path: "/setup", id: "setup", access: open, body: maxLogin,
		summary: "Make the first administrator with the one-time token"}, a.setup)
	act(a, route{method: http.MethodPost, path: "/logout", id: "logout", access: anyone,
		summary: "End the device: tokens, event stream, keys"},
		func(ctx context.Context, p groupcast.Principal, _ *nothing) error { return a.service.Logout(ctx, p) })
	act(a, route{method: http.MethodPost, path: "/password", id: "change-password", access: users, body: maxLogin,
		summary: "Change one's own password"},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.PasswordChange }) error {
			return a.service.ChangePassword(ctx, p, in.Body)
		})
	reply(a, route{method: http.MethodGet, path: "/me", id: "me", access: anyone,
		summary: "Who is asking"},
		func(ctx context.Context, p groupcast.Principal, _ *nothing) (groupcast.Me, error) {
			return a.service.Me(ctx, p)
		})
	listed(a, route{method: http.MethodGet, path: "/offers", id: "groups-on-offer", access: users,
		summary: "Groups the user may ask for or is in"},
		func(ctx context.Context, p groupcast.Principal, _ *nothing) ([]groupcast.GroupOnOffer, error) {
			return a.service.GroupsOnOffer(ctx, p, false)
		})
	listed(a, route{method: http.MethodGet, path: "/my/groups", id: "my-groups", access: users,
		summary: "Groups the user is in or has asked for"},
		func(ctx context.Context, p groupcast.Principal, _ *nothing) ([]groupcast.GroupOnOffer, error) {
			return a.service.GroupsOnOffer(ctx, p, true)
		})
	a.joinRoutes()
}

// joining carries the words that go with a wish to join.
type joining struct {
	Text string `json:"text,omitempty" maxLength:"280" doc:"A word to the administrator"`
}

func (a *api) joinRoutes() {
	reply(a, route{method: http.MethodPost, path: "/groups/{name}/join", id: "join", access: users,
		summary: "Ask to join a group"},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Name string `path:"name"`
			Body joining
		}) (groupcast.JoinRequest, error) {
			return a.service.Join(ctx, p, in.Name, in.Body.Text)
		})
	act(a, route{method: http.MethodPost, path: "/groups/{name}/leave", id: "leave", access: users,
		summary: "Leave a group, or take back the wish to join"},
		func(ctx context.Context, p groupcast.Principal, in *named) error {
			return a.service.Leave(ctx, p, in.Name)
		})
}

// Login and setup know nobody yet: the address is all there is to limit them by.
func (a *api) login(ctx context.Context, _ groupcast.Principal, in *struct{ Body groupcast.Login }) (groupcast.LoggedIn, error) {
	out, err := a.service.Login(ctx, addressOf(ctx), in.Body)
	if err == nil {
		err = admitted(ctx, groupcast.Principal{User: out.User, Scope: groupcast.ScopeCLI})
	}
	return out, err
}

func (a *api) setup(ctx context.Context, _ groupcast.Principal, in *struct{ Body groupcast.FirstAdmin }) (groupcast.User, error) {
	return a.service.FirstAdmin(ctx, addressOf(ctx), in.Body)
}
