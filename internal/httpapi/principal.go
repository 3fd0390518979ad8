package httpapi

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/door"
)

// access says who may use an operation.
type access string

const (
	open   access = "open"   // without a login: login itself and the first administrator
	anyone access = "anyone" // every principal that is a user or a device
	agents access = "agent"  // agent tokens, and nothing but those
	relays access = "relay"  // a relay's token, and nothing but those
	users  access = "user"   // every user by CLI or web, and the local administrator
	admins access = "admin"  // administrators by CLI or web, and the local one
)

// allows says whether p may use the operation. The service checks again, with the objects at hand.
func (a access) allows(p groupcast.Principal) bool {
	switch a {
	case anyone:
		return p.Scope != groupcast.ScopeRelay
	case relays:
		return !p.Local && p.Scope == groupcast.ScopeRelay && p.Relay != nil
	case agents:
		return !p.Local && p.Scope == groupcast.ScopeAgent && p.Device != nil
	case users:
		return p.Local || p.Scope == groupcast.ScopeCLI || p.Scope == groupcast.ScopeWeb
	case admins:
		return p.Admin()
	default:
		return false
	}
}

const (
	cookieName = "__Host-gc"
	maxToken   = 512 // bytes of a token; ours have 43
)

type contextKey int

const (
	keyPrincipal contextKey = iota
	keyPouring
	keyLocal
	keyRequest
	keyIdempotency
)

// localPeer is what a request over the Unix socket brings: the socket's file mode and the
// peer's user ID have already been checked (security.md L1).
var localPeer = groupcast.Principal{Local: true, Scope: groupcast.ScopeCLI, From: "local"}

func principalOf(ctx context.Context) groupcast.Principal {
	p, _ := ctx.Value(keyPrincipal).(groupcast.Principal)
	return p
}

// gate authenticates a request and checks its access, before any of the body is read.
func (a *api) gate(op route) func(huma.Context, func(huma.Context)) {
	need := op.access
	return func(c huma.Context, next func(huma.Context)) {
		if need == open {
			next(c)
			return
		}
		if with, end := a.enter(c, need, op.long); with != nil {
			defer end()
			next(with)
		}
	}
}

// enter lets a principal in, or answers why not and gives nil. What it needs of the stack is free again while the
// operation runs.
func (a *api) enter(c huma.Context, need access, long bool) (with huma.Context, end func()) {
	r, w := humago.Unwrap(c)
	p, err := a.authenticate(r)
	if err != nil {
		writeProblem(w, a.answer(r.Context(), err))
		return nil, nil
	}
	noteActor(r.Context(), p)
	if !need.allows(p) {
		writeProblem(w, problem(refusal(need, p)))
		return nil, nil
	}
	if need == agents {
		if err := a.paces.Take(p, long, time.Now()); err != nil {
			writeProblem(w, a.answer(r.Context(), err))
			return nil, nil
		}
	}
	end, err = a.turns.Begin(r.Context(), p, long)
	if err != nil {
		writeProblem(w, a.answer(r.Context(), err))
		return nil, nil
	}
	return huma.WithValue(c, keyPrincipal, p), end
}

func refusal(need access, p groupcast.Principal) *groupcast.Error {
	switch {
	case need == agents:
		return groupcast.Errorf(groupcast.EForbidden, "only a receiving device may do this").
			WithHint("use the token that a receiver got when it logged in")
	case need == relays:
		return groupcast.Errorf(groupcast.EForbidden, "only a relay may do this").
			WithHint("use the token that a relay got when it was enrolled")
	case p.Scope == groupcast.ScopeRelay:
		return groupcast.Errorf(groupcast.EForbidden, "the token of a relay may not do this").
			WithHint("log in as a user").WithNext(groupcast.Next{Step: groupcast.StepLogin})
	case p.Scope == groupcast.ScopeAgent:
		return groupcast.Errorf(groupcast.EForbidden, "the token of a receiving device may not do this").
			WithHint("log in as a user").WithNext(groupcast.Next{Step: groupcast.StepLogin})
	}
	return groupcast.Errorf(groupcast.EForbidden, "only an administrator may do this").
		WithHint("log in as an administrator").WithNext(groupcast.Next{Step: groupcast.StepAdmin})
}

func (a *api) authenticate(r *http.Request) (groupcast.Principal, error) {
	if local, _ := r.Context().Value(keyLocal).(bool); local {
		return localPeer, nil
	}
	token, cookie := tokenOf(r)
	if token == "" || len(token) > maxToken {
		return groupcast.Principal{}, groupcast.Errorf(groupcast.EUnauthorized, "this needs a login").
			WithHint("log in").WithNext(groupcast.Next{Step: groupcast.StepLogin})
	}
	p, err := a.service.Authenticate(r.Context(), remoteAddr(r), token)
	if err != nil {
		if groupcast.ErrorCode(err) == groupcast.EUnauthorized {
			door.Doubted(r.Context())
		}
		return groupcast.Principal{}, err
	}
	// A token of another scope in a cookie was not set by sign-in.
	if p.Local || (cookie && p.Scope != groupcast.ScopeWeb) {
		return groupcast.Principal{}, groupcast.Errorf(groupcast.EUnauthorized,
			"a browser's cookie must hold a token of scope web").
			WithHint("log in again").WithNext(groupcast.Next{Step: groupcast.StepLogin})
	}
	p.From = remoteAddr(r)
	return p, door.Admitted(r.Context(), p)
}

// tokenOf finds the token of a request, and whether it came in the browser's cookie.
func tokenOf(r *http.Request) (token string, cookie bool) {
	if scheme, t, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(t), false
	}
	if c, err := r.Cookie(cookieName); err == nil {
		return c.Value, true
	}
	return "", false
}

// remoteAddr is the peer's address without its port. Forwarding headers are ignored.
func remoteAddr(r *http.Request) string {
	if local, _ := r.Context().Value(keyLocal).(bool); local {
		return localPeer.From
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
