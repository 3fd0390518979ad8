package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// pagedRoutes serve paged transfers to devices that are owed them.
func (a *api) pagedRoutes() {
	streamed(a, route{
		method: http.MethodGet, path: "/agent/transfers/{no}/skeleton", id: "agent-skeleton", access: agents,
		summary: "Read the skeleton of a paged transfer that is owed to the device",
	},
		func(ctx context.Context, p groupcast.Principal, in *numbered) (*huma.StreamResponse, error) {
			r, err := a.service.Skeleton(ctx, p, in.No)
			if err != nil {
				return nil, hide(err)
			}
			return a.copyOut(r, "attachment"), nil
		})
	streamed(a, route{
		method: http.MethodGet, path: "/agent/transfers/{no}/pages", id: "agent-pages", access: agents,
		summary: "Read the pages of a paged transfer that is owed to the device",
	}, a.transferPages)
	streamed(a, route{
		method: http.MethodGet, path: "/agent/transfers/{no}/stream/{first}", id: "agent-stream", access: agents,
		summary: "Read consecutive blocks of a paged transfer that is owed to the device",
	}, a.streamBlocks)
	act(a, route{
		method: http.MethodPut, path: "/agent/transfers/{no}/lacks", id: "agent-lacks", access: agents,
		body: groupcast.MaxLacksBytes, octets: true,
		summary: "Send the list of the blocks that the device lacks (application/octet-stream)",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			No      protocol.TransferNo `path:"no"`
			RawBody []byte
		},
		) error {
			return hide(a.service.KeepLacks(ctx, p, in.No, in.RawBody))
		})
	reply(a, route{
		method: http.MethodGet, path: "/agent/sessions/{id}/clock", id: "agent-clock", access: agents,
		summary: "Ask for the time of a session at its sender",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct {
			ID protocol.SessionID `path:"id"`
		},
		) (groupcast.SessionClock, error) {
			micros, err := a.service.SessionClock(ctx, p, in.ID)
			return groupcast.SessionClock{Micros: micros}, hide(err)
		})
}

// pagesFrom asks for pages.
type pagesFrom struct {
	No   protocol.TransferNo `path:"no"`
	From protocol.PageNo     `query:"from" default:"0" maximum:"65535" doc:"Number of the first page"`
}

func (a *api) transferPages(
	ctx context.Context, p groupcast.Principal, in *pagesFrom,
) (*huma.StreamResponse, error) {
	r, err := a.service.TransferPages(ctx, p, in.No, in.From)
	if err != nil {
		return nil, hide(err)
	}
	return a.copyOut(r, "attachment"), nil
}

// streamRange asks for blocks of the stream.
type streamRange struct {
	No    protocol.TransferNo  `path:"no"`
	First protocol.BlockNumber `path:"first" maximum:"4294967295"`
	Count uint32               `query:"count" default:"1" minimum:"1" maximum:"4096" doc:"How many blocks"`
}

func (in *streamRange) asked() protocol.Range {
	return protocol.Range{First: in.First, Count: min(in.Count, groupcast.MaxStreamCount)}
}

func (a *api) streamBlocks(
	ctx context.Context, p groupcast.Principal, in *streamRange,
) (*huma.StreamResponse, error) {
	r, err := a.service.Stream(ctx, p, in.No, in.asked())
	if err != nil {
		return nil, hide(err)
	}
	return a.copyOut(r, "attachment"), nil
}
