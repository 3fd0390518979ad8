package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/paging"
	"github.com/groupcast/groupcast/internal/protocol"
)

func (a *api) machineRoutes() {
	reply(a, route{method: http.MethodGet, path: "/users/{name}", id: "user", access: admins, summary: "Show a user"},
		func(ctx context.Context, p groupcast.Principal, in *named) (groupcast.User, error) {
			return a.service.User(ctx, p, in.Name)
		})
	reply(a, route{
		method: http.MethodGet, path: "/devices/{id}", id: "device", access: users,
		summary: "Show a device, its groups and how much it is owed; users see their own",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			ID protocol.DeviceID `path:"id"`
		},
		) (groupcast.Device, error) {
			return a.service.Device(ctx, p, in.ID)
		})
	paged(a, route{
		method: http.MethodGet, path: "/devices/{id}/deliveries", id: "device-deliveries", access: users,
		summary: "What a device is owed and got, the newest transfer first; users see their own",
	},
		rows[receivedFilter, groupcast.Received]{
			read: func(
				ctx context.Context, p groupcast.Principal, in *receivedFilter, w groupcast.Window,
			) (groupcast.Page[groupcast.Received], error) {
				return a.service.DeviceDeliveries(ctx, p, in.ID, w)
			},
			key: receivedKey, keep: func(in *receivedFilter) func(groupcast.Received) bool { return inState(in.State) },
		})
	registerOutput(a, a.operation(route{
		method: http.MethodGet, path: "/files", id: "sent-files", access: admins,
		summary: "Look for files by name or digest in everything that was ever sent, the newest transfer first",
	}), a.sentFiles)
}

// stateFilter narrows a list of deliveries.
type stateFilter struct {
	Window
	State string `query:"state" doc:"Only deliveries in this state; several stand between commas"`
}

func (in *stateFilter) keep() func(groupcast.Received) bool { return inState(in.State) }

func inState(state string) func(groupcast.Received) bool {
	return is(state, func(r groupcast.Received) string { return string(r.State) })
}

type receivedFilter struct {
	Window
	ID    protocol.DeviceID `path:"id"`
	State string            `query:"state" doc:"Only deliveries in this state; several stand between commas"`
}

func receivedKey(r groupcast.Received) string { return names(newest(r.Transfer), r.Device) }

// fileSearch asks for files that were sent. An answer may end early: the search has a bound in time.
type fileSearch struct {
	Name   string              `query:"name" maxLength:"1024" doc:"Part of the path, in any case"`
	Digest string              `query:"digest" maxLength:"64" doc:"Digest of the file in hex, or how it begins"`
	Before protocol.TransferNo `query:"before" doc:"Only transfers below this number; cursor does the same"`
	Limit  int                 `query:"limit" minimum:"0" maximum:"1000" doc:"At most about so many files; 0: 1,000"`
	Cursor string              `query:"cursor" maxLength:"8192" doc:"Go on here: X-Next-Cursor of the answer before"`

	of uint64
}

// Resolve notes what else the request says.
func (in *fileSearch) Resolve(c huma.Context) []error {
	u := c.URL()
	in.of = listOf(&u)
	return nil
}

var _ huma.Resolver = (*fileSearch)(nil)

type foundFiles struct {
	Next string `header:"X-Next-Cursor" doc:"The cursor for what was not looked at yet; left out if all was"`
	Body groupcast.SentFiles
}

func (a *api) sentFiles(ctx context.Context, in *fileSearch) (*foundFiles, error) {
	if in.Cursor != "" {
		before, err := paging.Mark(in.Cursor, in.of)
		if err != nil {
			return nil, err
		}
		in.Before = protocol.TransferNo(before)
	}
	found, err := a.service.SentFiles(ctx, principalOf(ctx),
		groupcast.SentFileQuery{Name: in.Name, Digest: in.Digest, Before: in.Before, Limit: in.Limit})
	if found.Rows == nil {
		found.Rows = []groupcast.SentFile{}
	}
	out := &foundFiles{Body: found}
	if found.Before > 0 {
		out.Next = paging.CursorAt(uint64(found.Before), in.of)
	}
	return out, err
}
