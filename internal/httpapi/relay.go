package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/groupcast/groupcast"
)

// maxRelayReport bounds what a relay says of all transfers that it may be told of.
const maxRelayReport = 512 << 10

// relayRoutes are the calls about relays, and those of relays.
func (a *api) relayRoutes() {
	reply(a, route{
		method: http.MethodPost, path: "/relays", id: "add-relay", access: admins,
		summary: "Announce a relay of a site, and get the code that it begins with",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.NewRelay },
		) (groupcast.RelayInvitation, error) {
			return a.service.AddRelay(ctx, p, in.Body)
		})
	paged(a, route{
		method: http.MethodGet, path: "/relays", id: "relays", access: admins,
		summary: "List relays, with what they hold",
	},
		rows[struct{ Window }, groupcast.Relay]{
			read: inMemory(func(ctx context.Context, p groupcast.Principal, _ *struct{ Window }) ([]groupcast.Relay, error) {
				return a.service.Relays(ctx, p)
			}),
			key: func(r groupcast.Relay) string { return r.Name },
		})
	act(a, route{
		method: http.MethodDelete, path: "/relays/{name}", id: "revoke-relay", access: admins,
		summary: "End a relay for good",
	},
		func(ctx context.Context, p groupcast.Principal, in *named) error {
			return a.service.RevokeRelay(ctx, p, in.Name)
		})
	act(a, route{
		method: http.MethodPut, path: "/sites/{name}/groups/{group}", id: "grant-site", access: admins,
		summary: "Let the relays of a site have what a group is sent",
	},
		func(ctx context.Context, p groupcast.Principal, in *siteGroup) error {
			return a.service.GrantSite(ctx, p, in.Name, in.Group)
		})
	act(a, route{
		method: http.MethodDelete, path: "/sites/{name}/groups/{group}", id: "ungrant-site", access: admins,
		summary: "Take a group from the relays of a site",
	},
		func(ctx context.Context, p groupcast.Principal, in *siteGroup) error {
			return a.service.UngrantSite(ctx, p, in.Name, in.Group)
		})
	a.relaysOwnRoutes()
}

type siteGroup struct {
	Name  string `path:"name"`
	Group string `path:"group"`
}

// relaysOwnRoutes are what relays call.
func (a *api) relaysOwnRoutes() {
	reply(a, route{
		method: http.MethodPost, path: "/relays/enrol", id: "enrol-relay", access: open, body: maxLogin,
		summary: "Become a relay with the code of one that was announced",
	},
		func(ctx context.Context, _ groupcast.Principal, in *struct{ Body groupcast.RelayEnrolment },
		) (groupcast.RelayEnrolled, error) {
			return a.service.EnrolRelay(ctx, addressOf(ctx), in.Body)
		})
	reply(a, route{
		method: http.MethodPost, path: "/relay/renew", id: "relay-renew", access: relays, body: maxRelayReport,
		summary: "Say what the relay holds, and learn what it should hold",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body groupcast.RelayReport },
		) (groupcast.RelayOrders, error) {
			return a.service.RenewRelay(ctx, p, in.Body)
		})
	streamed(a, route{
		method: http.MethodGet, path: "/relay/transfers/{no}/skeleton", id: "relay-skeleton", access: relays,
		summary: "Read the skeleton of a paged transfer that is owed in the relay's site",
	},
		func(ctx context.Context, p groupcast.Principal, in *numbered) (*huma.StreamResponse, error) {
			r, err := a.service.RelaySkeleton(ctx, p, in.No)
			if err != nil {
				return nil, hide(err)
			}
			return a.copyOut(r, "attachment"), nil
		})
	streamed(a, route{
		method: http.MethodGet, path: "/relay/transfers/{no}/pages", id: "relay-pages", access: relays,
		summary: "Read the pages of a paged transfer that is owed in the relay's site",
	},
		func(ctx context.Context, p groupcast.Principal, in *pagesFrom) (*huma.StreamResponse, error) {
			r, err := a.service.RelayPages(ctx, p, in.No, in.From)
			if err != nil {
				return nil, hide(err)
			}
			return a.copyOut(r, "attachment"), nil
		})
	streamed(a, route{
		method: http.MethodGet, path: "/relay/transfers/{no}/stream/{first}", id: "relay-stream", access: relays,
		summary: "Read consecutive blocks of a paged transfer that is owed in the relay's site",
	},
		func(ctx context.Context, p groupcast.Principal, in *streamRange) (*huma.StreamResponse, error) {
			r, err := a.service.RelayStream(ctx, p, in.No, in.asked())
			if err != nil {
				return nil, hide(err)
			}
			return a.copyOut(r, "attachment"), nil
		})
}
