package httpapi

import (
	"context"
	"net/http"

	"github.com/groupcast/groupcast"
)

// WebLogin is what a browser's sign-in sends.
type WebLogin struct {
	User     string             `json:"user"`
	Password groupcast.Password `json:"password"`
}

type signedIn struct {
	Cookie http.Cookie `header:"Set-Cookie"`
	Body   groupcast.Me
}

type signedOut struct {
	Cookie http.Cookie `header:"Set-Cookie"`
}

// webRoutes adds the browser's sign-in and what users ask about themselves.
func (a *api) webRoutes() {
	in := a.operation(route{
		method: http.MethodPost, path: "/web/login", id: "sign-in", access: open, body: maxLogin,
		summary: "Sign in from a browser",
	})
	registerOutput(a, in, func(ctx context.Context, in *struct{ Body WebLogin }) (*signedIn, error) {
		return entered(ctx)(a.service.LoginWeb(ctx, addressOf(ctx), in.Body.User, in.Body.Password))
	})
	out := a.operation(route{
		method: http.MethodPost, path: "/web/logout", id: "sign-out", access: users,
		summary: "Sign a browser out",
	})
	out.DefaultStatus = http.StatusNoContent
	registerOutput(a, out, func(ctx context.Context, _ *nothing) (*signedOut, error) {
		if err := a.service.Logout(ctx, principalOf(ctx)); err != nil {
			return nil, err
		}
		gone := sessionCookie("")
		gone.MaxAge = -1
		return &signedOut{gone}, nil
	})
	a.myRoutes()
}

func (a *api) myRoutes() {
	paged(a, route{
		method: http.MethodGet, path: "/my/deliveries", id: "my-deliveries", access: users,
		summary: "List what the user's devices are owed and received",
	},
		rows[stateFilter, groupcast.Received]{
			read: inMemory(func(ctx context.Context, p groupcast.Principal, _ *stateFilter) ([]groupcast.Received, error) {
				return a.service.MyDeliveries(ctx, p)
			}),
			key: receivedKey, keep: (*stateFilter).keep,
		})
	paged(a, route{
		method: http.MethodGet, path: "/my/signins", id: "sign-ins", access: users,
		summary: "List the user's logins",
	},
		rows[struct{ Window }, groupcast.SignIn]{
			read: inMemory(func(ctx context.Context, p groupcast.Principal, _ *struct{ Window }) ([]groupcast.SignIn, error) {
				return a.service.SignIns(ctx, p)
			}),
		})
	act(a, route{
		method: http.MethodDelete, path: "/my/signins/{id}", id: "end-sign-in", access: users,
		summary: "End one of the user's logins",
	},
		func(ctx context.Context, p groupcast.Principal, in *identified) error {
			return a.service.EndSignIn(ctx, p, in.ID)
		})
}

// sessionCookie is the cookie of security.md W1: this host only, no script, no other site.
func sessionCookie(token string) http.Cookie {
	return http.Cookie{
		Name: cookieName, Value: token, Path: "/", Secure: true, HttpOnly: true,
		SameSite: http.SameSiteStrictMode,
	}
}
