package httpapi

import (
	"context"
	"net/http"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/door"
)

// WebEntry is what a browser sends that comes from the set-up page.
type WebEntry struct {
	Ticket string `json:"ticket"`
}

// welcomeRoutes adds the way in. All but the last come before there is a principal.
func (a *api) welcomeRoutes() {
	reply(a, route{
		method: http.MethodGet, path: "/welcome", id: "welcome", access: open,
		summary: "Which server this is, and whether its first administrator can be made now",
	},
		func(ctx context.Context, _ groupcast.Principal, _ *nothing) (groupcast.Welcome, error) {
			return a.service.Welcome(ctx)
		})
	reply(a, route{
		method: http.MethodPost, path: "/setup", id: "setup", access: open, body: maxLogin,
		summary: "Make the first administrator with the one-time token",
	},
		func(
			ctx context.Context, _ groupcast.Principal, in *struct{ Body groupcast.FirstAdmin },
		) (groupcast.NewAdmin, error) {
			return a.service.FirstAdmin(ctx, addressOf(ctx), in.Body)
		})
	enter := a.operation(route{
		method: http.MethodPost, path: "/web/enter", id: "enter", access: open, body: maxLogin,
		summary: "Sign the first administrator's browser in with the ticket of setup",
	})
	registerOutput(a, enter, func(ctx context.Context, in *struct{ Body WebEntry }) (*signedIn, error) {
		return entered(ctx)(a.service.EnterWeb(ctx, addressOf(ctx), in.Body.Ticket))
	})
	reply(a, route{
		method: http.MethodPatch, path: "/server", id: "change-server", access: admins,
		summary: "Change what the server is called",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.ServerChange },
		) (groupcast.ServerStatus, error) {
			return a.service.ChangeServer(ctx, p, in.Body)
		})
}

// entered answers with a browser's cookie.
func entered(ctx context.Context) func(token string, me groupcast.Me, err error) (*signedIn, error) {
	return func(token string, me groupcast.Me, err error) (*signedIn, error) {
		if err == nil {
			err = door.Admitted(ctx, groupcast.Principal{User: me.User, Scope: groupcast.ScopeWeb})
		}
		if err != nil {
			return nil, err
		}
		return &signedIn{Cookie: sessionCookie(token), Body: me}, nil
	}
}
