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

// WebSessions is what a service offers on top when browsers may sign in. Token has scope web;
// Logout ends it.
type WebSessions interface {
	LoginWeb(ctx context.Context, from, user string, password groupcast.Password) (token string, me groupcast.Me, err error)
}

type signedIn struct {
	Cookie http.Cookie `header:"Set-Cookie"`
	Body   groupcast.Me
}

type signedOut struct {
	Cookie http.Cookie `header:"Set-Cookie"`
}

// webRoutes adds the browser's sign-in, if the service has one.
func (a *api) webRoutes() {
	web, ok := a.service.(WebSessions)
	if !ok {
		return
	}
	in := a.operation(route{method: http.MethodPost, path: "/web/login", id: "sign-in", access: open, body: maxLogin,
		summary: "Sign a browser in; the token travels as a cookie"})
	registerOutput(a, in, func(ctx context.Context, in *struct{ Body WebLogin }) (*signedIn, error) {
		token, me, err := web.LoginWeb(ctx, addressOf(ctx), in.Body.User, in.Body.Password)
		if err != nil {
			return nil, err
		}
		admitted(ctx)
		return &signedIn{Cookie: sessionCookie(token), Body: me}, nil
	})
	out := a.operation(route{method: http.MethodPost, path: "/web/logout", id: "sign-out", access: users,
		summary: "End the browser's session"})
	out.DefaultStatus = http.StatusNoContent
	registerOutput(a, out, func(ctx context.Context, _ *nothing) (*signedOut, error) {
		if err := a.service.Logout(ctx, principalOf(ctx)); err != nil {
			return nil, err
		}
		gone := sessionCookie("")
		gone.MaxAge = -1
		return &signedOut{gone}, nil
	})
}

// sessionCookie is the cookie of security.md W1: this host only, no script, no other site.
func sessionCookie(token string) http.Cookie {
	return http.Cookie{Name: cookieName, Value: token, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}
