package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/paging"
)

func (a *api) operationRoutes() {
	told(a, route{
		method: http.MethodPost, path: "/check", id: "check", access: admins,
		summary: "Check whether devices answer and receive multicast",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.CheckQuery },
			told func(groupcast.CheckResult),
		) error {
			return a.service.Check(ctx, p, in.Body, told)
		})
	registerOutput(a, a.operation(route{
		method: http.MethodGet, path: "/audit", id: "audit", access: admins,
		summary: "Read the audit log, newest first",
	}), a.auditLog)
	reply(a, route{
		method: http.MethodGet, path: "/status", id: "status", access: admins,
		summary: "Show the server's state",
	},
		func(ctx context.Context, p groupcast.Principal, _ *nothing) (groupcast.ServerStatus, error) {
			return a.service.ServerStatus(ctx, p)
		})
	act(a, route{
		method: http.MethodPost, path: "/confirm-memberships", id: "confirm-memberships", access: admins,
		summary: "Confirm the memberships after a restore, so that sending begins again",
	},
		func(ctx context.Context, p groupcast.Principal, _ *nothing) error {
			return a.service.ConfirmMemberships(ctx, p)
		})
	streamed(a, route{
		method: http.MethodGet, path: "/backup", id: "backup", access: admins,
		summary: "Download a backup: a tar with the database and the keys",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Content bool `query:"content" doc:"Whether uploaded files are part of it"`
		},
		) (*huma.StreamResponse, error) {
			r, err := a.service.Backup(ctx, p, groupcast.BackupOptions{Content: in.Content})
			if err != nil {
				return nil, err
			}
			return a.copyOut(r, `attachment; filename="groupcast-backup.tar"`), nil
		})
}

// auditFilter narrows the audit log.
type auditFilter struct {
	Limit  int       `query:"limit" minimum:"0" maximum:"1000" doc:"Maximum number of entries; 0 means 100"`
	Cursor string    `query:"cursor" maxLength:"8192" doc:"Go on here: X-Next-Cursor of the answer before"`
	Before int64     `query:"before" minimum:"0" doc:"Only entries with a smaller ID; cursor does the same"`
	Actor  string    `query:"actor" doc:"Only entries of this user"`
	Action string    `query:"action" doc:"Only this action; member stands for all of member.add, member.remove …"`
	Object string    `query:"object" doc:"Only entries about this object"`
	Since  time.Time `query:"since" doc:"Only entries from this time on, as RFC 3339"`
	Until  time.Time `query:"until" doc:"Only entries before this time, as RFC 3339"`

	of uint64
}

// Resolve notes what else the request says.
func (in *auditFilter) Resolve(c huma.Context) []error {
	u := c.URL()
	in.of = listOf(&u)
	return nil
}

var _ huma.Resolver = (*auditFilter)(nil)

// auditLog goes on by the IDs of entries: they only grow.
func (a *api) auditLog(ctx context.Context, in *auditFilter) (*page[groupcast.AuditEntry], error) {
	if in.Cursor != "" {
		before, err := paging.Mark(in.Cursor, in.of)
		if err != nil {
			return nil, err
		}
		in.Before = int64(before)
	}
	limit := cmp.Or(in.Limit, defaultAudit)
	found, err := a.service.Audit(ctx, principalOf(ctx), groupcast.AuditQuery{
		Limit: limit + 1, Before: in.Before, Actor: in.Actor, Action: in.Action, Object: in.Object, Since: in.Since,
		Until: in.Until,
	})
	out := &page[groupcast.AuditEntry]{Counted{Total: found.Total}, found.Rows}
	if len(out.Body) > limit {
		out.Body = out.Body[:limit]
		out.Next = paging.CursorAt(uint64(out.Body[limit-1].ID), in.of)
	}
	if out.Body == nil {
		out.Body = []groupcast.AuditEntry{}
	}
	return out, err
}

const defaultAudit = 100
