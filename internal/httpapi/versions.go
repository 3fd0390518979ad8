package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/etag"
	"github.com/groupcast/groupcast/internal/protocol"
)

// What can be changed has a version: the ETag of the answer that shows it. It is a hash of what people set, not of
// what passes (progress, who is there now). A call that changes something below one of these paths takes If-Match
// and is refused with EChanged unless the thing still has one of the versions there.

// versioned are the paths of the things that have a version.
var versioned = []string{"/users/{name}", "/groups/{name}", "/transfers/{no}", "/devices/{id}", "/server"}

// versionedPath is the path of the thing that a route changes; "" for a route that takes no If-Match. Members
// cannot read a group: they have no version of it.
func (r route) versionedPath() string {
	if r.method == http.MethodGet || (r.access != admins && !strings.HasPrefix(r.path, "/devices/")) {
		return ""
	}
	for _, path := range versioned {
		if r.path == path || strings.HasPrefix(r.path, path+"/") {
			return path
		}
	}
	return ""
}

// current reads the thing that a request is about.
func (a *api) current(ctx context.Context, p groupcast.Principal, path string, r *http.Request) (any, error) {
	switch path {
	case "/users/{name}":
		return a.service.User(ctx, p, r.PathValue("name"))
	case "/groups/{name}":
		return a.service.Group(ctx, p, r.PathValue("name"))
	case "/server":
		return a.service.ServerStatus(ctx, p)
	case "/devices/{id}":
		var id protocol.DeviceID
		if err := id.UnmarshalText([]byte(r.PathValue("id"))); err != nil {
			return nil, groupcast.Errorf(groupcast.EInvalid, "that is not the ID of a device")
		}
		return a.service.Device(ctx, p, id)
	}
	no, err := strconv.ParseUint(r.PathValue("no"), 10, 64)
	if err != nil {
		return nil, groupcast.Errorf(groupcast.EInvalid, "that is not the number of a transfer")
	}
	return a.service.Transfer(ctx, p, protocol.TransferNo(no))
}

// versionedOutput is an answer with a thing that has a version.
type versionedOutput[O any] struct {
	ETag string `header:"ETag" doc:"The version, for If-Match"`
	Body O
}

const aboutIfMatch = "Only if it has this version (the ETag of the answer that showed it), else the answer is 412; " +
	"left out: whatever version it has"

// conditional lets an operation take If-Match.
func (a *api) conditional(op *huma.Operation, path string) {
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: "If-Match", In: "header", Description: aboutIfMatch,
		Schema: &huma.Schema{Type: huma.TypeString}, Example: `"8f14e45fceea167a"`,
	})
	op.Errors = append(op.Errors, http.StatusPreconditionFailed)
	op.Middlewares = append(op.Middlewares, func(c huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(c)
		wanted := strings.TrimSpace(strings.Join(r.Header.Values("If-Match"), ","))
		release, err := a.locks.Take(c.Context(), strings.NewReplacer("{name}", r.PathValue("name"),
			"{id}", r.PathValue("id"), "{no}", r.PathValue("no")).Replace(path), wanted != "")
		if err != nil {
			writeProblem(w, a.answer(c.Context(), err))
			return
		}
		defer release()
		if wanted != "" {
			thing, err := a.current(c.Context(), principalOf(c.Context()), path, r)
			if err != nil {
				writeProblem(w, a.answer(c.Context(), err))
				return
			}
			if now := etag.Of(thing); !etag.Matches(wanted, now) {
				writeProblem(w, changed(now))
				return
			}
		}
		next(c)
	})
}

func changed(now string) *Problem {
	p := problem(groupcast.Errorf(groupcast.EChanged, "it is not in the version that If-Match names").
		WithHint("read it again, decide, and send its ETag, which is %s now", now))
	p.Current = now
	return p
}
