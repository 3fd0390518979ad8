package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/groupcast/groupcast"
)

func (a *api) operationRoutes() {
	listed(a, route{
		method: http.MethodPost, path: "/check", id: "check", access: admins,
		summary: "Check whether devices answer and receive multicast",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.CheckQuery }) ([]groupcast.CheckResult,
			error,
		) {
			return a.service.Check(ctx, p, in.Body)
		})
	listed(a, route{
		method: http.MethodGet, path: "/audit", id: "audit", access: admins,
		summary: "Read the audit log, newest first",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			Limit  int    `query:"limit" minimum:"0" maximum:"10000" doc:"Maximum number of entries; 0 means 100"`
			Before int64  `query:"before" doc:"Only entries with a smaller ID; 0 means all"`
			Actor  string `query:"actor" doc:"Only entries of this user"`
			Action string `query:"action" doc:"Only this action; member stands for all of member.add, member.remove …"`
			Object string `query:"object" doc:"Only entries about this object"`
		},
		) ([]groupcast.AuditEntry, error) {
			return a.service.Audit(ctx, p, groupcast.AuditQuery{
				Limit: in.Limit, Before: in.Before, Actor: in.Actor,
				Action: in.Action, Object: in.Object,
			})
		})
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
