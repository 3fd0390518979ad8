package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// maxBlocks is how many blocks one request may ask for.
const maxBlocks = 4096

func (a *api) agentRoutes() {
	reply(a, route{
		method: http.MethodGet, path: "/agent/state", id: "agent-state", access: agents,
		summary: "Read the state of a receiver: its groups and what it is owed",
	},
		func(ctx context.Context, p groupcast.Principal, _ *nothing) (groupcast.AgentState, error) {
			return a.service.AgentState(ctx, p)
		})
	a.ownLoginRoutes()
	reply(a, route{
		method: http.MethodPost, path: "/agent/ready", id: "agent-ready", access: agents, body: maxRanges,
		summary: "Answer an offer and get the session's keys",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.Ready }) (groupcast.Handout, error) {
			out, err := a.service.Ready(ctx, p, in.Body)
			return out, hide(err)
		})
	act(a, route{
		method: http.MethodPost, path: "/agent/reports", id: "agent-report", access: agents,
		summary: "Report progress or feedback over HTTPS",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.AgentReport }) error {
			return hide(a.service.Report(ctx, p, in.Body))
		})
	act(a, route{
		method: http.MethodPost, path: "/agent/entries", id: "agent-entries", access: agents, body: maxEntries,
		summary: "Report entries that the device does not have under their names",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.EntryPage }) error {
			return hide(a.service.Entries(ctx, p, in.Body))
		})
	act(a, route{
		method: http.MethodPost, path: "/agent/receipts", id: "agent-receipt", access: agents,
		summary: "Send a signed receipt",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.Receipt }) error {
			return hide(a.service.Receipt(ctx, p, in.Body))
		})
	act(a, route{
		method: http.MethodPost, path: "/agent/probes", id: "agent-probes", access: agents,
		summary: "Report which multicast probes the device received",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.ProbeAnswer }) error {
			return a.service.ProbesHeard(ctx, p, in.Body)
		})
}

// ownLoginRoutes are about the device's own login.
func (a *api) ownLoginRoutes() {
	reply(a, route{
		method: http.MethodPost, path: "/agent/challenge", id: "agent-challenge", access: open, body: maxLogin,
		summary: "Get a challenge that the device signs with its key",
	},
		func(ctx context.Context, _ groupcast.Principal, in *struct {
			Body struct {
				Token string `json:"token" maxLength:"512"`
			}
		},
		) (groupcast.Challenge, error) {
			return a.service.Challenge(ctx, in.Body.Token)
		})
	act(a, route{
		method: http.MethodPost, path: "/agent/renew", id: "agent-renew", access: open, body: maxLogin,
		summary: "Renew a token that was not used for long",
	},
		func(ctx context.Context, _ groupcast.Principal, in *struct{ Body groupcast.Renewal }) error {
			return a.service.Renew(ctx, addressOf(ctx), in.Body)
		})
	reply(a, route{
		method: http.MethodPost, path: "/agent/fork", id: "agent-fork", access: agents, body: maxLogin,
		summary: "Make a new device for a copied home folder",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.Fork }) (groupcast.LoggedIn, error) {
			return a.service.Fork(ctx, p, in.Body)
		})
}

// contentRoutes serve bytes to devices that are owed them.
func (a *api) contentRoutes() {
	streamed(a, route{
		method: http.MethodGet, path: "/agent/transfers/{no}/manifest", id: "agent-manifest", access: agents,
		summary: "Read the manifest of a transfer that is owed to the device",
	},
		func(ctx context.Context, p groupcast.Principal, in *numbered) (*huma.StreamResponse, error) {
			r, err := a.service.Manifest(ctx, p, in.No)
			if err != nil {
				return nil, hide(err)
			}
			return a.copyOut(r, "attachment"), nil
		})
	streamed(a, route{
		method: http.MethodGet, path: "/agent/transfers/{no}/blocks/{first}", id: "agent-blocks",
		access:  agents,
		summary: "Read consecutive blocks that are owed to the device",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			No    protocol.TransferNo  `path:"no"`
			First protocol.BlockNumber `path:"first" maximum:"4294967295"`
			Count uint32               `query:"count" default:"1" minimum:"1" maximum:"4096" doc:"How many blocks"`
		},
		) (*huma.StreamResponse, error) {
			r, err := a.service.Blocks(ctx, p, in.No, in.First, min(in.Count, maxBlocks))
			if err != nil {
				return nil, hide(err)
			}
			return a.copyOut(r, "attachment"), nil
		})
}
